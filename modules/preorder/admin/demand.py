"""Preorder demand by product, so that a buyer can gauge it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.admin import ExtraColumns, Screen
from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.models import ProductPreorder


def _demand(session: Session, rows: Sequence[Product]) -> Mapping[int, Any]:
    return queries.demand_of(session, [row.id for row in rows])


class DemandScreen(Screen):
    """Products that are sold before they exist, with what is ordered, linked and on its way of each."""

    model = Product
    view_name = "preorder.demand"
    title = "Preorder demand"
    noun = "product"
    plural = "products"
    url = "/preorder/demand"
    icon = "fa-bullhorn"
    can_create = False
    can_edit = False
    can_delete = False
    column_list = ("sku", "name")
    column_labels = {"sku": "SKU"}
    column_searchable_list = ("sku", "name")
    column_filters = ("sku", "name")
    column_sortable_list = ("sku", "name")
    column_default_sort = ("sku", False)
    computed_columns = (
        ExtraColumns(
            (
                ("launch_date", "Launch"),
                ("ordered", "Ordered"),
                ("still_open", "Open"),
                ("purchase_allocated", "Linked"),
                ("incoming", "Incoming"),
                ("available", "Incoming, not linked"),
                ("limit", "Limit"),
                ("limit_left", "Limit left"),
            ),
            _demand,
        ),
    )
    empty_message = "No product is sold as a preorder. Tick Pre-order Eligible on a product to begin."

    def get_query(self) -> Any:
        """Show the products that are, or were, preordered."""
        return super().get_query().filter(queries.is_preordered())

    def get_count_query(self) -> Any:
        """Count the same rows."""
        return super().get_count_query().filter(queries.is_preordered())

    def _apply_sorting(self, query: Any, joins: Any, sort_column: Any, sort_desc: Any) -> Any:
        if sort_column is None:
            launch = select(ProductPreorder.launch_date).where(ProductPreorder.product_id == Product.id)
            query = query.order_by(launch.scalar_subquery())
        return super()._apply_sorting(query, joins, sort_column, sort_desc)

    def details_url(self, row: Any) -> str:
        """Lead to the product's demand and supply."""
        return str(self.get_url("preorder_atp.details_view", id=row.id))
