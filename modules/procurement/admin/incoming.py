"""The screen of what is on its way, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import redirect
from flask.typing import ResponseReturnValue
from flask_admin import expose
from markupsafe import Markup
from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Badge, ExtraColumn, Screen
from erp.admin.formatting import badge, day
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import SUPPLY_STATES, has_outstanding


def expected(line: PurchaseOrderLine) -> Markup | str:
    """Return a line's expected date, marked where it has passed and something is still to come."""
    shown = day(line.expected_on)
    if line.expected_on and line.expected_on < clock.today() and line.outstanding and is_on_its_way(line):
        return Markup("{} {}").format(shown, badge(Badge("overdue", "warning")))
    return shown


def is_on_its_way(line: PurchaseOrderLine) -> bool:
    """Say whether goods of this line may still come."""
    return line.order.state in SUPPLY_STATES


def _is_still_to_come() -> ColumnElement[bool]:
    return and_(has_outstanding(), PurchaseOrderLine.order.has(PurchaseOrder.state.in_(SUPPLY_STATES)))


def _outstanding(session: Session, lines: Sequence[PurchaseOrderLine]) -> Mapping[int, Any]:
    return {line.id: line.outstanding for line in lines}


class IncomingScreen(Screen):
    """Lines of purchase orders of which something is still to come."""

    model = PurchaseOrderLine
    view_name = "procurement.incoming"
    title = "Incoming goods"
    noun = "incoming line"
    plural = "incoming lines"
    url = "/procurement/incoming"
    icon = "fa-ship"
    can_create = can_edit = can_delete = False
    column_list = ("order", "product", "quantity", "received", "allocated", "expected_on", "status")
    computed_columns = (ExtraColumn("outstanding", "Outstanding", _outstanding),)
    column_labels = {
        "order": "Purchase order line",
        "quantity": "Ordered",
        "expected_on": "Expected",
        "order.number": "purchase order",
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
    column_filters = ("expected_on", "order.number", "product.sku", "order.supplier.name", "status.name", "quantity")
    column_default_sort = "expected_on"
    column_sortable_list = ("expected_on",)
    empty_message = "Nothing is on its way."

    def get_query(self) -> Any:
        """Return the lines of which something is still to come."""
        lines = super().get_query().filter(_is_still_to_come())
        # Lines without a date come last on every database.
        return lines.order_by(PurchaseOrderLine.expected_on.is_(None))

    def get_count_query(self) -> Any:
        """Count the lines of which something is still to come."""
        return super().get_count_query().filter(_is_still_to_come())

    def details_url(self, row: Any) -> str:
        """Lead to the purchase order."""
        return f"/procurement/purchase-orders/{row.order_id}/#line-{row.id}"

    @expose("/<int:id>/")
    def details_view(self, id: int) -> ResponseReturnValue:
        """Lead to the purchase order."""
        return redirect(self.details_url(self.get_one(id)))
