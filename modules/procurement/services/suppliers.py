"""Suppliers; a file of them is saved by `erp.contacts.save_contacts`."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.contacts import ContactData, contacts_by_code
from erp.history import delete_document
from erp.text import say
from modules.procurement.errors import NameTaken, SupplierInUse
from modules.procurement.models import Supplier
from modules.procurement.queries import count_orders_of_supplier


def save_supplier(session: Session, supplier_id: int | None, data: ContactData) -> Supplier:
    """Create a supplier, or change the one of this id. Raises NameTaken when another supplier has the code."""
    namesake = contacts_by_code(session, Supplier, [data.code]).get(data.code)
    if namesake is not None and namesake.id != supplier_id:
        raise NameTaken(noun=say("supplier"), name=namesake.code)
    supplier = session.get_one(Supplier, supplier_id) if supplier_id else Supplier()
    supplier.code, supplier.name = data.code, data.name
    if data.email is not None:
        supplier.email = data.email
    for part, value in data.address.items():
        setattr(supplier, part, value)
    session.add(supplier)
    session.flush()
    return supplier


def delete_supplier(session: Session, supplier_id: int) -> None:
    """Delete a supplier. Raises SupplierInUse when it has purchase orders."""
    supplier = session.get_one(Supplier, supplier_id)
    if orders := count_orders_of_supplier(session, supplier_id):
        raise SupplierInUse(code=supplier.code, orders=orders)
    delete_document(session, supplier)
