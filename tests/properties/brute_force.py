"""The best rebalance of a small book, found by trying every assignment of supply to lines.

Nothing of the product's own rules is used: an assignment says how many units of each purchase order line each line has.
Days are numbers; a supply without a day has `NEVER`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

NEVER = 10**6
Units = tuple[int, ...]  # of each supply, in the order of the supplies


@dataclass(frozen=True)
class Holder:
    """A line that takes part: what it has of each supply, and the day before which nothing counts as coming."""

    has: Units
    ready: int = 0
    is_ticked: bool = False


def best(holders: Sequence[Holder], days: Units, free: Units) -> list[list[Units]]:
    """Return every best assignment: what each line has, in order of service.

    Each line keeps its quantity. No line but a ticked one is, at any day, covered less than before, or moves a unit
    without gaining a day by it. Among those, the first line is covered best at every day, then the second, and so on.
    A ticked line puts its units into the pool first.
    """
    pool = tuple(map(sum, zip(free, *(holder.has for holder in holders if holder.is_ticked), strict=True)))
    choices = [list(_choices(holder, days)) for holder in holders]

    @cache
    def can_end(place: int, pool: Units) -> bool:
        return place == len(holders) or any(can_end(place + 1, left) for _, left in moves(place, pool))

    def moves(place: int, pool: Units) -> Iterator[tuple[Units, Units]]:
        has = (0,) * len(days) if holders[place].is_ticked else holders[place].has
        for units in choices[place]:
            left = tuple(amount + given - taken for amount, given, taken in zip(pool, has, units, strict=True))
            if min(left) >= 0:
                yield units, left

    ways: list[tuple[list[Units], Units]] = [([], pool)]
    for place, holder in enumerate(holders):
        found = [
            ([*done, units], left)
            for done, pool in ways
            for units, left in moves(place, pool)
            if can_end(place + 1, left)
        ]
        assert found, "what a line has is always possible"
        profiles = {_profile(done[-1], holder, days) for done, _ in found}
        top = [one for one in profiles if all(_dominates(one, other) for other in profiles)]
        assert len(top) == 1, f"no assignment is best for line {place} at every day"
        ways = [(done, left) for done, left in found if _profile(done[-1], holder, days) == top[0]]
    return [done for done, _ in ways]


def _choices(holder: Holder, days: Units) -> Iterator[Units]:
    """Yield what a line may have after: as much as before, and never worse for it unless it is ticked."""
    before = _counted(holder.has, holder, days)
    for units in _spread(sum(holder.has), len(days)):
        after = _counted(units, holder, days)
        is_covered = all(new <= old for new, old in zip(after, before, strict=True))
        if holder.is_ticked or (is_covered and _every_move_gains(units, holder, days)):
            yield units


def _spread(quantity: int, supplies: int) -> Iterator[Units]:
    """Yield every way to take a quantity from so many supplies."""
    if supplies == 1:
        yield (quantity,)
        return
    for first in range(quantity + 1):
        for others in _spread(quantity - first, supplies - 1):
            yield (first, *others)


def _counted(units: Units, holder: Holder, days: Units) -> Units:
    """Return the day of each unit as it counts for the line, earliest first."""
    return tuple(sorted(max(day, holder.ready) for day, amount in zip(days, units, strict=True) for _ in range(amount)))


def _every_move_gains(units: Units, holder: Holder, days: Units) -> bool:
    """Return whether each unit that the line loses can be paired with one that it gets at least a day earlier."""
    lost = _counted(_above(holder.has, units), holder, days)
    won = _counted(_above(units, holder.has), holder, days)
    return all(new < old for new, old in zip(won, lost, strict=True))


def _above(one: Units, other: Units) -> Units:
    return tuple(max(0, amount - less) for amount, less in zip(one, other, strict=True))


def _profile(units: Units, holder: Holder, days: Units) -> tuple[Units, int, Units]:
    """Return the days of a line's units as they count for it, on how many it had some before, and as they are.

    Where units count alike, a ticked line takes those of its own days first, and then every line the earliest.
    """
    had, has = (_counted(each, Holder(holder.has), days) for each in (holder.has, units))
    kept = (Counter(had) & Counter(has)).total() if holder.is_ticked else 0
    return _counted(units, holder, days), kept, has


def _dominates(one: tuple[Units, int, Units], other: tuple[Units, int, Units]) -> bool:
    if one[0] != other[0]:
        return _is_no_later(one[0], other[0])
    return one[1] > other[1] or (one[1] == other[1] and _is_no_later(one[2], other[2]))


def _is_no_later(one: Units, other: Units) -> bool:
    return all(new <= old for new, old in zip(one, other, strict=True))
