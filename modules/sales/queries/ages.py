"""How long open backorders wait."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from erp import clock
from modules.sales.models import Backorder

MOST_LOOKED_AT = 10_000
# The first and the last day of each age, in days; the oldest has no last.
AGES: tuple[tuple[int, int | None], ...] = ((0, 2), (3, 6), (7, 13), (14, 29), (30, 59), (60, None))


def backorders_by_age(session: Session) -> dict[tuple[int, int | None], int]:
    """Return how many open backorders are how many days old, of the lines entered first, MOST_LOOKED_AT at most, in one
    statement."""
    oldest = select(Backorder.created_at).where(Backorder.is_open).order_by(Backorder.line_id).limit(MOST_LOOKED_AT)
    made = oldest.subquery().c.created_at
    begins = [(made >= _begin(last), at) for at, (_, last) in enumerate(AGES) if last is not None]
    place = case(*begins, else_=len(AGES) - 1)
    rows = session.execute(select(place, func.count()).group_by(place))
    found: dict[int, int] = dict(rows.all())
    return {age: found.get(at, 0) for at, age in enumerate(AGES)}


def _begin(days: int) -> datetime:
    """Return the first instant of the day so many days ago."""
    return clock.from_local(datetime.combine(clock.today() - timedelta(days=days), time()))
