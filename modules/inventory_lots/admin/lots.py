"""The screen of lots: their stock, allocations and moves; hold, expiry and release."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session, joinedload
from typing_extensions import override

from erp import clock
from erp.admin import Action, Badge, Facts, FormPage, Screen, anchor_of
from erp.admin.access import screen_session
from erp.db import format_quantity
from erp.text import say
from modules.inventory_lots import queries, services
from modules.inventory_lots.admin.filters import LOT_FILTERS, LOT_QUICK_FILTERS, of_totals
from modules.inventory_lots.admin.many import LOT_LIST_ACTIONS
from modules.inventory_lots.admin.panels import allocations_panel, stock_panels, totals_columns
from modules.inventory_lots.forms import ExpiryForm, ReasonForm, ReleaseForm
from modules.inventory_lots.models import Balance, Lot


def _has_unusable_allocations(lot: Any) -> bool:
    return bool(queries.unusable_balance_ids(screen_session(), Balance.lot_id == lot.id))


def _hold(_session: Session, lot: Any) -> Facts:
    return {say("on hold"): lot.on_hold}


def _release_hold(session: Session, lot: Any) -> str:
    return say("Lot {release_lot} is no longer on hold.", release_lot=services.release_lot(session, lot.id).number)


class _LotPage(FormPage):
    """A page of an action on a lot."""

    permission = "inventory_lots.hold"

    @override
    def heading(self, row: Any) -> str:
        return say("Lot {number}", number=row.number)


class HoldLot(_LotPage):
    """Asks why a lot is put on hold."""

    name = "hold"
    title = "Hold"
    icon = "fa-pause"
    allowed = staticmethod(lambda lot: not lot.on_hold)
    form_class = ReasonForm
    help = "From now on it is neither allocated nor packed. What is allocated on it stays so until it is released."

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return _hold(session, row)

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        return say(
            "Lot {hold_lot} is on hold.", hold_lot=services.hold_lot(session, row.id, why=form.reason.data or "").number
        )


class ChangeExpiry(_LotPage):
    """Asks for the last day on which a lot may be used."""

    name = "expiry"
    title = "Change Expiry"
    icon = "fa-calendar"
    button = "Save"
    form_class = ExpiryForm

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {say("expires on"): row.expires_on}

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.expires_on.data = row.expires_on

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        lot = services.set_expiry(session, row.id, form.expires_on.data, why=form.reason.data or "")
        return (
            say("Lot {lot} expires on {expires_on}.", lot=lot.number, expires_on=lot.expires_on)
            if lot.expires_on
            else say("Lot {lot} never expires.", lot=lot.number)
        )


class ReleaseAllocations(_LotPage):
    """Asks how much of what is allocated on a lot's unusable stock is released."""

    name = "release-allocations"
    title = "Release Allocations"
    icon = "fa-undo"
    allowed = staticmethod(_has_unusable_allocations)
    confirm = "Take this stock from the orders that hold it? They wait for other stock then."
    yes = "Release"
    style = "danger"
    template = "inventory_lots/release_allocations.html"
    form_class = ReleaseForm

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        stock = queries.stock_on_hand(session, Balance.lot_id == row.id)
        return {
            say("allocated at {location}", location=each.location): each.allocated
            for each in stock
            if each.why_unusable
        }

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        stock = queries.stock_on_hand(session, Balance.lot_id == row.id)
        return allocations_panel(session, {each.balance_id: each.location for each in stock if each.why_unusable})

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        released = services.release_allocations(session, row.id, quantity=form.quantity.data)
        return say("{released} released.", released=format_quantity(released))


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
    column_filters = (
        *("number", "product.sku", "received_on", "expires_on", "on_hold"),
        *LOT_FILTERS,
        *of_totals(Balance.lot_id, Lot.id),
    )
    quick_filters = LOT_QUICK_FILTERS
    column_default_sort = ("id", True)
    list_actions = LOT_LIST_ACTIONS
    computed_columns = totals_columns(queries.lot_totals)
    header_fields = (
        ("Product", anchor_of("inventory_lots.product", "product")),
        ("Received on", "received_on"),
        ("Expires on", "expires_on"),
    )
    detail_loads = (joinedload(Lot.product),)
    panels = stock_panels("lot_id", "number")
    actions = (
        HoldLot.action(),
        Action(
            name="release",
            label="Release Hold",
            permission="inventory_lots.hold",
            run=_release_hold,
            depends_on=_hold,
            allowed=lambda lot: bool(lot.on_hold),
            style="primary",
            icon="fa-play",
        ),
        ChangeExpiry.action(),
        ReleaseAllocations.action(),
    )
    empty_message = "There are no lots yet: receiving or counting stock makes them."

    @override
    def document_title(self, row: Any) -> str:
        return say("Lot {number}", number=row.number)

    @override
    def badges(self, row: Any) -> Sequence[Badge]:
        badges = []
        if row.on_hold:
            badges.append(Badge("On hold", "warning"))
        if row.expires_on is not None and row.expires_on < clock.today():
            badges.append(Badge("Expired", "danger"))
        return badges
