"""When order lines can be there, and which promises that breaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Date, Integer, Select, Subquery, and_, case, cast, func, literal, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import Quantity, days_later, is_one_of, total
from erp.options import options
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.preorder.domain import Cover, expected_date, promise_for
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import is_open_purchase_allocation, of_lines, purchase_allocated_to
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState

NOTHING = literal(Decimal(0), Quantity())


@dataclass(frozen=True)
class Expectation:
    """An order line's cover, what it was promised, and when it is expected."""

    line_id: int
    cover: Cover
    promised: date | None
    is_pinned: bool
    expected: date | None


def expectations(
    session: Session, *conditions: ColumnElement[bool], arrivals: dict[int, date | None] | None = None
) -> dict[int, Expectation]:
    """Return the expectation of open lines of confirmed orders that meet `conditions` on OrderLine, by line id.

    With `arrivals` (purchase line id → date) the answer is for these dates instead of the stored ones.
    """
    today = clock.today()
    found: dict[int, Expectation] = {}
    for row in session.execute(_covered_lines(*conditions)):
        cover = Cover(row.open_quantity, row.allocated, row.purchase_allocated, row.latest, bool(row.undated))
        found[row.id] = Expectation(row.id, cover, row.promise_date, row.is_promise_pinned, expected_date(cover, today))
    return _with_arrivals(session, found, arrivals, today) if arrivals else found


def _covered_lines(*conditions: ColumnElement[bool]) -> Select[Any]:
    purchase_allocations = arrival_dates(*(of_lines(*conditions),) if conditions else ())
    return (
        select(
            OrderLine.id,
            OrderLine.open_quantity.label("open_quantity"),
            OrderLine.allocated,
            OrderLine.promise_date,
            OrderLine.is_promise_pinned,
            func.coalesce(purchase_allocations.c.purchase_allocated, NOTHING).label("purchase_allocated"),
            purchase_allocations.c.latest,
            func.coalesce(purchase_allocations.c.undated, 0).label("undated"),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .outerjoin(purchase_allocations, purchase_allocations.c.line_id == OrderLine.id)
        .where(
            Order.state == OrderState.confirmed,
            Product.tracking != Tracking.serial,
            OrderLine.quantity > OrderLine.packed + OrderLine.cancelled,
            *conditions,
        )
    )


def first_promises(session: Session, line_ids: Collection[int]) -> Subquery:
    """Return a subquery of (`line_id`, `day`) of those among these lines that wait for dated links alone.

    The day is their latest arrival or today, and the buffer.
    """
    purchase_allocations, today = (
        arrival_dates(is_one_of(session, PurchaseAllocation.line_id, line_ids)),
        literal(clock.today(), Date()),
    )
    latest = case((purchase_allocations.c.latest < today, today), else_=purchase_allocations.c.latest)
    day = days_later(session, latest, options.preorder.promise_buffer_days)
    covered = (
        OrderLine.allocated + purchase_allocations.c.purchase_allocated
        >= OrderLine.quantity - OrderLine.packed - OrderLine.cancelled
    )
    rows = select(purchase_allocations.c.line_id, day.label("day")).join(
        OrderLine, OrderLine.id == purchase_allocations.c.line_id
    )
    return rows.where(covered, purchase_allocations.c.undated == 0).subquery()


def arrival_dates(*conditions: ColumnElement[bool]) -> Subquery:
    """Return what is on its way to each sales order line.

    Columns: `line_id`, `purchase_allocated`, `latest` (arrival) and `undated` (a count).
    """
    return (
        select(
            PurchaseAllocation.line_id,
            total(PurchaseAllocation.outstanding).label("purchase_allocated"),
            func.max(PurchaseOrderLine.expected_on).label("latest"),
            func.sum(cast(PurchaseOrderLine.expected_on.is_(None), Integer)).label("undated"),
        )
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .where(is_open_purchase_allocation(), *conditions)
        .group_by(PurchaseAllocation.line_id)
        .subquery()
    )


def _with_arrivals(
    session: Session, found: dict[int, Expectation], arrivals: dict[int, date | None], today: date
) -> dict[int, Expectation]:
    dates: dict[int, list[date | None]] = {}
    rows = session.execute(
        select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id, PurchaseOrderLine.expected_on)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .where(is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.line_id, found))
    )
    for line_id, purchase_line_id, stored in rows:
        dates.setdefault(line_id, []).append(arrivals.get(purchase_line_id, stored))
    changed = dict(found)
    for line_id, days in dates.items():
        was = found[line_id]
        known = [day for day in days if day is not None]
        cover = Cover(
            was.cover.open_quantity,
            was.cover.allocated,
            was.cover.purchase_allocated,
            max(known, default=None),
            len(known) < len(days),
        )
        changed[line_id] = Expectation(line_id, cover, was.promised, was.is_pinned, expected_date(cover, today))
    return changed


def new_promises(found: Mapping[int, Expectation]) -> dict[int, date]:
    """Return the date that each line may be promised now, the buffer included; a line without one is left out."""
    today, buffer_days = clock.today(), options.preorder.promise_buffer_days
    dates = {id_: promise_for(row.cover, today=today, buffer_days=buffer_days) for id_, row in found.items()}
    return {id_: day for id_, day in dates.items() if day is not None}


@dataclass(frozen=True)
class Deciding:
    """The purchase order line whose arrival decides a sales order line's date."""

    order_id: int
    name: str
    expected_on: date | None


def deciding_purchase_lines(session: Session, line_ids: Collection[int]) -> dict[int, Deciding]:
    """Return which arrival decides each sales order line's date: its latest link's, one without a date before all."""
    arrival = PurchaseOrderLine.expected_on
    rows = session.execute(
        select(PurchaseAllocation.line_id, PurchaseOrder.id, PurchaseOrder.number, PurchaseOrderLine.position, arrival)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.line_id, line_ids))
        .order_by(PurchaseAllocation.line_id, arrival.is_(None), arrival, PurchaseAllocation.id)
    )
    # The last row of a line is its latest.
    return {line_id: Deciding(id_, f"{number}/{position}", day) for line_id, id_, number, position, day in rows}


def is_late_line(today: date) -> ColumnElement[bool]:
    """Return the condition of an open order line that is expected after it was promised, or promised and not expected.

    Everything hangs on the line itself: a list finds its first page without looking at all lines.
    """
    arrives_late = (
        select(PurchaseAllocation.id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .where(
            is_open_purchase_allocation(),
            PurchaseAllocation.line_id == OrderLine.id,
            or_(PurchaseOrderLine.expected_on.is_(None), PurchaseOrderLine.expected_on > OrderLine.promise_date),
        )
    )
    confirmed = select(Order.id).where(Order.id == OrderLine.order_id, Order.state == OrderState.confirmed)
    by_lots = select(Product.id).where(Product.id == OrderLine.product_id, Product.tracking != Tracking.serial)
    return and_(
        OrderLine.promise_date.is_not(None),
        OrderLine.quantity > OrderLine.packed + OrderLine.cancelled,
        confirmed.correlate(OrderLine).exists(),
        by_lots.correlate(OrderLine).exists(),
        or_(
            OrderLine.promise_date < today,
            OrderLine.allocated + purchase_allocated_to(OrderLine.id) < OrderLine.open_quantity,
            arrives_late.correlate(OrderLine).exists(),
        ),
    )
