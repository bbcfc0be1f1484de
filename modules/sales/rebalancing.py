"""Rebalance: an earlier order gets earlier supply, and what it has later goes to those behind it.

A pure rule over the book of one product. Quantities are raw integers (× 10⁴).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from erp.numbers import sums
from modules.sales.domain import Part, plan


class Line(NamedTuple):
    """A line that takes part; nothing counts for it as arriving before `ready`, the day of its launch.

    A ticked one puts back all that it has, and is then served at its place.
    """

    id: int
    ready: date | None = None
    is_ticked: bool = False


class Holding(NamedTuple):
    """The quantity of a supply that a line has and that may be exchanged: one for each line and supply."""

    line_id: int
    supply_id: int
    quantity: int


class Supply(NamedTuple):
    """A purchase order line with its arrival date, and what of it is free: 0 where it may not be given out."""

    id: int
    day: date | None
    free: int


class Exchange(NamedTuple):
    """The quantity of one supply that a line gives back for as much of another."""

    line_id: int
    given_id: int
    taken_id: int
    quantity: int


def rebalance(lines: Sequence[Line], holdings: Iterable[Holding], supplies: Sequence[Supply]) -> list[Exchange]:
    """Return what the lines exchange, each in its turn: its latest for the earliest free supply that gains a day.

    Lines are in order of service; `supplies` are all that any holding names, by arrival date (none last). What a line
    gives back is free for the following ones. Holdings of lines that do not take part stay. Near-linear.
    """
    found = {line.id: line for line in lines}
    taking_part = [holding for holding in holdings if holding.line_id in found and holding.quantity > 0]
    pool = _Pool(lines, [each for each in taking_part if found[each.line_id].is_ticked], supplies)
    held: dict[int, list[Part]] = {}
    for line_id, supply_id, quantity in taking_part:
        slot = pool.number(supply_id, line_id if found[line_id].is_ticked else 0)
        held.setdefault(line_id, []).append((slot, quantity))
    exchanges: list[Exchange] = []
    for line in lines:
        serve = _serve_again if line.is_ticked else _improve
        exchanges += serve(line, sorted(held.get(line.id, ())), pool)
    return exchanges


def may_give_way(lines: Sequence[Line], holdings: Iterable[Holding], supplies: Sequence[Supply]) -> list[int]:
    """Return the lines that have something earlier than a line before them has: ticked, they may let it gain."""
    arrival = {supply.id: supply.day or date.max for supply in supplies}
    days: dict[int, list[date]] = {}
    for line_id, supply_id, _ in holdings:
        days.setdefault(line_id, []).append(arrival[supply_id])
    found, latest = [], date.min
    for line in lines:
        own = [max(day, line.ready or date.min) for day in days.get(line.id, ())]
        if own and min(own) < latest:
            found.append(line.id)
        latest = max([latest, *own])
    return found


def _improve(line: Line, own: Sequence[Part], pool: _Pool) -> Iterator[Exchange]:
    """Exchange the latest of what a line has while something free arrives earlier."""
    ready = line.ready or date.min
    for slot, quantity in reversed(own):
        while quantity:
            best = pool.best()
            if best is None or pool.day(best, ready) >= pool.day(slot, ready):
                return
            moved = pool.take(best, quantity)
            pool.give(slot, moved)
            quantity -= moved
            yield Exchange(line.id, pool.supply_id(slot), pool.supply_id(best), moved)


def _serve_again(line: Line, own: Sequence[Part], pool: _Pool) -> Iterator[Exchange]:
    """Serve a line that put back what it has; of supply of one day it takes its own first."""
    ready = line.ready or date.min
    own_of_day: dict[date, list[int]] = {}
    for slot, _ in own:
        own_of_day.setdefault(pool.day(slot, ready), []).append(slot)
    wanted, taken = sum(quantity for _, quantity in own), list[Part]()
    while wanted and (best := pool.best()) is not None:
        for slot in (*own_of_day.pop(pool.day(best, ready), ()), best):
            moved = pool.take(slot, wanted)
            taken.append((slot, moved))
            wanted -= moved
    return _differences(line, own, taken, pool)


def _differences(line: Line, own: Sequence[Part], taken: Sequence[Part], pool: _Pool) -> Iterator[Exchange]:
    """Pair what a line put back and did not take again with what it took instead."""
    had = sums((pool.supply_id(slot), quantity) for slot, quantity in reversed(own))
    has = sums((pool.supply_id(slot), quantity) for slot, quantity in taken)
    lost = [(id_, quantity - has.get(id_, 0)) for id_, quantity in had.items()]
    won = [(id_, quantity - had.get(id_, 0)) for id_, quantity in has.items()]
    return (Exchange(line.id, *grant) for grant in plan(lost, won))


class _Slot(NamedTuple):
    """Where free supply of one day is kept, in the order in which it is taken.

    What a ticked line puts back has a slot of its own, after all other supply of that day, the last line's first: so it
    is not exchanged for supply of the same day.
    """

    day: date
    behind: int
    place: int
    supply_id: int
    line_id: int = 0


class _Pool:
    """Free supply by day; no date is the latest day."""

    def __init__(self, lines: Iterable[Line], ticked: Iterable[Holding], supplies: Sequence[Supply]) -> None:
        days = {supply.id: supply.day or date.max for supply in supplies}
        behind = {line.id: -place for place, line in enumerate(lines)}
        free = [(_Slot(days[each.id], -len(behind), place, each.id), each.free) for place, each in enumerate(supplies)]
        put_back = [
            (_Slot(days[supply_id], behind[line_id], 0, supply_id, line_id), quantity)
            for line_id, supply_id, quantity in ticked
        ]
        slots = sorted(free + put_back)
        self._slots = [slot for slot, _ in slots]
        self._free = [quantity for _, quantity in slots]
        self._numbers = {(slot.supply_id, slot.line_id): number for number, slot in enumerate(self._slots)}
        self._first = 0

    def number(self, supply_id: int, line_id: int = 0) -> int:
        """Return the number of the slot of a supply, or of what a ticked line put back of it."""
        return self._numbers[supply_id, line_id]

    def supply_id(self, slot: int) -> int:
        """Return the supply of a slot."""
        return self._slots[slot].supply_id

    def day(self, slot: int, ready: date) -> date:
        """Return the day of a slot for a line for which nothing arrives before it is `ready`."""
        return max(self._slots[slot].day, ready)

    def best(self) -> int | None:
        """Return the slot with the earliest free supply, None where nothing is free."""
        while self._first < len(self._free) and not self._free[self._first]:
            self._first += 1
        return self._first if self._first < len(self._free) else None

    def take(self, slot: int, wanted: int) -> int:
        """Take at most `wanted` from a slot; return how much it was."""
        taken = min(wanted, self._free[slot])
        self._free[slot] -= taken
        return taken

    def give(self, slot: int, quantity: int) -> None:
        """Put supply back that is later than the earliest: it is what a line exchanged for that."""
        self._free[slot] += quantity
