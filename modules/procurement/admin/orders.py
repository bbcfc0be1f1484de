"""The screen of purchase orders, and their actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session, joinedload
from typing_extensions import override
from wtforms import BooleanField, Form

from erp import clock
from erp.admin import Action, DocumentScreen, ExtraColumns, NextStep, Panel, anchor_of, by_ids
from erp.admin.access import may, screen_session
from erp.admin.numerals import money
from erp.text import say, verb
from modules.inventory_lots.domain import check_quantity
from modules.procurement import services
from modules.procurement.admin.expected_dates import ExpectedDates, show_impact_first
from modules.procurement.admin.filters import ORDER_FILTERS, ORDER_QUICK_FILTERS
from modules.procurement.admin.incoming import expected
from modules.procurement.admin.lines import LINE_ACTIONS
from modules.procurement.admin.many import ORDER_LIST_ACTIONS
from modules.procurement.admin.outlook import SUMMARY, next_step
from modules.procurement.admin.receiving import Receive
from modules.procurement.admin.reopening import Reopen
from modules.procurement.admin.reversal import can_reverse
from modules.procurement.admin.statuses import StatusOfAll, default_status, news_by_status, statuses
from modules.procurement.admin.versions import of_order_or_line
from modules.procurement.domain import LineValues, OrderEdit, OrderHead
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import outlooks, receipts_of_order
from modules.procurement.states import PURCHASE_ORDER, PurchaseState


def _costs(order: PurchaseOrder) -> dict[int, Decimal]:
    """Return what each line with a cost comes to, by its id."""
    counted = ((line.id, line.unit_cost, line.quantity - line.cancelled) for line in order.lines)
    return {line_id: cost * quantity for line_id, cost, quantity in counted if cost is not None}


def _total(order: PurchaseOrder) -> str | None:
    costs = _costs(order)
    return _rounded(sum(costs.values(), Decimal(0))) if costs else None


def _rounded(value: Decimal) -> str:
    return money(value.quantize(Decimal("0.01")))


def _receipts(session: Session, order: Any) -> Mapping[str, Any] | None:
    receipts = receipts_of_order(session, order.id)
    may_reverse = may("procurement.reverse_receipt")
    return {"receipts": receipts, "may_reverse": may_reverse, "can_reverse": can_reverse} if receipts else None


def _can(action: str) -> Callable[[Any], bool]:
    return lambda order: PURCHASE_ORDER.allows(order.state, action)


def _order(session: Session, order: PurchaseOrder) -> str:
    services.place_order(session, order.id)
    return say("{order} is ordered.", order=order.name)


def _cancel(session: Session, order: PurchaseOrder) -> str:
    name = order.name
    services.cancel_order(session, order.id)
    return say("{name} is cancelled.", name=name)


def _paper(screen: Any, order: PurchaseOrder) -> ResponseReturnValue:
    """Show the purchase order as it is sent to the supplier."""
    costs = {line_id: _rounded(cost) for line_id, cost in _costs(order).items()}
    return str(screen.render("procurement/paper.html", order=order, costs=costs, total=_total(order)))


ORDER_ACTIONS = (
    Action(
        name="order",
        label=verb("to order"),
        help="The purchase order gets its number, and its lines count as incoming supply.",
        permission="procurement.edit",
        run=_order,
        depends_on=of_order_or_line,
        allowed=_can("order"),
        style="primary",
        icon="fa-paper-plane",
        key="c",
    ),
    Receive.action(style="primary", key="r"),
    ExpectedDates.action(allowed=_can("close_short")),
    StatusOfAll.action(allowed=_can("change_line")),
    Action(
        name="print",
        label="Print",
        permission="procurement.view",
        page=_paper,
        allowed=lambda order: order.number is not None,
        icon="fa-print",
    ),
    Reopen.action(),
    Action(
        name="cancel",
        label=verb("to cancel"),
        permission="procurement.edit",
        run=_cancel,
        depends_on=of_order_or_line,
        confirm="Cancel this purchase order? Sales orders lose what it would bring, and are not cancelled themselves.",
        yes="Cancel purchase order",
        no="Keep it",
        allowed=_can("cancel"),
        style="danger",
        icon="fa-ban",
    ),
)


class PurchaseOrderScreen(DocumentScreen):
    """Purchase orders with their lines."""

    model = PurchaseOrder
    view_name = "procurement.purchase_order"
    title = "Purchase orders"
    noun = "purchase order"
    url = "/procurement/purchase-orders"
    icon = "fa-file-text-o"
    edit_permission = "procurement.edit"
    form_template = "procurement/order_form.html"
    column_list = ("number", "supplier", "ordered_on", "state")
    column_labels = {"number": "Purchase order", "supplier.name": "supplier", "supplier.code": say("supplier code")}
    column_formatters = {"number": lambda view, context, row, name: row.name}
    column_searchable_list = ("number", "supplier.name", "supplier.code")
    column_filters = ("state", "number", "supplier.name", "supplier.code", "ordered_on", *ORDER_FILTERS)
    quick_filters = ORDER_QUICK_FILTERS
    list_actions = ORDER_LIST_ACTIONS
    column_default_sort = ("id", True)
    computed_columns = (ExtraColumns((("lines", "Lines"), ("next_on", "Next expected")), by_ids(outlooks)),)
    form_columns = ("supplier", "ordered_on", "note", "release")
    form_ajax_refs = {"supplier": {"fields": ("name", "code"), "placeholder": "Name or code of a supplier"}}
    form_args = {"ordered_on": {"description": "Of lines expected on the same day, the one ordered first comes first."}}
    form_extra_fields = {
        "release": BooleanField(
            "Release",
            description="Where a line is lowered below what is allocated to sales orders, the last of them lose it.",
        )
    }
    form_widths = {"supplier": 6, "note": 12}
    line_form_columns = ("product", "quantity", "unit_cost", "expected_on", "status")
    line_ajax_refs = {
        "product": {"fields": ("sku", "name"), "filters": ("is_active",), "placeholder": "SKU or name of a product"}
    }
    line_labels = {"expected_on": "Expected on"}
    line_form_args = {
        "unit_cost": {"minimum": Decimal(0)},
        "status": {"query_factory": statuses, "default": default_status, "blank_text": say("None")},
    }
    header_fields = (
        ("Supplier", anchor_of("procurement.supplier", "supplier")),
        ("Ordered on", "ordered_on"),
        ("Total", _total),
        ("Note", "note"),
    )
    lines_title = "Order lines"
    line_columns = (
        ("#", "position"),
        ("Product", anchor_of("inventory_lots.product", "product")),
        ("Cost", "unit_cost"),
        ("Ordered", "quantity"),
        ("Received", "received"),
        ("Closed short", "cancelled"),
        ("Outstanding", "outstanding"),
        ("Allocated", "allocated"),
        ("Expected", expected),
        ("Status", "status.name"),
    )
    line_loads = (joinedload(PurchaseOrderLine.product), joinedload(PurchaseOrderLine.status))
    detail_loads = (joinedload(PurchaseOrder.supplier),)
    actions = ORDER_ACTIONS
    line_actions = LINE_ACTIONS
    panels = (SUMMARY, Panel("Receipts", "procurement/order_receipts.html", _receipts, counted="receipts"))
    empty_message = "There are no purchase orders yet. Enter the first one, or import them as CSV."

    @override
    def next_step(self, row: Any) -> NextStep | None:
        return next_step(row)

    @override
    def may_edit(self, row: Any) -> bool:
        return super().may_edit(row) and PURCHASE_ORDER.allows(row.state, "change_line")

    @override
    def prepare_form(self, form: Form, row: Any) -> None:
        super().prepare_form(form, row)
        if row is None or not any(line.allocated for line in row.lines):
            del form["release"]

    def render(self, template: str, **kwargs: Any) -> str:
        """Return a page; the form of an order also says whom a new status of its lines would notify."""
        if template == self.form_template and kwargs.get("row") is not None:
            kwargs["news"] = news_by_status(screen_session(), [line.id for line in kwargs["row"].lines])
        return super().render(template, **kwargs)

    @override
    def check_line(self, values: Mapping[str, Any]) -> None:
        product = values["product"]
        check_quantity(values["quantity"], product.unit_decimals, what=product.sku)

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        changes = self.line_changes(form, row)
        added = [_values(values) for values in changes.added]
        ordered_on = form["ordered_on"].data or (row.ordered_on if row else clock.today())
        head = OrderHead(form["supplier"].data.id, ordered_on, form["note"].data or "")
        if row is None:
            return services.create_order(session, head, lines=added)
        lines = [_values(values, line) for line, values in changes.changed] + added
        # Locked first: what is allocated or dated at the same moment is shown, too, or makes this form stale.
        row = services.lock_order(session, row.id, {values.product_id for values in lines})
        self.check_version(form, row)
        if row.state != PurchaseState.draft:
            show_impact_first(session, _new_dates(changes.changed))
        release = "release" in form and bool(form["release"].data)
        edit = OrderEdit(head, lines, removed=[line.id for line in changes.removed], release=release)
        services.edit_order(session, row.id, edit, row_version=int(form["row_version"].data or row.row_version))
        return row


def _values(values: Mapping[str, Any], line: PurchaseOrderLine | None = None) -> LineValues:
    return LineValues(
        product_id=values["product"].id,
        quantity=values["quantity"],
        unit_cost=values["unit_cost"],
        expected_on=values["expected_on"],
        status_id=values["status"].id if values["status"] else None,
        line_id=line.id if line else None,
    )


def _new_dates(changed: Sequence[tuple[PurchaseOrderLine, Mapping[str, Any]]]) -> dict[int, Any]:
    return {
        line.id: values["expected_on"]
        for line, values in changed
        if line.has_outstanding and values["expected_on"] != line.expected_on
    }
