"""Purchase order lines as supply: which are on their way, and in which order they serve demand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.db import is_one_of, raw
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PurchaseState

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


def claimable_lines(
    session: Session, product_ids: Iterable[int], past_due_days: int | None = None
) -> Select[int, int, int, date | None]:
    """Rows of (line id, product id, raw unclaimed outstanding quantity, expected date), product by product in the
    order in which they serve demand.
    """
    line = PurchaseOrderLine
    unclaimed = line.quantity - line.received - line.cancelled - line.allocated
    return (
        select(line.id, line.product_id, raw(unclaimed), line.expected_on)
        .join(PurchaseOrder, PurchaseOrder.id == line.order_id)
        .where(is_one_of(session, line.product_id, product_ids), is_supply(past_due_days))
        .where(line.quantity > line.received + line.cancelled + line.allocated)
        .order_by(line.product_id, *supply_order())
    )


def claimed_lines(session: Session, product_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the names of the lines of each product that are claimed for customers, in order; others are left out."""
    line = PurchaseOrderLine
    rows = (
        select(line.product_id, PurchaseOrder.number, line.position)
        .join(PurchaseOrder, PurchaseOrder.id == line.order_id)
        .where(is_one_of(session, line.product_id, product_ids), has_outstanding(), line.allocated > Decimal(0))
        .order_by(line.id)
    )
    names: dict[int, list[str]] = {}
    for product_id, number, position in session.execute(rows):
        names.setdefault(product_id, []).append(f"{number}/{position}")
    return names


def lines_with_orders(session: Session, line_ids: Iterable[int]) -> Select[PurchaseOrderLine]:
    """The lines in id order, each with its order and product."""
    return (
        select(PurchaseOrderLine)
        .where(is_one_of(session, PurchaseOrderLine.id, line_ids))
        .options(joinedload(PurchaseOrderLine.order), joinedload(PurchaseOrderLine.product))
        .order_by(PurchaseOrderLine.id)
    )
