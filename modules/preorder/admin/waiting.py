"""Lists of what a person has to look at: promises that will not be kept, and backorders that nothing covers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.admin import Badge, ExtraColumn, Screen
from modules.preorder import queries
from modules.sales.models import Backorder, Order, OrderLine


class _WorkList(Screen):
    """A list whose rows lead to their sales order; it changes nothing itself."""

    can_create = False
    can_edit = False
    can_delete = False

    def condition(self) -> Any:
        """Return which rows are listed."""
        raise NotImplementedError

    def get_query(self) -> Any:
        """Show what is listed now."""
        return super().get_query().filter(self.condition())

    def get_count_query(self) -> Any:
        """Count the same rows."""
        return super().get_count_query().filter(self.condition())


def _expectations(session: Session, lines: Sequence[OrderLine]) -> dict[int, queries.Expectation]:
    return queries.expectations(session, OrderLine.id.in_([line.id for line in lines]))


def _open(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line.id: line.open_quantity for line in lines}


def _expected(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line_id: found.expected for line_id, found in _expectations(session, lines).items()}


def _days_late(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {
        line_id: (found.expected - found.promised).days
        for line_id, found in _expectations(session, lines).items()
        if found.expected and found.promised
    }


def _decided_by(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    deciding = queries.deciding_purchase_lines(session, [line.id for line in lines])
    return {line_id: found.name for line_id, found in deciding.items()}


class LateScreen(_WorkList):
    """Open lines that are expected after they were promised, or were promised and have no expected date."""

    model = OrderLine
    view_name = "preorder.late"
    title = "Late lines"
    noun = "late line"
    url = "/preorder/late"
    icon = "fa-exclamation-triangle"
    column_list = ("order.number", "order.customer", "product", "requested_on", "promise_date")
    column_labels = {
        "order.number": "Order",
        "order.customer": "Customer",
        "requested_on": "Requested",
        "promise_date": "Promised",
        "order.customer.name": "customer",
        "product.sku": "SKU",
    }
    column_formatters = {"order.number": lambda view, context, row, name: str(row)}
    column_sortable_list = ("promise_date",)
    column_default_sort = ("promise_date", False)
    column_searchable_list = ("order.number", "order.customer.name", "product.sku")
    column_filters = ("promise_date", "order.number", "product.sku")
    computed_columns = (
        ExtraColumn("open", "Open", _open),
        ExtraColumn("expected", "Expected", _expected),
        ExtraColumn("days_late", "Days late", _days_late),
        ExtraColumn("decided_by", "Decided by", _decided_by),
    )
    empty_message = "Every promise will be kept."

    def condition(self) -> Any:
        """Return which lines are late."""
        return queries.is_late_line(clock.today())

    def get_query(self) -> Any:
        """Load what the list shows."""
        order = joinedload(OrderLine.order).joinedload(Order.customer)
        return super().get_query().options(order, joinedload(OrderLine.product))

    def details_url(self, row: Any) -> str:
        """Lead to the order."""
        return str(self.get_url("sales_order.details_view", id=row.order_id))


def _purchase_allocated(session: Session, rows: Sequence[Backorder]) -> dict[int, Decimal]:
    purchase_allocated = queries.purchase_allocated(session, [row.line_id for row in rows])
    return {row.id: purchase_allocated.get(row.line_id, Decimal(0)) for row in rows}


def _unlinked(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    purchase_allocated = _purchase_allocated(session, rows)
    return {row.id: row.open_quantity - purchase_allocated[row.id] for row in rows}


def _incoming(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    products = {row.line.product_id for row in rows}
    available = queries.unallocated_incoming(session, products)
    return {row.id: available.get(row.line.product_id, Decimal(0)) for row in rows}


def _held(session: Session, rows: Sequence[Backorder]) -> Mapping[int, Any]:
    return {row.id: Badge("held", "warning") for row in rows if row.line.hold_allocation}


class UnallocatedScreen(_WorkList):
    """Open backorders that purchase orders do not cover: for a person to decide."""

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
        ExtraColumn("purchase_allocated", "Linked", _purchase_allocated),
        ExtraColumn("not_covered", "Unlinked", _unlinked),
        ExtraColumn("incoming", "Available", _incoming),
        ExtraColumn("held", "Hold", _held),
    )
    empty_message = "Every backorder is linked to a purchase order."

    def condition(self) -> Any:
        """Return which backorders are not covered."""
        return queries.is_unallocated()

    def get_query(self) -> Any:
        """Load what the list shows."""
        order = joinedload(Backorder.line).joinedload(OrderLine.order).joinedload(Order.customer)
        return super().get_query().options(order, joinedload(Backorder.line).joinedload(OrderLine.product))

    def details_url(self, row: Any) -> str:
        """Lead to the order."""
        return str(self.get_url("sales_order.details_view", id=row.line.order_id))
