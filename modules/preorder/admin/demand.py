"""Preorder demand by product, for a buyer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from typing_extensions import override

from erp.admin import ExtraColumns, Screen, by_ids
from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.admin.filters import DEMAND_FILTERS
from modules.preorder.models import ProductPreorder


class DemandScreen(Screen):
    """Products that are sold before their launch, with what is ordered, allocated and incoming of each."""

    model = Product
    view_name = "preorder.demand"
    title = "Preorder demand"
    noun = "product"
    plural = "products"
    url = "/preorder/demand"
    icon = "fa-bullhorn"
    can_create = can_edit = can_delete = False
    column_list = ("sku", "name")
    column_labels = {"sku": "SKU"}
    column_searchable_list = ("sku", "name")
    column_filters = ("sku", "name", *DEMAND_FILTERS)
    column_sortable_list = ("sku", "name")
    column_default_sort = ("sku", False)
    computed_columns = (
        ExtraColumns(
            (
                ("launch_date", "Launch"),
                ("ordered", "Ordered"),
                ("still_open", "Open"),
                ("purchase_allocated", "On purchase orders"),
                ("incoming", "Incoming"),
                ("available", "Incoming, not allocated"),
                ("limit", "Limit"),
                ("limit_left", "Limit left"),
            ),
            by_ids(queries.demand_of),
        ),
    )
    empty_message = "No product is sold as a preorder. Tick Pre-order Eligible on a product to begin."

    @override
    def condition(self) -> Any:
        return queries.is_preordered()

    @override
    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: Any) -> Any:
        if sort_column is None:
            launch = select(ProductPreorder.launch_date).where(ProductPreorder.product_id == Product.id)
            query = query.order_by(launch.scalar_subquery())
        return super()._apply_sorting(query, joins, sort_column, sort_desc)

    @override
    def details_url(self, row: Any) -> str:
        return str(self.get_url("preorder_atp.details_view", id=row.id))
