"""The screen of lots: where one lies, who holds it, and everything that happened to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.admin import Action, Badge, FormPage, Panel, Screen, document_anchor
from erp.admin.access import screen_session
from erp.db import format_quantity
from modules.inventory_lots import queries, services
from modules.inventory_lots.admin.columns import allocations_shown, totals_columns
from modules.inventory_lots.forms import ExpiryForm, ReasonForm, ReleaseForm
from modules.inventory_lots.models import Lot, StockMove
from modules.inventory_lots.queries import screens


def _stock(session: Session, lot: Any) -> Mapping[str, Any]:
    return {"stock": screens.stock_of_lot(session, lot.id), "most": screens.ROWS_SHOWN, "search": lot.number}


def _allocations(session: Session, lot: Any) -> Mapping[str, Any]:
    return allocations_shown(session, {row.balance_id: row.location for row in screens.stock_of_lot(session, lot.id)})


def _moves(session: Session, lot: Any) -> Mapping[str, Any]:
    moves = screens.moves(session, StockMove.lot_id == lot.id)
    return {"moves": moves, "most": screens.ROWS_SHOWN, "search": lot.number}


def _product(lot: Any) -> Any:
    return document_anchor("inventory_lots.product", lot.product_id, lot.product)


def _is_expired(lot: Any) -> bool:
    return lot.expires_on is not None and lot.expires_on < clock.today()


def _has_stuck_allocations(lot: Any) -> bool:
    return bool(queries.unusable_balance_ids(screen_session(), lot.id))


def _release_hold(session: Session, lot: Any) -> str:
    return f"Lot {services.release_lot(session, lot.id).number} is not on hold any more."


class HoldLot(FormPage):
    """Asks why a lot is put on hold."""

    title = "Hold"
    button = "Hold"
    form_class = ReasonForm
    help = "From now on it is neither allocated nor packed. What is allocated on it stays so until it is released."

    def heading(self, row: Any) -> str:
        """Return the lot's number."""
        return f"Lot {row.number}"

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Put the lot on hold."""
        return f"Lot {services.hold_lot(session, row.id, why=form.reason.data or '').number} is on hold."


class ChangeExpiry(FormPage):
    """Asks for the last day on which a lot may be used."""

    title = "Change Expiry"
    form_class = ExpiryForm

    def heading(self, row: Any) -> str:
        """Return the lot's number."""
        return f"Lot {row.number}"

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Offer the date that it has."""
        form.expires_on.data = row.expires_on

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Change the date."""
        lot = services.set_expiry(session, row.id, form.expires_on.data, why=form.reason.data or "")
        return (
            f"Lot {lot.number} expires on {lot.expires_on}." if lot.expires_on else f"Lot {lot.number} never expires."
        )


class ReleaseAllocations(FormPage):
    """Asks how much of what is allocated on a lot that may not leave is given back."""

    title = "Release Allocations"
    button = "Release Allocations"
    confirm = "Take this stock from the orders that hold it? They wait for other stock then."
    yes = "Release"
    style = "danger"
    template = "inventory_lots/release.html"
    form_class = ReleaseForm

    def heading(self, row: Any) -> str:
        """Return the lot's number."""
        return f"Lot {row.number}"

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return who holds what of it."""
        stuck = set(queries.unusable_balance_ids(session, row.id))
        stock = screens.stock_of_lot(session, row.id)
        return allocations_shown(
            session, {each.balance_id: each.location for each in stock if each.balance_id in stuck}
        )

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Release them."""
        given = services.release_allocations(session, row.id, quantity=form.quantity.data)
        return f"{format_quantity(given)} released."


class LotScreen(Screen):
    """What was received together."""

    model = Lot
    view_name = "inventory_lots.lot"
    title = "Lots"
    noun = "lot"
    url = "/inventory/lots"
    icon = "fa-tags"
    can_create = can_edit = can_delete = False
    column_list = ("number", "product.sku", "product.name", "received_on", "expires_on", "on_hold")
    column_labels = {"number": "Lot", "product.sku": "SKU", "product.name": "Product"}
    column_searchable_list = ("number", "product.sku", "product.name")
    column_filters = ("number", "product.sku", "received_on", "expires_on", "on_hold")
    column_default_sort = ("id", True)
    computed_columns = totals_columns(screens.lot_totals)
    header_fields = (
        ("Product", _product),
        ("Received on", "received_on"),
        ("Expires on", "expires_on"),
    )
    detail_loads = (joinedload(Lot.product),)
    panels = (
        Panel("Where it lies", "inventory_lots/stock.html", _stock),
        Panel("Allocated to", "inventory_lots/allocations.html", _allocations),
        Panel("Stock moves", "inventory_lots/moves.html", _moves),
    )
    actions = (
        Action(
            name="hold",
            label="Hold",
            permission="inventory_lots.hold",
            page=HoldLot(),
            allowed=lambda lot: not lot.on_hold,
            icon="fa-pause",
        ),
        Action(
            name="release",
            label="Release Hold",
            permission="inventory_lots.hold",
            run=_release_hold,
            allowed=lambda lot: bool(lot.on_hold),
            style="primary",
            icon="fa-play",
        ),
        Action(
            name="expiry",
            label="Change Expiry",
            permission="inventory_lots.hold",
            page=ChangeExpiry(),
            icon="fa-calendar",
        ),
        Action(
            name="release-allocations",
            label="Release Allocations",
            permission="inventory_lots.hold",
            page=ReleaseAllocations(),
            allowed=_has_stuck_allocations,
            style="danger",
            icon="fa-undo",
        ),
    )
    empty_message = "There are no lots yet: receiving or counting stock makes them."

    def document_title(self, row: Any) -> str:
        """Return the heading."""
        return f"Lot {row.number}"

    def badges(self, row: Any) -> Sequence[Badge]:
        """Say why the lot may not leave."""
        found = []
        if row.on_hold:
            found.append(Badge("On hold", "warning"))
        if _is_expired(row):
            found.append(Badge("Expired", "danger"))
        return found
