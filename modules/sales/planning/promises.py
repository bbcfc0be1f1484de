"""What a plan promises: the lines that it covers whole, and when the last of what covers them is there."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from modules.sales.domain import Grant

if TYPE_CHECKING:
    from modules.sales.planning.runs import Snapshot, Taken

# What says which day is promised first to a line: its coverage, the plan alone, or nothing, as it has a promise date.
BY_COVERAGE, BY_PLAN, NEVER = range(3)


class LastArrival(NamedTuple):
    """When the last of what covers a line is there: supply of a `kind` on a `day`, or usable stock, without both."""

    kind: str = ""
    day: date | None = None


IN_STOCK = LastArrival()


def promises(
    snapshot: Snapshot, grants: Iterable[Grant], taken: Iterable[Taken], moved: Iterable[int]
) -> tuple[dict[int, LastArrival], set[int]]:
    """Return the lines that a plan covers all of, of those that it promises, and the others that need a promise.

    `moved` are the lines that give back or exchange what they held.
    """
    left = {
        each.line_id: each.need
        for each in snapshot.demands
        if each.promised == BY_PLAN and each.line_id not in snapshot.holdings
    }
    last: dict[int, LastArrival] = {}
    others = set(moved)
    for line_id, _, quantity in grants:
        if line_id in left:
            left[line_id] -= quantity
        else:
            others.add(line_id)
    for line_id, supply, quantity in taken:
        if line_id not in left or last.get(line_id, supply).kind != supply.kind:
            others.add(line_id)
            continue
        left[line_id] -= quantity
        day = last[line_id].day if line_id in last else date.min
        last[line_id] = LastArrival(supply.kind, max(day, supply.day) if day and supply.day else None)
    if others:
        others -= {each.line_id for each in snapshot.demands if each.promised == NEVER}
    complete = {
        line_id: last.get(line_id, IN_STOCK)
        for line_id, quantity in left.items()
        if quantity == 0 and line_id not in others and (line_id not in last or last[line_id].day)
    }
    return complete, others
