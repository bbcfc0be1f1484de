"""The only place that reads the clock: instants in UTC, days in the company's zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

# The years that dates may be entered in: what is added to one, such as a buffer of days, stays in the calendar.
YEARS = range(1900, 9001)


# How much the clocks of two hosts may differ: what is later than that was written while a clock was ahead.
SKEW = timedelta(minutes=1)


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
    return _day(now().replace(second=0, microsecond=0), _zone())


@lru_cache(maxsize=16)
def _day(minute: datetime, zone: tzinfo) -> date:
    """Return the day of a minute in a zone: many ask within one minute."""
    return minute.astimezone(zone).date()


def local(instant: datetime) -> datetime:
    """Return `instant` as the company's wall clocks show it."""
    return instant.astimezone(_zone())


def from_local(wall_time: datetime) -> datetime:
    """Return the UTC instant of a wall time; one without a zone is read in the company's zone."""
    if wall_time.tzinfo is None:
        wall_time = wall_time.replace(tzinfo=_zone())
    return wall_time.astimezone(UTC)


def problem_of(wall_time: datetime) -> str:
    """Return why a wall time without a zone names no single instant in the company's zone; empty where it does.

    Where clocks change, an hour is skipped or shown twice; a whole day without a time is never in doubt.
    """
    if wall_time.time() == time.min:
        return ""
    earlier, later = (wall_time.replace(tzinfo=_zone(), fold=fold) for fold in (0, 1))
    if earlier.utcoffset() == later.utcoffset():
        return ""
    is_real = earlier.astimezone(UTC).astimezone(_zone()).replace(tzinfo=None) == wall_time
    return "is there twice that night, when clocks go back" if is_real else "is skipped when clocks go forward"
