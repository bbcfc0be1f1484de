"""The screen of products."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask import redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form
from wtforms.validators import NumberRange

from erp.admin import Action, Badge, QuickFilter, Screen
from erp.admin.access import screen_session
from erp.admin.numerals import quantity
from modules.inventory_lots import queries, services
from modules.inventory_lots.admin.filters import PRODUCT_FILTERS, of_totals
from modules.inventory_lots.admin.many import PRODUCT_LIST_ACTIONS
from modules.inventory_lots.admin.panels import stock_panels, totals_columns
from modules.inventory_lots.domain import TrackingSettings
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.queries import NO_STOCK


def _add_stock(screen: Screen, product: Any) -> ResponseReturnValue:
    return redirect(url_for("inventory_lots_balance.create_view", product=product.id))


class ProductScreen(Screen):
    """What is bought and sold."""

    model = Product
    view_name = "inventory_lots.product"
    title = "Products"
    noun = "product"
    url = "/inventory/products"
    icon = "fa-cube"
    edit_permission = "inventory_lots.edit"
    can_delete = False
    column_list = ("sku", "name", "unit", "list_price", "tracking", "is_active")
    column_labels = {"sku": "SKU", "is_active": "Active", "unit_decimals": "Decimals of the unit"}
    column_searchable_list = ("sku", "name")
    column_filters = (
        "sku",
        "name",
        "tracking",
        "is_active",
        *of_totals(Balance.product_id, Product.id),
        *PRODUCT_FILTERS,
    )
    quick_filters = (
        QuickFilter("Active", "active_is", "1"),
        QuickFilter("Not active", "active_is", "0"),
        QuickFilter("In stock", "in_stock_is", "yes"),
    )
    column_default_sort = "sku"
    list_actions = PRODUCT_LIST_ACTIONS
    computed_columns = totals_columns(queries.product_totals)
    form_columns = ("sku", "name", "unit", "unit_decimals", "list_price", "tracking", "is_active")
    form_args = {
        "unit": {"default": "pcs", "description": "Such as pcs, kg or m."},
        "unit_decimals": {
            "default": 0,
            "validators": [NumberRange(0, 4, "Enter 0 to 4.")],
            "description": "0 counts in whole units. Fewer are refused once there is stock.",
        },
        "tracking": {
            "description": "By lot, by serial number (in whole pieces), or not at all. Fixed once there is stock."
        },
        "list_price": {
            "description": "Offered as the price on sales order lines. Empty: none.",
            "minimum": Decimal(0),
        },
        "is_active": {"default": True},
    }
    form_widths = {"sku": 3, "name": 9}
    header_fields = (
        ("Unit", "unit"),
        ("Decimals", "unit_decimals"),
        ("List price", "list_price"),
        ("Tracking", "tracking"),
    )
    panels = stock_panels("product_id", "sku", with_lot=True)
    actions = (
        Action(
            name="stock",
            label="Count Stock",
            permission="inventory_lots.adjust",
            page=_add_stock,
            icon="fa-balance-scale",
        ),
    )
    empty_message = "There are no products yet. Add the first one, or import them as CSV."

    @override
    def header(self, row: Any) -> list[tuple[str, Any]]:
        totals = queries.product_totals(screen_session(), [row.id]).get(row.id, NO_STOCK)
        numbers = (("On hand", totals.on_hand), ("Allocated", totals.allocated), ("Available", totals.available))
        return super().header(row) + [(label, quantity(value)) for label, value in numbers]

    @override
    def badges(self, row: Any) -> Sequence[Badge]:
        return () if row.is_active else (Badge("Not active"),)

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        if row is not None:
            services.lock_products(session, [row.id])
            self.check_version(form, row)
        after = TrackingSettings(form["tracking"].data, form["unit_decimals"].data, form["unit"].data)
        services.check_product(session, row and row.id, sku=form["sku"].data, after=after)
        return super().save(session, form, row)
