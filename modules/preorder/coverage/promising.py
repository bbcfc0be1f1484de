"""Which date may be promised to a line: what its coverage says, in fewer steps."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

from modules.preorder.coverage.arrivals import Arrivals
from modules.preorder.coverage.lines import expires_before, ready_on


class LeanPart(NamedTuple):
    """A raw quantity that a line has in stock, with its last day of use, or of incoming supply, with its arrival."""

    quantity: int
    is_incoming: bool
    day: date | None = None
    why_unusable: str = ""


def promise_alone(
    open_quantity: int, launch_date: date | None, parts: Iterable[LeanPart], arrivals: Arrivals, buffer_days: int
) -> date | None:
    """Return the date that may be promised to a line that leaves alone: that of `cover`, without saying why.

    A run over a large book promises dates to most of its lines. The quantities are raw.
    """
    ready = ready_on(launch_date, arrivals.today)
    expected, is_incoming = ready, False
    for part in parts:
        open_quantity -= part.quantity
        if part.is_incoming:
            arrival = arrivals.arrival(part.day)
            if arrival is None:
                return None
            expected, is_incoming = max(expected, arrival), True
        elif part.why_unusable or expires_before(part.day, ready):
            return None
    if open_quantity > 0:
        return None
    return promise_when(expected, buffer_days, is_incoming=is_incoming)


def promise_when(expected: date, buffer_days: int, *, is_incoming: bool) -> date:
    """Return the day that is promised for goods expected on a day: later by the buffer where they are to come."""
    return expected + timedelta(buffer_days) if is_incoming else expected
