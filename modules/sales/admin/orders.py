"""Sales orders: their screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import g
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload, selectinload
from typing_extensions import override
from wtforms import Form

from erp.admin import DocumentScreen, ExtraColumn, Facts, NextStep, anchor_of
from erp.admin.access import screen_session
from erp.admin.numerals import money
from erp.errors import ErpError, InvalidTransition
from erp.text import say
from modules.sales import queries, services
from modules.sales.admin.allocations import ALLOCATIONS, ask_before_taking
from modules.sales.admin.backorders import BACKORDERS
from modules.sales.admin.filters import ORDER_FILTERS, ORDER_QUICK_FILTERS
from modules.sales.admin.forms import LINE_FIELDS, LINE_LABELS, LINE_LOOKUPS, check_line
from modules.sales.admin.lines import LINE_ACTIONS, LINE_COLUMNS
from modules.sales.admin.many import ORDER_LIST_ACTIONS
from modules.sales.admin.next_steps import next_step
from modules.sales.admin.order_actions import ORDER_ACTIONS
from modules.sales.admin.packs import PACKS
from modules.sales.domain import fulfilment
from modules.sales.errors import TakesFromEarlier
from modules.sales.models import Order, OrderLine
from modules.sales.states import ORDER, OrderState

EDITABLE = (OrderState.draft, OrderState.confirmed)
FIXED_WHEN_CONFIRMED = ("customer", "ordered_at", "lines")


def lines_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    """Return how many lines orders have, by id."""
    statuses = queries.order_statuses(session, [order.id for order in orders])
    return {id_: status.lines for id_, status in statuses.items()}


def fulfilment_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    """Return how far orders are, by id; drafts are left out."""
    statuses = queries.order_statuses(session, [order.id for order in orders if order.state != OrderState.draft])
    return {id_: status.fulfilment for id_, status in statuses.items()}


def _total(order: Order) -> str | None:
    prices = [line.unit_price * (line.quantity - line.cancelled) for line in order.lines if line.unit_price is not None]
    return money(sum(prices, Decimal(0)).quantize(Decimal("0.01"))) if prices else None


class OrderScreen(DocumentScreen):
    """Sales orders with their lines, actions and panels."""

    model = Order
    view_name = "sales.order"
    title = "Sales orders"
    noun = "sales order"
    url = "/sales/orders"
    icon = "fa-shopping-cart"
    edit_permission = "sales.edit"
    column_list = ("number", "customer", "ordered_at", "state", "priority", "shipping_policy", "note")
    columns_hidden = ("shipping_policy", "note")
    column_labels = {
        "number": "Order",
        "customer.name": "customer",
        "customer.code": say("customer code"),
        "ordered_at": "Ordered at",
        "shipping_policy": "Shipping",
    }
    column_formatters = {"number": lambda view, context, row, name: row.name}
    column_searchable_list = ("number", "customer.name", "customer.code")
    column_filters = (
        *("state", "number", "customer.name", "customer.code", "ordered_at", "priority", "shipping_policy"),
        *ORDER_FILTERS,
    )
    quick_filters = ORDER_QUICK_FILTERS
    list_actions = ORDER_LIST_ACTIONS
    column_default_sort = ("id", True)
    computed_columns = (
        ExtraColumn("lines", "Lines", lines_of),
        ExtraColumn("fulfilment", "Fulfilment", fulfilment_of),
    )
    form_columns = ("customer", "ordered_at", "priority", "shipping_policy", "note")
    form_ajax_refs = {"customer": {"fields": ("name", "code"), "placeholder": "Name or code of a customer"}}
    form_args = {
        "ordered_at": {"description": "Earlier orders are served first."},
        "priority": {"description": "Orders of a higher priority are served first."},
        "shipping_policy": {"description": "Complete: all of it at once, or nothing."},
    }
    form_widths = {"customer": 4, "ordered_at": 3, "priority": 2, "shipping_policy": 3, "note": 12}
    line_form_columns = LINE_FIELDS
    line_ajax_refs = LINE_LOOKUPS
    line_labels = LINE_LABELS
    header_fields = (
        ("Customer", anchor_of("sales.customer", "customer")),
        ("Ordered at", "ordered_at"),
        ("Priority", "priority"),
        ("Shipping", "shipping_policy"),
        ("Total", _total),
        ("Note", "note"),
    )
    lines_title = "Order lines"
    line_columns = LINE_COLUMNS
    line_loads = (joinedload(OrderLine.product), selectinload(OrderLine.backorders))
    detail_loads = (joinedload(Order.customer),)
    actions = ORDER_ACTIONS
    line_actions = LINE_ACTIONS
    panels = (ALLOCATIONS, BACKORDERS, PACKS)
    empty_message = "There are no sales orders yet. Enter the first one, or import them as CSV."

    @override
    def badges(self, row: Any) -> Sequence[Any]:
        if not row.is_confirmed:
            return []
        return [fulfilment(list(queries.line_progress(screen_session(), row.lines).values()))]

    @override
    def refused(self, id: int, error: ErpError) -> ResponseReturnValue:
        if not isinstance(error, TakesFromEarlier):
            return super().refused(id, error)
        g.erp_reading = True
        return ask_before_taking(self, self.get_one(id), error)

    @override
    def next_step(self, row: Any) -> NextStep | None:
        return next_step(screen_session(), row)

    def may_edit(self, row: Any) -> bool:
        """Return whether the order is a draft or confirmed, besides the right to edit it."""
        return super().may_edit(row) and row.state in EDITABLE

    def prepare_form(self, form: Form, row: Any) -> None:
        """Leave out what is fixed once an order is confirmed: its lines have actions of their own."""
        super().prepare_form(form, row)
        if row is not None and row.state != OrderState.draft:
            for name in FIXED_WHEN_CONFIRMED:
                del form[name]

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        if row.state == OrderState.draft:
            return super().depends_on(session, row)
        return {"state": row.state, "priority": row.priority, "shipping": row.shipping_policy, "note": row.note}

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store a draft with its lines, or what may be changed of a confirmed order."""
        if row is not None and row.state not in EDITABLE:
            raise InvalidTransition(state=row.state, action="edit")
        if "lines" not in form:
            self.fill(form, row)
            services.announce_order(session, row)
            return row
        if row is not None:
            # Another clerk may be confirming the draft: wait for the lock, then check that it is still a draft.
            services.lock_order(session, row.id)
            self.check_version(form, row)
            if not ORDER.allows(row.state, "confirm"):
                raise InvalidTransition(state=row.state, action="edit")
        return super().save(session, form, row)

    @override
    def check_line(self, values: Mapping[str, Any]) -> None:
        check_line(values)
