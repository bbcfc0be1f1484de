"""The screen of incoming goods: the open lines of purchase orders."""

from __future__ import annotations

from typing import Any

from flask import redirect
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup
from typing_extensions import override

from erp import clock
from erp.admin import Badge, ExtraColumn, Screen, of_each
from erp.admin.access import may
from erp.admin.formatting import badge, day
from erp.text import say
from modules.procurement.admin.filters import LINE_FILTERS, LINE_QUICK_FILTERS
from modules.procurement.admin.many import LINE_LIST_ACTIONS
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import may_still_come


def expected(line: PurchaseOrderLine) -> Markup | str:
    """Return a line's expected date, with a badge where the line is overdue."""
    shown = day(line.expected_on)
    if line.expected_on and line.expected_on < clock.today() and line.is_open:
        return Markup("{} {}").format(shown, badge(Badge("overdue", "warning")))
    return shown


class IncomingScreen(Screen):
    """The open lines of purchase orders."""

    model = PurchaseOrderLine
    view_name = "procurement.incoming"
    title = "Incoming goods"
    noun = "incoming line"
    plural = "incoming lines"
    url = "/procurement/incoming"
    icon = "fa-ship"
    can_create = can_edit = can_delete = False
    column_list = ("order", "product", "quantity", "received", "allocated", "expected_on", "status")
    computed_columns = (ExtraColumn("outstanding", "Outstanding", of_each(lambda line: line.outstanding)),)
    column_labels = {
        "order": "Purchase order",
        "quantity": "Ordered",
        "expected_on": "Expected",
        "order.number": say("purchase order"),
        "product.sku": "SKU",
        "product.name": "product",
        "order.supplier.name": "supplier",
        "status.name": "status",
    }
    column_formatters = {
        "order": lambda view, context, row, name: str(row),
        "expected_on": lambda view, context, row, name: expected(row),
    }
    column_searchable_list = ("order.number", "product.sku", "product.name")
    column_filters = (
        *("expected_on", "order.number", "product.sku", "product.name", "order.supplier.name", "status.name"),
        *("quantity", "received", "allocated", *LINE_FILTERS),
    )
    quick_filters = LINE_QUICK_FILTERS
    list_actions = LINE_LIST_ACTIONS
    column_totals = ("quantity", "received", "allocated")
    column_default_sort = "expected_on"
    column_sortable_list = ("expected_on",)
    empty_message = "Nothing is on its way."

    @override
    def condition(self) -> Any:
        return may_still_come()

    @override
    def _order_by(self, query: Any, joins: Any, sort_joins: Any, sort_field: Any, sort_desc: bool) -> Any:
        # Lines without a date come last on every database.
        column = sort_field.desc() if sort_desc else sort_field.asc()
        return query.order_by(column.nulls_last()), joins

    @override
    def details_url(self, row: Any) -> str:
        order = self.get_url("procurement_purchase_order.details_view", id=row.order_id)
        return f"{order}#line-{row.id}"

    @override
    def next_of(self, row: Any) -> tuple[str, str] | None:
        """Offer a new date for what is overdue to those who may give one, else to receive it."""
        is_overdue = row.expected_on is not None and row.expected_on < clock.today()
        offered = ("procurement.edit", "Expected date", "expected-date"), ("procurement.receive", "Receive", "receive")
        for right, label, name in offered if is_overdue else offered[1:]:
            if may(right):
                address = {"id": row.order_id, "line_id": row.id, "name": name}
                return label, str(self.get_url("procurement_purchase_order.line_action", **address))
        return None

    @expose("/<int:id>/")
    def details_view(self, id: int) -> ResponseReturnValue:
        """Redirect to the line on its purchase order."""
        return redirect(self.details_url(self.get_one(id)))
