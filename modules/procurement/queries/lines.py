"""Purchase order lines, and the joins and conditions that recur when they are read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeVarTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from erp.db import is_named, is_one_of
from erp.identity import ByKey
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PurchaseState

Ts = TypeVarTuple("Ts")


def join_orders(rows: Select[*Ts]) -> Select[*Ts]:
    """Read the columns of a select from purchase order lines joined with their orders."""
    return rows.select_from(PurchaseOrderLine).join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)


def booked_lines(rows: Select[*Ts]) -> Select[*Ts]:
    """Read the columns of a select from the lines of all orders but drafts and cancelled ones, in stable order."""
    is_booked = PurchaseOrder.state.not_in((PurchaseState.draft, PurchaseState.cancelled))
    return join_orders(rows).where(is_booked).order_by(PurchaseOrder.id, PurchaseOrderLine.position)


def lines_with_orders(session: Session, line_ids: Iterable[int]) -> Select[PurchaseOrderLine]:
    """Select these lines in id order, each with its order and product."""
    return (
        select(PurchaseOrderLine)
        .where(is_one_of(session, PurchaseOrderLine.id, line_ids))
        .options(joinedload(PurchaseOrderLine.order), joinedload(PurchaseOrderLine.product))
        .order_by(PurchaseOrderLine.id)
    )


def lines_by_id(session: Session, line_ids: Iterable[int]) -> Sequence[PurchaseOrderLine]:
    """Return these lines in id order, each with its order, product and status."""
    rows = lines_with_orders(session, set(line_ids)).options(joinedload(PurchaseOrderLine.status))
    return session.scalars(rows).all()


def orders_by_id(session: Session, order_ids: Iterable[int]) -> Sequence[PurchaseOrder]:
    """Return these orders in id order, without their lines."""
    rows = select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, set(order_ids))).order_by(PurchaseOrder.id)
    return session.scalars(rows).all()


def line_ids_by_position(session: Session, numbers: Iterable[str]) -> ByKey[tuple[str, int], int]:
    """Return the ids of the lines of these orders, by number of the order and position of the line."""
    rows = join_orders(select(PurchaseOrder.number, PurchaseOrderLine.position, PurchaseOrderLine.id))
    found = session.execute(rows.where(is_named(session, PurchaseOrder.number, numbers)))
    return ByKey(((str(number), position), line_id) for number, position, line_id in found)


def last_positions(session: Session, order_ids: Iterable[int]) -> dict[int, int]:
    """Return the position of the last line of each of these orders that has lines, by the order's id."""
    line = PurchaseOrderLine
    rows = select(line.order_id, func.max(line.position)).where(is_one_of(session, line.order_id, order_ids))
    return dict(session.execute(rows.group_by(line.order_id)).all())


def products_on_lines(session: Session, product_ids: Iterable[int]) -> set[int]:
    """Return those of the products that stand on a purchase order."""
    on_lines = select(PurchaseOrderLine.product_id).where(is_one_of(session, PurchaseOrderLine.product_id, product_ids))
    return set(session.scalars(on_lines.distinct()))


def allocated_lines(session: Session, product_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the names of the lines of each product that are allocated to sales orders, in order of their ids.

    A product without such a line is left out.
    """
    line = PurchaseOrderLine
    rows = (
        join_orders(select(line.product_id, PurchaseOrder.number, line.position))
        .where(is_one_of(session, line.product_id, product_ids), line.has_outstanding, line.allocated > Decimal(0))
        .order_by(line.id)
    )
    names: dict[int, list[str]] = {}
    for product_id, number, position in session.execute(rows):
        names.setdefault(product_id, []).append(f"{number}/{position}")
    return names


def count_lines_in_status(session: Session, status_id: int) -> int:
    """Count the lines that have a status."""
    lines = select(func.count()).select_from(PurchaseOrderLine).where(PurchaseOrderLine.status_id == status_id)
    return session.scalar(lines) or 0
