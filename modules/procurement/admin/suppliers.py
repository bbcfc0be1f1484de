"""The screen of suppliers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from wtforms import Form

from erp.admin import ContactScreen, Panel
from modules.procurement import services
from modules.procurement.models import Supplier
from modules.procurement.queries.screens import outlooks, supplier_orders

ORDERS_SHOWN = 50


def _orders(session: Session, supplier: Any) -> dict[str, Any]:
    orders = supplier_orders(session, supplier.id, ORDERS_SHOWN)
    return {"orders": orders, "outlooks": outlooks(session, [order.id for order in orders]), "most": ORDERS_SHOWN}


class SupplierScreen(ContactScreen):
    """Who delivers."""

    model = Supplier
    view_name = "procurement.supplier"
    title = "Suppliers"
    noun = "supplier"
    url = "/procurement/suppliers"
    icon = "fa-truck"
    edit_permission = "procurement.edit"
    panels = (Panel("Purchase orders", "procurement/supplier_orders.html", _orders),)
    empty_message = "There are no suppliers yet. Add the first one, or import them as CSV."

    def save(self, session: Session, form: Form, row: Any) -> Any:
        """Store a supplier."""
        email = form["email"].data or ""
        return services.save_supplier(session, row, code=form["code"].data, name=form["name"].data, email=email)

    def delete(self, session: Session, row: Any) -> None:
        """Delete a supplier without purchase orders."""
        services.delete_supplier(session, row)
