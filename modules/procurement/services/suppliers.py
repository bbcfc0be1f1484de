"""Who delivers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp.db import chunks
from erp.history import Change, record, record_all
from modules.procurement.domain import Saved, SupplierData
from modules.procurement.errors import NameTaken, SupplierInUse
from modules.procurement.models import Supplier
from modules.procurement.queries import orders_of, suppliers_by_code


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


def save_suppliers(session: Session, wanted: Sequence[SupplierData]) -> Saved:
    """Make suppliers or change them by code, in a fixed number of statements."""
    known = suppliers_by_code(session, [data.code for data in wanted])
    _insert(session, [data for data in wanted if data.code not in known])
    changed = sum(_change(known[data.code], data) for data in wanted if data.code in known)
    session.flush()
    made = suppliers_by_code(session, [data.code for data in wanted if data.code not in known])
    record_all(session, [Change(supplier.history_subject(), "created") for supplier in made.values()])
    return Saved(len(wanted) - len(known), changed)


def _insert(session: Session, new: Sequence[SupplierData]) -> None:
    # Two files may bring the same supplier at once: both go on with the first one's.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [{"code": data.code, "name": data.name, "email": data.email or "", "row_version": 1} for data in new]
    for part in chunks(rows, 5000):
        session.execute(insert(Supplier).on_conflict_do_nothing(), list(part))


def _change(supplier: Supplier, data: SupplierData) -> bool:
    email = supplier.email if data.email is None else data.email
    is_changed = (supplier.name, supplier.email) != (data.name, email)
    supplier.name, supplier.email = data.name, email
    return is_changed


def delete_supplier(session: Session, supplier: Supplier) -> None:
    """Delete a supplier without purchase orders."""
    if orders := orders_of(session, supplier):
        raise SupplierInUse(code=supplier.code, orders=orders)
    record(session, supplier.history_subject(), "deleted")
    session.delete(supplier)
    session.flush()
