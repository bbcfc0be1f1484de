"""What is reserved for lines of supply that is to come: each line keeps how much, and when the last of it comes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from itertools import chain
from typing import NamedTuple, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp.db import bulk_update
from modules.sales.models import OrderLine
from modules.sales.planning import Plan


class Incoming(NamedTuple):
    """A raw quantity that is reserved for a line of supply that comes on a `day`, None where nobody knows when.

    A negative quantity is no longer reserved; a quantity of zero says that the day of what is reserved is another one.
    """

    line_id: int
    quantity: int
    day: date | None = None


# What changes of all that is reserved for a line, and its last day where that may become later.
Total = tuple[int, date | None]
NONE: Total = (0, None)
_SUM, _LAST = "incoming + {more_incoming}", "last_incoming_on"
SETS = {
    "incoming": _SUM,
    "last_incoming_on": (
        f"CASE WHEN {_SUM} = 0 THEN NULL "
        f"WHEN {_LAST} IS NULL OR {_LAST} < {{last_day}} THEN {{last_day}} ELSE {_LAST} END"
    ),
}
# What was incoming and came is allocated at the same time.
ARRIVED = {
    "allocated": "allocated + {came}",
    "incoming": "incoming - {came}",
    "last_incoming_on": f"CASE WHEN incoming > {{came}} THEN {_LAST} END",
}
TYPES = {"more_incoming": "bigint", "last_day": "date"}


def count_incoming(session: Session, parts: Iterable[Incoming]) -> None:
    """Count what is reserved for lines of supply that is to come, by those who reserve it.

    What a run plans and what receipts turn into allocations is counted where it is written. The caller has locked the
    products.
    """
    rows = [(line_id, *total) for line_id, total in sorted(totals(parts).items())]
    if rows:
        bulk_update(session, cast(Table, OrderLine.__table__), SETS, TYPES, rows)
        session.expire_all()


def totals(parts: Iterable[tuple[int, int, date | None]]) -> dict[int, Total]:
    """Return what these parts, each as `Incoming` says it, change of each line."""
    found: dict[int, Total] = {}
    for line_id, quantity, day in parts:
        before, last = found.get(line_id, NONE)
        if quantity >= 0:
            day = day or date.max
            last = day if last is None or day > last else last
        found[line_id] = before + quantity, last
    return found


def planned_totals(plans: Sequence[Plan]) -> dict[int, Total]:
    """Return what plans change of each line. What lines exchange comes earlier than what they give for it."""
    given = ((each.holding.line_id, -each.quantity, None) for plan in plans for each in plan.given_back)
    taken = ((line_id, quantity, supply.day) for plan in plans for line_id, supply, quantity in plan.taken)
    return totals(chain(given, taken))
