"""What is reserved for lines of supply that is to come: each line keeps how much, and when the last of it comes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
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


class Total(NamedTuple):
    """What changes of all that is reserved for a line, and its last day where that may become later."""

    quantity: int = 0
    last: date | None = None


_SUM = "incoming + {more_incoming}"
SETS = {
    "incoming": _SUM,
    "last_incoming_on": (
        f"CASE WHEN {_SUM} = 0 THEN NULL "
        "WHEN last_incoming_on IS NULL OR last_incoming_on < {last_day} THEN {last_day} ELSE last_incoming_on END"
    ),
}
TYPES = {"more_incoming": "bigint", "last_day": "date"}


def count_incoming(session: Session, parts: Iterable[Incoming]) -> None:
    """Count what is reserved for lines of supply that is to come, by those who reserve it.

    What a run plans and what receipts turn into allocations is counted where it is written. The caller has locked the
    products.
    """
    rows = [(line_id, *total) for line_id, total in sorted(totals(parts).items())]
    bulk_update(session, cast(Table, OrderLine.__table__), SETS, TYPES, rows)
    session.expire_all()


def totals(parts: Iterable[Incoming]) -> dict[int, Total]:
    """Return what these parts change of each line."""
    found: dict[int, Total] = {}
    for line_id, quantity, day in parts:
        total = found.get(line_id, Total())
        last = total.last if quantity < 0 else max(day or date.max, total.last or date.min)
        found[line_id] = Total(total.quantity + quantity, last)
    return found


def planned_totals(plans: Iterable[Plan]) -> Mapping[int, Total]:
    """Return what plans change of each line. What lines exchange comes earlier than what they give for it."""
    return totals(
        part
        for plan in plans
        for part in (
            *(Incoming(each.holding.line_id, -each.quantity) for each in plan.given_back),
            *(Incoming(line_id, quantity, supply.day) for line_id, supply, quantity in plan.taken),
        )
    )
