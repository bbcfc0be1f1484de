"""What the lists of sales order lines have in common."""

from __future__ import annotations

from typing import Any

from typing_extensions import override

from erp.admin import Screen
from modules.sales.models import OrderLine


class OrderLineScreen(Screen):
    """Lines of sales orders, each leading to its order, first entered first."""

    model = OrderLine
    can_create = can_edit = can_delete = False
    column_labels = {
        "order.number": "Order",
        "order.customer": "Customer",
        "order.ordered_at": "Ordered at",
        "order.customer.name": "customer",
        "product.sku": "SKU",
        "product.name": "product",
        "requested_on": "Requested",
        "promise_date": "Promised",
    }
    column_formatters = {"order.number": lambda view, context, row, name: str(row)}
    column_sortable_list: tuple[str, ...] = ()
    sorted_like = {"order.number": "id"}  # lines are entered with their order
    column_default_sort = ("id", False)
    column_searchable_list = ("order.number", "order.customer.name", "product.sku")

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("sales_order.details_view", id=row.order_id))
