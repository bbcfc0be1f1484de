"""The screen of sales orders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session, joinedload, selectinload
from wtforms import Form

from erp.admin import Badge, DocumentScreen, ExtraColumn, document_anchor
from erp.admin.formatting import badge, day, money
from erp.db import format_quantity
from erp.errors import InvalidTransition
from erp.options import options
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.states import Tracking
from modules.sales import services
from modules.sales.admin.line_actions import LINE_ACTIONS
from modules.sales.admin.order_actions import ORDER_ACTIONS
from modules.sales.admin.panels import PANELS
from modules.sales.forms import LINE_FIELDS, LINE_LABELS, LINE_LOOKUPS
from modules.sales.models import Order, OrderLine
from modules.sales.queries.screens import fulfilment_of, order_statuses
from modules.sales.states import ORDER, BackorderState, OrderState

FIXED_WHEN_CONFIRMED = ("customer", "ordered_at", "lines")


def _lines_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    statuses = order_statuses(session, [order.id for order in orders])
    return {id_: standing.lines for id_, standing in statuses.items()}


def _fulfilment_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    statuses = order_statuses(session, [order.id for order in orders if order.state != OrderState.draft])
    return {id_: standing.fulfilment for id_, standing in statuses.items()}


def _backordered(line: OrderLine) -> Decimal:
    return sum((row.open_quantity for row in line.backorders if row.state == BackorderState.open), Decimal(0))


def _fulfilment(line: OrderLine) -> Markup | None:
    if line.order.state == OrderState.draft:
        return None
    held = badge(Badge("held", "warning")) if line.hold_allocation and line.need else ""
    return Markup("<div>{}</div>{}{}").format(badge(fulfilment_of([line])), held, _shortage(line))


def _shortage(line: OrderLine) -> Markup | str:
    """Return what no backorder line tells while backorders are off."""
    missing = line.need - _backordered(line)
    if options.sales.backorders or missing <= 0 or line.product.tracking is Tracking.serial:
        return ""
    return badge(Badge(f"short {format_quantity(missing)}", "danger"))


def _product(line: OrderLine) -> Markup:
    shown = Markup("{} {}").format(
        document_anchor("inventory_lots.product", line.product_id, line.product),
        badge(Badge("preorder", "info")) if line.is_preorder else "",
    )
    price = "" if line.unit_price is None else f"{money(line.unit_price)} a {line.product.unit}"
    return Markup('<div style="min-width:12em">{}<div class="small text-muted">{}</div></div>').format(shown, price)


def _dates(line: OrderLine) -> Markup:
    """Show what the customer was told, and below it what the customer asked for."""
    asked = "" if line.requested_on is None else f"requested {day(line.requested_on)}"
    shown = Markup('<div class="text-nowrap">{}</div><div class="text-nowrap text-muted small">{}</div>')
    return shown.format(day(line.promise_date), asked)


def _customer(order: Order) -> Markup:
    return document_anchor("sales.customer", order.customer_id, order.customer)  # type: ignore[no-any-return]


def _total(order: Order) -> str | None:
    prices = [line.unit_price * (line.quantity - line.cancelled) for line in order.lines if line.unit_price is not None]
    return money(sum(prices, Decimal(0)).quantize(Decimal("0.01"))) if prices else None


class OrderScreen(DocumentScreen):
    """Sales orders with their lines, and all that is done to them."""

    model = Order
    view_name = "sales.order"
    title = "Sales orders"
    noun = "sales order"
    url = "/sales/orders"
    icon = "fa-shopping-cart"
    edit_permission = "sales.edit"
    column_list = ("number", "customer", "ordered_at", "state", "priority")
    column_labels = {
        "number": "Order",
        "customer.name": "customer",
        "customer.code": "customer code",
        "ordered_at": "Ordered at",
        "shipping_policy": "Shipping",
    }
    column_formatters = {"number": lambda view, context, row, name: row.name}
    column_searchable_list = ("number", "customer.name", "customer.code")
    column_filters = ("state", "number", "customer.name", "customer.code", "ordered_at", "priority", "shipping_policy")
    column_default_sort = ("id", True)
    computed_columns = (
        ExtraColumn("lines", "Lines", _lines_of),
        ExtraColumn("fulfilment", "Fulfilment", _fulfilment_of),
    )
    form_columns = ("customer", "ordered_at", "priority", "shipping_policy", "note")
    form_ajax_refs = {"customer": {"fields": ("name", "code"), "placeholder": "Name or code of a customer"}}
    form_args = {
        "ordered_at": {"description": "Earlier orders are served first."},
        "priority": {"description": "Higher before earlier."},
        "shipping_policy": {"description": "Complete: in one piece or not at all."},
    }
    form_widths = {"customer": 4, "ordered_at": 3, "priority": 2, "shipping_policy": 3, "note": 12}
    line_form_columns = LINE_FIELDS
    line_ajax_refs = LINE_LOOKUPS
    line_labels = LINE_LABELS
    header_fields = (
        ("Customer", _customer),
        ("Ordered at", "ordered_at"),
        ("Priority", "priority"),
        ("Shipping", "shipping_policy"),
        ("Total", _total),
        ("Note", "note"),
    )
    lines_title = "Order lines"
    line_columns = (
        ("#", "position"),
        ("Product", _product),
        ("Ordered", "quantity"),
        ("Allocated", "allocated"),
        ("Packed", "packed"),
        ("Backordered", _backordered),
        ("Cancelled", "cancelled"),
        ("Promised", _dates),
        ("Fulfilment", _fulfilment),
    )
    line_loads = (joinedload(OrderLine.product), selectinload(OrderLine.backorders))
    detail_loads = (joinedload(Order.customer),)
    actions = ORDER_ACTIONS
    line_actions = LINE_ACTIONS
    panels = PANELS
    empty_message = "There are no sales orders yet. Enter the first one, or import them as CSV."

    def badges(self, row: Any) -> Sequence[Any]:
        """Say how far the order is."""
        return [fulfilment_of(row.lines)] if row.state == OrderState.confirmed else []

    def may_edit(self, row: Any) -> bool:
        """Let drafts and confirmed orders be edited."""
        return super().may_edit(row) and row.state in (OrderState.draft, OrderState.confirmed)

    def prepare_form(self, form: Form, row: Any) -> None:
        """Leave out what stands once an order is confirmed: its lines have actions of their own."""
        super().prepare_form(form, row)
        if row is not None and row.state != OrderState.draft:
            for name in FIXED_WHEN_CONFIRMED:
                del form[name]

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store a draft with its lines, or what may be changed of a confirmed order."""
        if row is not None and row.state not in (OrderState.draft, OrderState.confirmed):
            raise InvalidTransition(state=row.state, action="edit")
        if "lines" not in form:
            self.fill(form, row)
            session.flush()
            return row
        if row is not None:
            # Whoever confirms it meanwhile is waited for, and then the draft is none any more.
            services.lock_order(session, row.id)
            self.check_version(form, row)
            if not ORDER.allows(row.state, "confirm"):
                raise InvalidTransition(state=row.state, action="edit")
        _check_lines(self.line_changes(form, row))
        return super().save(session, form, row)


def _check_lines(changes: Any) -> None:
    for values in (*changes.added, *(values for _, values in changes.changed)):
        product = values["product"]
        check_quantity(values["quantity"], product.unit_decimals, what=product.sku)
