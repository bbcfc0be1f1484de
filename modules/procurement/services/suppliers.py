"""Who delivers."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.procurement.errors import NameTaken, SupplierInUse
from modules.procurement.models import Supplier
from modules.procurement.queries import orders_of


def save_supplier(session: Session, supplier: Supplier | None, *, code: str, name: str, email: str = "") -> Supplier:
    """Make or change a supplier."""
    namesake = session.scalar(select(Supplier).where(Supplier.code == code))
    if namesake is not None and namesake is not supplier:
        raise NameTaken(noun="supplier", name=code)
    supplier = supplier or Supplier()
    supplier.code, supplier.name, supplier.email = code, name, email
    session.add(supplier)
    session.flush()
    return supplier


def delete_supplier(session: Session, supplier: Supplier) -> None:
    """Delete a supplier without purchase orders."""
    if orders := orders_of(session, supplier):
        raise SupplierInUse(code=supplier.code, orders=orders)
    session.delete(supplier)
    session.flush()
