"""Promises kept and late, and supply against demand, week by week and within bounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from modules.preorder.queries.arrivals import arrival_column, is_promised_supply
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine, Pack, PackLine

MOST_LOOKED_AT = 10_000
WEEKS = 8


@dataclass
class Kept:
    """How many lines left by the day that was promised, and how many later."""

    kept: int = 0
    late: int = 0


def monday(day: date) -> date:
    """Return the first day of a week."""
    return day - timedelta(days=day.weekday())


def promises_by_week(session: Session) -> dict[date, Kept]:
    """Return promises of the last WEEKS weeks by the Monday in which goods left; of the last packs only."""
    first = monday(clock.today()) - timedelta(weeks=WEEKS - 1)
    recent = Pack.packed_at >= clock.from_local(datetime.combine(first, time()))
    newest = select(Pack.id, Pack.packed_at).where(recent).order_by(Pack.packed_at.desc(), Pack.id.desc())
    packs = newest.limit(MOST_LOOKED_AT).subquery()
    rows = (
        select(packs.c.packed_at, OrderLine.promise_date)
        .join(PackLine, PackLine.pack_id == packs.c.id)
        .join(OrderLine, OrderLine.id == PackLine.line_id)
        .where(OrderLine.promise_date.is_not(None), PackLine.reversed < PackLine.quantity)
        .limit(MOST_LOOKED_AT)
    )
    found = {first + timedelta(weeks=week): Kept() for week in range(WEEKS)}
    for packed_at, promised in session.execute(rows):
        left = clock.local(packed_at).date()
        if (week := found.get(monday(left))) is not None:
            week.kept += left <= promised
            week.late += left > promised
    return found


@dataclass
class Balance:
    """What is expected to arrive in a week, and what customers want in it."""

    supply: Decimal = Decimal(0)
    demand: Decimal = Decimal(0)


def supply_and_demand(session: Session) -> dict[date, Balance]:
    """Return what is to come and what is wanted in the coming WEEKS weeks, by Monday; what is overdue counts now.

    Demand is the need of open lines by the day for which they are promised or requested, of MOST_LOOKED_AT at most.
    """
    first = monday(clock.today())
    weeks = {first + timedelta(weeks=week): Balance() for week in range(WEEKS)}
    arrival = arrival_column()
    supply = select(arrival.label("day"), PurchaseOrderLine.outstanding.label("quantity"))
    supply = supply.join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id).where(is_promised_supply())
    wanted = func.coalesce(OrderLine.promise_date, OrderLine.requested_on)
    demand = select(wanted.label("day"), OrderLine.need.label("quantity")).join(OrderLine.order)
    demand = demand.where(OrderLine.has_need, Order.is_confirmed)
    for day, quantity in _by_day(session, supply):
        _add(weeks, first, day, "supply", quantity)
    for day, quantity in _by_day(session, demand):
        _add(weeks, first, day, "demand", quantity)
    return weeks


def _by_day(session: Session, rows: Any) -> Iterable[tuple[Any, Decimal]]:
    some = rows.limit(MOST_LOOKED_AT).subquery()
    return session.execute(select(some.c.day, total(some.c.quantity)).group_by(some.c.day))


def _add(weeks: dict[date, Balance], first: date, day: Any, name: str, quantity: Decimal) -> None:
    if day is None:
        return
    day = date.fromisoformat(day) if isinstance(day, str) else day
    week = weeks.get(max(monday(day), first))
    if week is not None:
        setattr(week, name, getattr(week, name) + quantity)
