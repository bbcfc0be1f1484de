"""Backorder rows, open and closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, not_, select
from sqlalchemy.orm import Session, joinedload

from erp.db import is_one_of
from modules.inventory_lots.models import Product
from modules.sales.hooks import lines_spared
from modules.sales.models import Backorder, OrderLine
from modules.sales.queries.lines import select_lines
from modules.sales.queries.queue import due_on, is_scheduled, last_served_day
from modules.sales.states import BackorderKind


def open_backorders(session: Session, line_ids: Sequence[int]) -> dict[int, Backorder]:
    """Return the open backorder rows of these lines by line id."""
    rows = select(Backorder).where(is_one_of(session, Backorder.line_id, line_ids), Backorder.is_open)
    return {row.line_id: row for row in session.scalars(rows)}


def backordered(session: Session, line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return the open backorder quantity of each of these lines that has one."""
    rows = select(Backorder.line_id, Backorder.open_quantity)
    return dict(session.execute(rows.where(Backorder.line_id.in_(line_ids), Backorder.is_open)).all())


def backorder_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return an order's backorder lines, closed ones too, in order of its lines."""
    columns = (
        Backorder.id,
        Backorder.line_id,
        OrderLine.position,
        Product.sku,
        Product.name,
        Backorder.kind,
        Backorder.quantity,
        Backorder.open_quantity.label("open_quantity"),
        Backorder.allocated_quantity,
        Backorder.cancelled_quantity,
        Backorder.is_open.label("is_open"),
        Backorder.state,
        Backorder.created_at,
        Backorder.closed_at,
        Backorder.counts_from,
    )
    rows = select_lines(*columns, through=Backorder.line).where(OrderLine.order_id == order_id)
    return session.execute(rows.order_by(OrderLine.position, Backorder.id)).all()


def backorders_by_id(session: Session, ids: Sequence[int]) -> list[Backorder]:
    """Return backorder rows by id as they are now, in the order of their ids, with line and order."""
    loads = joinedload(Backorder.line).joinedload(OrderLine.order)
    rows = select(Backorder).where(is_one_of(session, Backorder.id, ids)).options(loads).order_by(Backorder.id)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def cancellable_backorders(
    session: Session, counts_before: date, product_ids: Sequence[int]
) -> Sequence[Row[int, int, Decimal]]:
    """Return (backorder id, line id, open quantity) of these products' rows that count from before a day.

    Scheduled lines and those that other modules spare are left out.
    """
    rows = session.execute(
        select(Backorder.id, Backorder.line_id, Backorder.open_quantity)
        .join(Backorder.line)
        .where(
            is_one_of(session, OrderLine.product_id, product_ids),
            Backorder.is_open,
            Backorder.kind == BackorderKind.backorder,
            Backorder.counts_from < counts_before,
            not_(is_scheduled()),
        )
        .order_by(Backorder.id)
    ).all()
    spared = set().union(*lines_spared(session, [line_id for _, line_id, _ in rows]))
    return [row for row in rows if row.line_id not in spared]


class DayToCorrect(NamedTuple):
    """A backorder row of a scheduled line that counts from another day than that on which its line falls due."""

    backorder_id: int
    due: date
    product_id: int


def days_to_correct(session: Session, condition: ColumnElement[bool]) -> list[DayToCorrect]:
    """Return the open rows of scheduled lines that meet a condition and count from another day than the due day.

    Rows of kind `preorder` count from no day.
    """
    if last_served_day() is None:
        return []
    rows = session.execute(
        select(Backorder.id, OrderLine.product_id, Backorder.counts_from, OrderLine.requested_on)
        .join(Backorder.line)
        .where(condition, Backorder.is_open, Backorder.kind == BackorderKind.backorder, is_scheduled())
        .order_by(Backorder.id)
    )
    return [
        DayToCorrect(id_, due, product_id)
        for id_, product_id, counts_from, requested_on in rows
        if requested_on and (due := due_on(requested_on)) != counts_from
    ]
