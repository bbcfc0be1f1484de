"""The screen of customers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from wtforms.validators import Optional, Regexp

from erp.admin import Panel, Screen
from modules.sales.models import Customer
from modules.sales.queries.screens import customer_orders, order_standings

ORDERS_SHOWN = 50


def _orders(session: Session, customer: Any) -> dict[str, Any]:
    orders = customer_orders(session, customer.id, ORDERS_SHOWN)
    standings = order_standings(session, [order.id for order in orders])
    return {"orders": orders, "standings": standings, "most": ORDERS_SHOWN}


class CustomerScreen(Screen):
    """Who orders."""

    model = Customer
    view_name = "sales.customer"
    title = "Customers"
    noun = "customer"
    url = "/sales/customers"
    icon = "fa-users"
    edit_permission = "sales.edit"
    column_list = ("code", "name", "email")
    column_searchable_list = ("code", "name", "email")
    column_default_sort = "code"
    column_filters = ("code", "name", "email")
    form_columns = ("code", "name", "email")
    form_args = {"email": {"validators": [Optional(), Regexp(r"[^@\s]+@[^@\s]+$", message="Enter one address.")]}}
    form_widths = {"code": 3, "name": 5, "email": 4}
    panels = (Panel("Orders", "sales/customer_orders.html", _orders),)
    empty_message = "There are no customers yet. Add the first one, or import them as CSV."

    def document_title(self, row: Any) -> str:
        """Return the heading: the name."""
        return str(row.name)
