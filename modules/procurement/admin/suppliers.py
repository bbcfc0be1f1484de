"""The screen of suppliers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form

from erp.admin import ContactScreen, Panel
from erp.contacts import ADDRESS_PARTS, ContactData
from modules.procurement import services
from modules.procurement.models import Supplier
from modules.procurement.queries import orders_of_supplier, outlooks

ORDERS_SHOWN = 50


def _orders(session: Session, supplier: Any) -> dict[str, Any]:
    orders = orders_of_supplier(session, supplier.id, ORDERS_SHOWN)
    return {"orders": orders, "outlooks": outlooks(session, [order.id for order in orders]), "most": ORDERS_SHOWN}


class SupplierScreen(ContactScreen):
    """Suppliers, each with its latest purchase orders."""

    model = Supplier
    view_name = "procurement.supplier"
    title = "Suppliers"
    noun = "supplier"
    url = "/procurement/suppliers"
    icon = "fa-truck"
    edit_permission = "procurement.edit"
    panels = (Panel("Purchase orders", "procurement/supplier_orders.html", _orders),)
    empty_message = "There are no suppliers yet. Add the first one, or import them as CSV."

    @override
    def save(self, session: Session, form: Form, row: Any) -> Any:
        address = {part: form[part].data or "" for part in ADDRESS_PARTS}
        data = ContactData(form["code"].data, form["name"].data, form["email"].data or "", address)
        return services.save_supplier(session, row.id if row else None, data)

    @override
    def delete(self, session: Session, row: Any) -> None:
        services.delete_supplier(session, row.id)
