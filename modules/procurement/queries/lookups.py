"""Finding what files and forms name, and whether it is in use."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import chunks
from modules.inventory_lots.models import Lot
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier

CHUNK = 5000


def statuses(session: Session) -> list[PurchaseLineStatus]:
    """Return all line statuses in the order in which they are offered."""
    status = PurchaseLineStatus
    return list(session.scalars(select(status).order_by(status.position, status.name)))


def suppliers_by_code(session: Session, codes: Iterable[str]) -> dict[str, Supplier]:
    """Return the suppliers of these codes; one that does not exist is left out."""
    parts = chunks(sorted(set(codes)), CHUNK)
    found = (session.scalars(select(Supplier).where(Supplier.code.in_(part))) for part in parts)
    return {supplier.code: supplier for rows in found for supplier in rows}


def order_ids_by_number(session: Session, numbers: Iterable[str]) -> dict[str, int]:
    """Return the ids of the orders of these numbers; one that does not exist is left out."""
    ids: dict[str, int] = {}
    for part in chunks(sorted(set(numbers)), CHUNK):
        rows = select(PurchaseOrder.number, PurchaseOrder.id).where(PurchaseOrder.number.in_(part))
        ids |= {number: order_id for number, order_id in session.execute(rows) if number is not None}
    return ids


def line_ids_by_place(session: Session, numbers: Iterable[str]) -> dict[tuple[str, int], int]:
    """Return the ids of the lines of these orders, by number of the order and position of the line."""
    line = PurchaseOrderLine
    ids: dict[tuple[str, int], int] = {}
    for part in chunks(sorted(set(numbers)), CHUNK):
        rows = select(PurchaseOrder.number, line.position, line.id).join(line.order)
        found = session.execute(rows.where(PurchaseOrder.number.in_(part)))
        ids |= {(number, position): line_id for number, position, line_id in found if number is not None}
    return ids


def products_on_lines(session: Session, product_ids: Iterable[int]) -> set[int]:
    """Return those of the products that stand on a purchase order."""
    line = PurchaseOrderLine
    parts = chunks(sorted(set(product_ids)), CHUNK)
    found = (session.scalars(select(line.product_id).where(line.product_id.in_(part)).distinct()) for part in parts)
    return {product_id for rows in found for product_id in rows}


def count_new_lots(session: Session, lots: Iterable[tuple[int, str | None]]) -> int:
    """Count the lots, named by product id and number, that are not there yet; one without a number is always new."""
    wanted = list(lots)
    named = {(product_id, number) for product_id, number in wanted if number is not None}
    known: set[tuple[int, str]] = set()
    for part in chunks(sorted(named), CHUNK):
        numbers = Lot.number.in_({number for _, number in part})
        of_these = select(Lot.product_id, Lot.number).where(Lot.product_id.in_({lot[0] for lot in part}), numbers)
        known |= {(product_id, number) for product_id, number in session.execute(of_these)}
    return len(named - known) + sum(number is None for _, number in wanted)


def default_status(session: Session) -> PurchaseLineStatus | None:
    """Return the status that the form of a new line preselects."""
    return session.scalar(select(PurchaseLineStatus).where(PurchaseLineStatus.is_default))


def status_by_name(session: Session, name: str) -> PurchaseLineStatus | None:
    """Return a line status by its name."""
    return session.scalar(select(PurchaseLineStatus).where(PurchaseLineStatus.name == name))


def statuses_by_name(session: Session, names: Iterable[str]) -> dict[str, PurchaseLineStatus]:
    """Return the line statuses of these names; one that does not exist is left out."""
    wanted = select(PurchaseLineStatus).where(PurchaseLineStatus.name.in_(set(names)))
    return {status.name: status for status in session.scalars(wanted)}


def lines_in_status(session: Session, status: PurchaseLineStatus) -> int:
    """Count the lines that bear a status."""
    bearers = select(func.count()).select_from(PurchaseOrderLine).where(PurchaseOrderLine.status_id == status.id)
    return session.scalar(bearers) or 0


def orders_of(session: Session, supplier: Supplier) -> int:
    """Count a supplier's purchase orders."""
    orders = select(func.count()).select_from(PurchaseOrder).where(PurchaseOrder.supplier_id == supplier.id)
    return session.scalar(orders) or 0
