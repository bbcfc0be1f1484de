"""The only place that reads the clock: instants in UTC, days in the company's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo

# The years that dates may be entered in: what is added to one, such as a buffer of days, stays in the calendar.
YEARS = range(1900, 9001)


def _read() -> datetime:
    return datetime.now(UTC)


def _utc() -> tzinfo:
    return UTC


_zone: Callable[[], tzinfo] = _utc


def use_zone(read: Callable[[], tzinfo]) -> None:
    """Let `read` say which zone the company's days are counted in; the application sets it once."""
    global _zone
    _zone = read


def now() -> datetime:
    """Return this instant in UTC."""
    return _read()


def today() -> date:
    """Return the calendar day it is now in the company's zone (`[erp] timezone`)."""
    return local(now()).date()


def local(instant: datetime) -> datetime:
    """Return `instant` as the company's wall clocks show it."""
    return instant.astimezone(_zone())


def from_local(wall_time: datetime) -> datetime:
    """Return the UTC instant of a wall time; one without a zone is read in the company's zone."""
    if wall_time.tzinfo is None:
        wall_time = wall_time.replace(tzinfo=_zone())
    return wall_time.astimezone(UTC)
