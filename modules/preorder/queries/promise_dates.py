"""When sales order lines can be there, and which of them are late."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Select, Subquery, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import days_later, is_one_of, total
from erp.options import options
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.preorder.domain import Cover, expected_date, promise_for
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import (
    NOTHING,
    of_lines,
    purchase_allocated_to,
    with_purchase_lines,
)
from modules.preorder.queries.sales_lines import has_open_quantity
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState


@dataclass(frozen=True)
class Expectation:
    """What covers a sales order line, what was promised, and when the line is expected."""

    line_id: int
    cover: Cover
    promised: date | None
    is_pinned: bool
    expected: date | None


def expectations(
    session: Session, *conditions: ColumnElement[bool], arrivals: Mapping[int, date | None] | None = None
) -> dict[int, Expectation]:
    """Return the expectation of each open line of confirmed orders that meets `conditions`, by line id.

    `arrivals` (purchase order line id → date) are used instead of the stored dates.
    """
    today = clock.today()
    found: dict[int, Expectation] = {}
    for row in session.execute(_covered_lines(*conditions)):
        cover = Cover(row.open_quantity, row.allocated, row.purchase_allocated, row.latest, bool(row.undated))
        found[row.id] = Expectation(row.id, cover, row.promise_date, row.is_promise_pinned, expected_date(cover, today))
    return found | _moved(session, found, arrivals) if arrivals else found


def lines_to_sync(session: Session, purchase_line_ids: Collection[int]) -> dict[int, Expectation]:
    """Return the lines that an automatic sync follows when these arrivals change: allocated and not pinned."""
    moved = is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    affected = select(PurchaseAllocation.line_id).where(PurchaseAllocation.is_open, moved)
    return expectations(session, OrderLine.id.in_(affected), OrderLine.is_promise_pinned.is_(False))


def _covered_lines(*conditions: ColumnElement[bool]) -> Select[Any]:
    incoming = arrival_dates(*(of_lines(*conditions),) if conditions else ())
    return (
        select(
            OrderLine.id,
            OrderLine.open_quantity.label("open_quantity"),
            OrderLine.allocated,
            OrderLine.promise_date,
            OrderLine.is_promise_pinned,
            func.coalesce(incoming.c.purchase_allocated, NOTHING).label("purchase_allocated"),
            incoming.c.latest,
            func.coalesce(incoming.c.undated, 0).label("undated"),
        )
        .join(OrderLine.order)
        .join(OrderLine.product)
        .outerjoin(incoming, incoming.c.line_id == OrderLine.id)
        .where(
            Order.state == OrderState.confirmed,
            Product.tracking != Tracking.serial,
            has_open_quantity(),
            *conditions,
        )
    )


def arrival_dates(*conditions: ColumnElement[bool]) -> Subquery:
    """Return a subquery of what each sales order line has on purchase orders.

    Columns: `line_id`, `purchase_allocated`, `latest` (arrival) and `undated` (a count).
    """
    return (
        with_purchase_lines(
            PurchaseAllocation.line_id,
            total(PurchaseAllocation.outstanding).label("purchase_allocated"),
            func.max(PurchaseOrderLine.expected_on).label("latest"),
            func.sum(cast(PurchaseOrderLine.expected_on.is_(None), Integer)).label("undated"),
        )
        .where(*conditions)
        .group_by(PurchaseAllocation.line_id)
        .subquery()
    )


def _moved(
    session: Session, found: Mapping[int, Expectation], arrivals: Mapping[int, date | None]
) -> dict[int, Expectation]:
    """Return the expectations of lines with purchase allocations, for the given arrival dates."""
    dates: dict[int, list[date | None]] = {}
    rows = session.execute(
        with_purchase_lines(
            PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id, PurchaseOrderLine.expected_on
        ).where(is_one_of(session, PurchaseAllocation.line_id, found))
    )
    for line_id, purchase_line_id, stored in rows:
        dates.setdefault(line_id, []).append(arrivals.get(purchase_line_id, stored))
    today = clock.today()
    moved: dict[int, Expectation] = {}
    for line_id, days in dates.items():
        known = [day for day in days if day is not None]
        undated = len(known) < len(days)
        cover = replace(found[line_id].cover, latest_arrival=max(known, default=None), has_undated_supply=undated)
        moved[line_id] = replace(found[line_id], cover=cover, expected=expected_date(cover, today))
    return moved


def first_promises(session: Session, line_ids: Collection[int]) -> Subquery:
    """Return a subquery of (`line_id`, `day`) of those of these lines that are covered by dated supply.

    The day is the latest arrival, or today where that is past, plus the buffer.
    """
    incoming = arrival_dates(is_one_of(session, PurchaseAllocation.line_id, line_ids))
    today = literal(clock.today(), Date())
    latest = case((incoming.c.latest < today, today), else_=incoming.c.latest)
    day = days_later(session, latest, options.preorder.promise_buffer_days)
    return (
        select(incoming.c.line_id, day.label("day"))
        .join(OrderLine, OrderLine.id == incoming.c.line_id)
        .where(OrderLine.allocated + incoming.c.purchase_allocated >= OrderLine.open_quantity, incoming.c.undated == 0)
        .subquery()
    )


def new_promises(found: Mapping[int, Expectation]) -> dict[int, date]:
    """Return the date that each line may be promised now, with the buffer; lines without one are left out."""
    today, buffer_days = clock.today(), options.preorder.promise_buffer_days
    dates = {id_: promise_for(row.cover, today=today, buffer_days=buffer_days) for id_, row in found.items()}
    return {id_: day for id_, day in dates.items() if day is not None}


@dataclass(frozen=True)
class Deciding:
    """The purchase order line whose arrival decides the date of a sales order line."""

    order_id: int
    name: str
    expected_on: date | None


def deciding_purchase_lines(session: Session, line_ids: Collection[int]) -> dict[int, Deciding]:
    """Return which arrival decides the date of each sales order line: the latest; no date counts as latest."""
    arrival = PurchaseOrderLine.expected_on
    rows = session.execute(
        with_purchase_lines(
            PurchaseAllocation.line_id, PurchaseOrder.id, PurchaseOrder.number, PurchaseOrderLine.position, arrival
        )
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, PurchaseAllocation.line_id, line_ids))
        .order_by(PurchaseAllocation.line_id, arrival.is_(None), arrival, PurchaseAllocation.id)
    )
    # The last row of a line is its latest.
    return {line_id: Deciding(id_, f"{number}/{position}", day) for line_id, id_, number, position, day in rows}


def is_late_line(today: date) -> ColumnElement[bool]:
    """Return the condition of an open line that is expected after its promise date, or promised and not expected.

    Every part of it depends on the line itself: a list finds its first page without reading all lines.
    """
    arrives_late = with_purchase_lines(PurchaseAllocation.id).where(
        PurchaseAllocation.line_id == OrderLine.id,
        or_(PurchaseOrderLine.expected_on.is_(None), PurchaseOrderLine.expected_on > OrderLine.promise_date),
    )
    confirmed = select(Order.id).where(Order.id == OrderLine.order_id, Order.state == OrderState.confirmed)
    by_lots = select(Product.id).where(Product.id == OrderLine.product_id, Product.tracking != Tracking.serial)
    return and_(
        OrderLine.promise_date.is_not(None),
        has_open_quantity(),
        confirmed.correlate(OrderLine).exists(),
        by_lots.correlate(OrderLine).exists(),
        or_(
            OrderLine.promise_date < today,
            OrderLine.allocated + purchase_allocated_to(OrderLine.id) < OrderLine.open_quantity,
            arrives_late.correlate(OrderLine).exists(),
        ),
    )
