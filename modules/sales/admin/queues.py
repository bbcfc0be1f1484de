"""Work queues of sales: orders that may be packed, and lines that are held."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, and_
from sqlalchemy.orm import joinedload
from typing_extensions import override

from erp.admin import ExtraColumn, Screen, WorkQueue, of_each
from erp.admin.access import screen_session
from erp.text import verb
from modules.sales import queries
from modules.sales.admin.filters import OPEN_FILTERS, READY_FILTERS, is_confirmed
from modules.sales.admin.many import ALLOCATE_LINES, HOLD, PACK, RELEASE_LINES
from modules.sales.admin.orders import fulfilment_of, lines_of
from modules.sales.models import Order, OrderLine


class ReadyScreen(Screen):
    """Orders of which something may leave now, in the order in which they were entered."""

    model = Order
    view_name = "sales.ready"
    title = "Ready to pack"
    noun = "order"
    plural = "orders"
    url = "/sales/ready"
    icon = "fa-archive"
    is_computed = True
    can_create = can_edit = can_delete = False
    column_list = ("number", "customer", "ordered_at", "priority", "shipping_policy")
    column_labels = {
        "number": "Order",
        "customer.name": "customer",
        "ordered_at": "Ordered at",
        "shipping_policy": "Shipping",
    }
    column_searchable_list = ("number", "customer.name")
    column_filters = ("number", "customer.name", "ordered_at", "priority", "shipping_policy", *READY_FILTERS)
    column_default_sort = ("id", False)
    computed_columns = (
        ExtraColumn("lines", "Lines", lines_of),
        ExtraColumn("fulfilment", "Fulfilment", fulfilment_of),
    )
    list_actions = (replace(PACK, of_one=verb("to pack"), style="primary"), HOLD)
    queue_among = staticmethod(is_confirmed)
    empty_message = "Nothing is ready to pack."

    @override
    def condition(self) -> Any:
        return queries.is_ready_to_pack(screen_session())

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("sales_order.details_view", id=row.id))


def _is_open() -> ColumnElement[bool]:
    return and_(OrderLine.is_open, queries.is_in_confirmed_order())


class HeldScreen(Screen):
    """Lines that are kept out of automatic runs."""

    model = OrderLine
    view_name = "sales.held"
    title = "Held lines"
    noun = "held line"
    url = "/sales/held"
    icon = "fa-pause"
    can_create = can_edit = can_delete = False
    column_list = ("order.number", "order.customer", "product", "allocated", "requested_on", "promise_date")
    column_labels = {
        "order.number": "Order",
        "order.customer": "Customer",
        "order.customer.name": "customer",
        "product.sku": "SKU",
        "product.name": "product",
        "requested_on": "Requested",
        "promise_date": "Promised",
    }
    column_formatters = {"order.number": lambda view, context, row, name: str(row)}
    column_searchable_list = ("order.number", "order.customer.name", "product.sku")
    column_filters = ("order.customer.name", "product.sku", "product.name", *OPEN_FILTERS)
    column_default_sort = ("id", False)
    column_sortable_list = ()
    sorted_like = {"order.number": "id"}  # lines are entered with their order
    computed_columns = (ExtraColumn("open", "Open", of_each(lambda line: line.open_quantity)),)
    list_loads = (joinedload(OrderLine.order),)
    list_actions = (replace(RELEASE_LINES, of_one="Release", style="primary"), ALLOCATE_LINES)
    empty_message = "No line is held."

    @override
    def condition(self) -> Any:
        return and_(_is_open(), OrderLine.hold_allocation.is_(True))

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("sales_order.details_view", id=row.order_id))


QUEUES = (
    WorkQueue("Ready to pack", "sales.ready", "sales.pack"),
    WorkQueue("Held", "sales.held", "sales.allocate"),
)
