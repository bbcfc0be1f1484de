"""Unallocated backorders: those that purchase orders do not cover."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, joinedload
from typing_extensions import override

from erp.admin import Badge, ExtraColumn
from modules.preorder import queries
from modules.preorder.admin.filtered_list import FilteredList
from modules.sales.models import Backorder, Order, OrderLine


def _on_purchase_orders(session: Session, rows: Sequence[Backorder]) -> dict[int, Decimal]:
    allocated = queries.purchase_allocated(session, [row.line_id for row in rows])
    return {row.id: allocated.get(row.line_id, Decimal(0)) for row in rows}


def _not_covered(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    allocated = _on_purchase_orders(session, rows)
    return {row.id: row.open_quantity - allocated[row.id] for row in rows}


def _available(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    available = queries.available_by_product(session, {row.line.product_id for row in rows})
    return {row.id: available.get(row.line.product_id, Decimal(0)) for row in rows}


def _held(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    return {row.id: Badge("held", "warning") for row in rows if row.line.hold_allocation}


class UnallocatedBackorderScreen(FilteredList):
    """Open backorders that purchase orders do not cover, for a clerk to allocate."""

    model = Backorder
    view_name = "preorder.unallocated"
    title = "Unallocated backorders"
    noun = "unallocated backorder"
    url = "/preorder/unallocated"
    icon = "fa-chain-broken"
    column_list = ("line.order.number", "line.order.customer", "line.order.ordered_at", "line.product", "kind")
    column_labels = {
        "line.order.number": "Order",
        "line.order.customer": "Customer",
        "line.order.ordered_at": "Ordered at",
        "line.product": "Product",
        "line.order.customer.name": "customer",
        "line.product.sku": "SKU",
    }
    column_formatters = {"line.order.number": lambda view, context, row, name: str(row.line)}
    column_sortable_list = ()
    column_default_sort = ("id", False)
    column_searchable_list = ("line.order.number", "line.order.customer.name", "line.product.sku")
    column_filters = ("kind", "line.order.number", "line.product.sku")
    computed_columns = (
        ExtraColumn("purchase_allocated", "On purchase orders", _on_purchase_orders),
        ExtraColumn("not_covered", "Not covered", _not_covered),
        ExtraColumn("incoming", "Available", _available),
        ExtraColumn("held", "Hold", _held),
    )
    empty_message = "Purchase orders cover every backorder."

    @override
    def condition(self) -> Any:
        return queries.is_unallocated()

    @override
    def get_query(self) -> Any:
        order = joinedload(Backorder.line).joinedload(OrderLine.order).joinedload(Order.customer)
        return super().get_query().options(order, joinedload(Backorder.line).joinedload(OrderLine.product))

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("sales_order.details_view", id=row.line.order_id))
