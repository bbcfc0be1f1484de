"""Customers: their screen."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ContactScreen, Panel
from modules.sales import queries
from modules.sales.models import Customer

ORDERS_SHOWN = 50


def _orders(session: Session, customer: Any) -> dict[str, Any]:
    orders = queries.customer_orders(session, customer.id, ORDERS_SHOWN)
    statuses = queries.order_statuses(session, [order.id for order in orders])
    return {"orders": orders, "statuses": statuses, "most": ORDERS_SHOWN}


class CustomerScreen(ContactScreen):
    """Customers, and the latest orders of each."""

    model = Customer
    view_name = "sales.customer"
    title = "Customers"
    noun = "customer"
    url = "/sales/customers"
    icon = "fa-users"
    edit_permission = "sales.edit"
    panels = (Panel("Orders", "sales/customer_orders.html", _orders),)
    empty_message = "There are no customers yet. Add the first one, or import them as CSV."
