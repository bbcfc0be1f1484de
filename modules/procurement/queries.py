"""Reads of procurement; they change nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from erp import clock
from erp.db import chunks, raw
from modules.inventory_lots.models import Lot
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.states import PurchaseState

CHUNK = 5000
SUPPLY_STATES = (PurchaseState.ordered, PurchaseState.partly_received)


def has_outstanding() -> ColumnElement[bool]:
    """The condition that something of a line is still to come; the partial index of the lines answers it."""
    return PurchaseOrderLine.quantity > PurchaseOrderLine.received + PurchaseOrderLine.cancelled


def is_supply(past_due_days: int | None = None) -> ColumnElement[bool]:
    """The condition that a line, joined to its order, is on its way and not overdue by more than `past_due_days`."""
    on_its_way = and_(PurchaseOrder.state.in_(SUPPLY_STATES), has_outstanding())
    if past_due_days is None:
        return on_its_way
    oldest = clock.today() - timedelta(days=past_due_days)
    return and_(on_its_way, or_(PurchaseOrderLine.expected_on.is_(None), PurchaseOrderLine.expected_on >= oldest))


def supply_order() -> tuple[Any, ...]:
    """The order in which lines of a product serve demand: by expected date (none last), order date, line."""
    line = PurchaseOrderLine
    return (line.expected_on.is_(None), line.expected_on, PurchaseOrder.ordered_on, line.id)


def claimable_lines(product_ids: Iterable[int], past_due_days: int | None = None) -> Select[int, int, int, date | None]:
    """Rows of (line id, product id, raw unclaimed outstanding quantity, expected date), product by product in the
    order in which they serve demand.
    """
    line = PurchaseOrderLine
    unclaimed = line.quantity - line.received - line.cancelled - line.allocated
    return (
        select(line.id, line.product_id, raw(unclaimed), line.expected_on)
        .join(PurchaseOrder, PurchaseOrder.id == line.order_id)
        .where(line.product_id.in_(list(product_ids)), is_supply(past_due_days))
        .where(line.quantity > line.received + line.cancelled + line.allocated)
        .order_by(line.product_id, *supply_order())
    )


def lines_with_orders(line_ids: Iterable[int]) -> Select[PurchaseOrderLine]:
    """The lines in id order, each with its order and product."""
    return (
        select(PurchaseOrderLine)
        .where(PurchaseOrderLine.id.in_(list(line_ids)))
        .options(joinedload(PurchaseOrderLine.order), joinedload(PurchaseOrderLine.product))
        .order_by(PurchaseOrderLine.id)
    )


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


def statuses_by_name(session: Session, names: Iterable[str]) -> dict[str, PurchaseLineStatus]:
    """Return the line statuses of these names; one that does not exist is left out."""
    wanted = select(PurchaseLineStatus).where(PurchaseLineStatus.name.in_(set(names)))
    return {status.name: status for status in session.scalars(wanted)}


def default_status(session: Session) -> PurchaseLineStatus | None:
    """Return the status that the form of a new line preselects."""
    return session.scalar(select(PurchaseLineStatus).where(PurchaseLineStatus.is_default))


def status_by_name(session: Session, name: str) -> PurchaseLineStatus | None:
    """Return a line status by its name."""
    return session.scalar(select(PurchaseLineStatus).where(PurchaseLineStatus.name == name))


def lines_in_status(session: Session, status: PurchaseLineStatus) -> int:
    """Count the lines that bear a status."""
    bearers = select(func.count()).select_from(PurchaseOrderLine).where(PurchaseOrderLine.status_id == status.id)
    return session.scalar(bearers) or 0


def orders_of(session: Session, supplier: Supplier) -> int:
    """Count a supplier's purchase orders."""
    orders = select(func.count()).select_from(PurchaseOrder).where(PurchaseOrder.supplier_id == supplier.id)
    return session.scalar(orders) or 0


def open_orders(session: Session) -> int:
    """Count the purchase orders of which something is on its way."""
    orders = select(func.count()).select_from(PurchaseOrder).where(PurchaseOrder.state.in_(SUPPLY_STATES))
    return session.scalar(orders) or 0


def overdue_lines() -> Select[PurchaseOrderLine]:
    """The lines that should have arrived before today, longest overdue first."""
    return (
        select(PurchaseOrderLine)
        .join(PurchaseOrderLine.order)
        .where(is_supply(), PurchaseOrderLine.expected_on < clock.today())
        .options(contains_eager(PurchaseOrderLine.order), joinedload(PurchaseOrderLine.product))
        .order_by(PurchaseOrderLine.expected_on, PurchaseOrderLine.id)
    )
