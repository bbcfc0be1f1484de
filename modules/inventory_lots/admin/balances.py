"""The screen of balances: count, adjust, transfer, move to quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import request
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override
from wtforms import Form, StringField
from wtforms.validators import InputRequired, Length, Optional

from erp import clock
from erp.admin import (
    Badge,
    DayField,
    ExtraColumn,
    Facts,
    FormPage,
    Panel,
    QuantityField,
    Screen,
    anchor_of,
    of_each,
)
from erp.admin.access import screen_session
from erp.admin.fields import as_id
from erp.admin.filters import IsYes
from erp.db import format_quantity
from erp.text import Translatable, say
from modules.inventory_lots import queries, services
from modules.inventory_lots.admin.filters import BALANCE_FILTERS, EMPTY, NOT_USABLE
from modules.inventory_lots.admin.many import BALANCE_LIST_ACTIONS
from modules.inventory_lots.admin.panels import allocations_panel, moves_panel
from modules.inventory_lots.domain import EXPIRED, why_unusable
from modules.inventory_lots.forms import LOCATION_LOOKUP, SMALLEST, AdjustForm, QuarantineForm, TransferForm
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.inventory_lots.services import Count
from modules.inventory_lots.states import LocationKind


def _unusable(balance: Any) -> str:
    lot, today = balance.lot, clock.today()
    return why_unusable(balance.location.kind, on_hold=lot.on_hold, expires_on=lot.expires_on, today=today)


def _available(balance: Any) -> Decimal:
    return Decimal(0) if _unusable(balance) else Decimal(balance.unallocated)


def _state(balance: Any) -> Badge | None:
    why = _unusable(balance)
    return Badge(why, "danger" if why == EXPIRED else "warning") if why else None


def _allocations(session: Session, balance: Any) -> Mapping[str, Any]:
    return allocations_panel(session, {balance.id: balance.location.path})


def _moves(session: Session, balance: Any) -> Mapping[str, Any]:
    here = (StockMove.lot_id == balance.lot_id, StockMove.location_id == balance.location_id)
    return moves_panel(session, *here, search=balance.lot.number)


def _can_be_put_aside(balance: Any) -> bool:
    return balance.has_unallocated and balance.location.kind is LocationKind.stock


class _BalancePage(FormPage):
    """A page of an action on a balance."""

    permission = "inventory_lots.adjust"
    template = "inventory_lots/adjust.html"

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {
            say("on hand"): row.on_hand,
            "allocated": row.allocated,
            "location": row.location.path,
            say("kind of location"): row.location.kind,
            "lot": row.lot.number,
        }

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return dict(_allocations(session, row))


class AdjustStock(_BalancePage):
    """Asks what was counted."""

    name = "adjust"
    title = "Adjust Stock"
    icon = "fa-balance-scale"
    form_class = AdjustForm

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.quantity.data = row.on_hand

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        before = row.on_hand
        count = Count(row.product_id, row.location_id, form.quantity.data, lot_number=row.lot.number)
        services.adjust(session, count, reason=form.reason.data, release=form.release.data)
        return say(
            "Adjusted from {before} to {count}.", before=format_quantity(before), count=format_quantity(count.quantity)
        )


class TransferStock(_BalancePage):
    """Asks how much is moved, and where to."""

    name = "transfer"
    title = "Transfer"
    icon = "fa-truck"
    allowed = staticmethod(lambda balance: balance.has_unallocated)
    form_class = TransferForm
    help = "Only unallocated stock can be moved."

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.quantity.data = row.unallocated

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        quantity = form.quantity.data
        there = services.transfer(
            session, row.id, location_id=form.location.data.id, quantity=quantity, reason=form.reason.data or ""
        )
        return say("{quantity} moved to {location}.", quantity=format_quantity(quantity), location=there.location)


class QuarantineStock(TransferStock):
    """Asks how much is moved to quarantine."""

    name = "quarantine"
    title = "Move to Quarantine"
    icon = "fa-ban"
    allowed = staticmethod(_can_be_put_aside)
    form_class = QuarantineForm
    help = "It goes to the quarantine location of its warehouse, where it is neither allocated nor packed."

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        quantity = form.quantity.data
        there = services.quarantine(session, row.id, quantity=quantity, reason=form.reason.data)
        return say("{quantity} moved to {location}.", quantity=format_quantity(quantity), location=there.location)


class Empty(IsYes):
    """A filter for balances with nothing on hand."""

    @override
    def condition(self, column: Any, value: Any) -> Any:
        return column == 0 if value else column > 0


class BalanceScreen(Screen):
    """Each lot at each location. Empty balances are shown when a filter asks for them."""

    model = Balance
    view_name = "inventory_lots.balance"
    title = "Stock"
    noun = "stock count"
    url = "/inventory/stock"
    icon = "fa-cubes"
    edit_permission = "inventory_lots.adjust"
    can_edit = can_delete = False
    details_template = "inventory_lots/plain.html"
    column_list = (
        *("product.sku", "product.name", "lot.number", "location.path"),
        *("lot.expires_on", "on_hand", "allocated"),
    )
    column_labels = {
        "product.sku": "SKU",
        "product.name": "Product",
        "lot.number": "Lot",
        "location.path": "Location",
        "lot.received_on": "Received on",
        "lot.expires_on": "Expires on",
        "lot.on_hold": "On hold",
        "location.kind": "Kind of location",
    }
    column_searchable_list = ("product.sku", "product.name", "lot.number", "location.path")
    column_filters = (
        *("product.sku", "lot.number", "location.path", "location.kind", "lot.on_hold"),
        *("lot.received_on", "lot.expires_on", "on_hand", "allocated"),
        Empty(Balance.on_hand, "Empty"),
        *BALANCE_FILTERS,
    )
    column_default_sort = "product_id"
    list_actions = BALANCE_LIST_ACTIONS
    column_totals = ("on_hand", "allocated")
    quick_filters = (NOT_USABLE, EMPTY)
    computed_columns = (
        ExtraColumn("available", "Available", of_each(_available)),
        ExtraColumn("usable", "Usable", of_each(_state)),
    )
    form_columns = ("product", "location", "lot_number", "quantity", "received_on", "expires_on", "reason")
    form_ajax_refs = {
        "product": {"fields": ("sku", "name"), "placeholder": "SKU or name of a product"},
        "location": LOCATION_LOOKUP,
    }
    form_extra_fields = {
        "lot_number": StringField(
            "Lot or serial number",
            [Length(max=80)],
            description="Empty: the total at the location, for a product without tracking.",
        ),
        "quantity": QuantityField(
            "Counted quantity",
            [InputRequired("Enter the quantity that is there now.")],
            minimum=SMALLEST,
            description="The stock becomes this quantity.",
        ),
        "received_on": DayField("Received on", [Optional()], description="For a new lot. Empty: today."),
        "expires_on": DayField("Expires on", [Optional()], description="The last day of use."),
        "reason": StringField("Reason", [InputRequired("Say why the stock differs."), Length(max=500)]),
    }
    form_widths = {"lot_number": 3, "reason": 12}
    refused_fields = {"lot": "lot_number"}
    header_fields = (
        ("Product", anchor_of("inventory_lots.product", "product")),
        ("Lot", anchor_of("inventory_lots.lot", "lot")),
        ("Location", "location.path"),
        ("On hand", "on_hand"),
        ("Allocated", "allocated"),
        ("Available", _available),
        ("Received on", lambda balance: balance.lot.received_on),
        ("Expires on", lambda balance: balance.lot.expires_on),
    )
    detail_loads = (joinedload(Balance.product), joinedload(Balance.lot), joinedload(Balance.location))
    panels = (
        Panel("Allocated to", "inventory_lots/allocations.html", _allocations),
        Panel("Stock moves", "inventory_lots/moves.html", _moves),
    )
    actions = (
        AdjustStock.action(style="primary"),
        TransferStock.action(),
        QuarantineStock.action(),
    )
    empty_message = "Nothing is in stock yet. Count the stock, import it as CSV, or receive a purchase order."

    @override
    def counted(self, count: int) -> Translatable:
        return say("balance") if count == 1 else say("balances")

    @override
    def condition(self) -> Any:
        asked = any(name.startswith("flt") and "_empty_" in name for name in request.args)
        return None if asked else Balance.has_stock

    @override
    def condition_with(self, argument: str) -> Any:
        return None if argument == EMPTY.argument else Balance.has_stock

    @override
    def badges(self, row: Any) -> Sequence[Badge]:
        state = _state(row)
        return (state,) if state else ()

    @override
    def prepare_form(self, form: Form, row: Any) -> None:
        product_id = as_id(request.args.get("product", ""))
        if request.method == "GET" and product_id is not None:
            form["product"].data = screen_session().get(Product, product_id)

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        data = form.data
        number = (data["lot_number"] or "").strip() or None
        product_id, location_id = data["product"].id, data["location"].id
        dates = (data["received_on"], data["expires_on"])
        count = Count(product_id, location_id, data["quantity"], number, *dates)
        services.adjust(session, count, reason=data["reason"])
        return queries.balance_at(session, product_id, location_id, lot_number=number)
