"""Rules of sales as pure functions: the plan of a run, backorder rows, lowered lines and fulfilment.

Planning works with raw quantities, the integers that the database keeps (× 10⁴): a run plans over a million of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from erp.text import say
from modules.sales.states import Fulfilment, WorkList

# Plain tuples where there is one for each row of a book: naming them would cost more than planning them.
Part = tuple[int, int]  # an id and the raw quantity that it wants, has or holds


class Grant(NamedTuple):
    """A raw quantity of a supply that a demand gets: the ids of both and the quantity, which is above 0."""

    demand: int
    supply: int
    quantity: int


class HeldStock(NamedTuple):
    """A raw quantity of a balance that is allocated to a line; one that `waits` is served by automatic runs."""

    line_id: int
    balance_id: int
    quantity: int
    waits: bool = True


def plan(demands: Iterable[Part], supplies: Iterable[Part]) -> list[Grant]:
    """Serve demands first come, first served; both demands and supplies are already in order.

    Linear: every step uses up a demand or a supply.
    """
    grants: list[Grant] = []
    remaining: Iterator[Part] = iter(supplies)
    supply, left = next(remaining, (0, 0))
    for demand, wanted in demands:
        while wanted > 0:
            while left <= 0:
                following = next(remaining, None)
                if following is None:
                    return grants
                supply, left = following
            taken = wanted if wanted < left else left
            grants.append(Grant(demand, supply, taken))
            wanted -= taken
            left -= taken
    return grants


def settle(remainder: int, open_backorder: int, *, may_grow: bool) -> int:
    """Return what a line has on backorder after a run; `remainder` is what stock left uncovered of the line."""
    return remainder if may_grow or remainder < open_backorder else open_backorder


@dataclass(frozen=True)
class Lowering:
    """The raw quantities that a lowered line gives back: from its open backorder, and from its allocations."""

    backorder: int
    allocations: int


def lower(new_open: int, allocated: int, open_backorder: int) -> Lowering:
    """Return what a line gives back when its open quantity falls to `new_open`: the backorder first."""
    kept = min(open_backorder, max(0, new_open - allocated))
    return Lowering(backorder=open_backorder - kept, allocations=max(0, allocated - new_open))


def served_until(today: date, reserve_ahead_days: int | None) -> date | None:
    """Return the last requested day that is served today; None where every requested day is."""
    return None if reserve_ahead_days is None else today + timedelta(days=reserve_ahead_days)


def is_too_far_ahead(requested_on: date | None, until: date | None) -> bool:
    """Return whether a line is requested too far ahead to be served now, where `until` is the last day that is."""
    return until is not None and requested_on is not None and requested_on > until


class Progress(NamedTuple):
    """The quantities of a line, or their sums over an order; `scheduled` is what of a scheduled line nothing covers."""

    quantity: Decimal
    packed: Decimal
    cancelled: Decimal
    allocated: Decimal
    scheduled: Decimal = Decimal(0)


def fulfilment(lines: Sequence[Progress]) -> Fulfilment:
    """Return how far a line is, or an order with these lines."""
    columns = list(zip(*lines, strict=True)) or [()] * len(Progress._fields)
    quantity, packed, cancelled, allocated, scheduled = map(sum, columns)
    still_open = quantity - packed - cancelled
    if still_open <= 0:
        return Fulfilment.packed if packed else Fulfilment.cancelled
    if packed:
        return Fulfilment.part_packed
    if allocated >= still_open:
        return Fulfilment.allocated
    if allocated:
        return Fulfilment.part_allocated
    return Fulfilment.scheduled if scheduled >= still_open else Fulfilment.unallocated


def return_outcome(*, is_freed: bool, why_unusable: str) -> str:
    """Return in words what becomes of goods that return from a pack."""
    if not is_freed:
        return say("allocated again")
    return say("free, {why_unusable}", why_unusable=why_unusable) if why_unusable else say("free")


@dataclass(frozen=True, slots=True)
class OpenLine:
    """What a line has open, in raw quantities, and what decides where its units wait.

    `blocked` is the part of `allocated` that is on stock that may not leave; `may_leave` says whether the rest may be
    packed now, as far as other modules and the order's shipping policy go. A scheduled line is requested too far ahead
    to be served now.
    """

    open_quantity: int
    allocated: int = 0
    blocked: int = 0
    purchase_allocated: int = 0
    is_serial: bool = False
    is_held: bool = False
    is_scheduled: bool = False
    may_leave: bool = True


def work_lists(line: OpenLine) -> dict[WorkList, int]:
    """Return in which work lists a line stands, and with how much: the quantities add up to what is open."""
    if line.is_serial:
        return {WorkList.serial: line.open_quantity} if line.open_quantity else {}
    need = line.open_quantity - line.allocated
    covered = min(need, line.purchase_allocated)
    waiting = WorkList.scheduled if line.is_scheduled else WorkList.held if line.is_held else WorkList.uncovered
    parts = {
        WorkList.blocked: line.blocked,
        WorkList.ready if line.may_leave else WorkList.not_yet: line.allocated - line.blocked,
        WorkList.covered: covered,
        waiting: need - covered,
    }
    return {work_list: quantity for work_list, quantity in parts.items() if quantity}


def leaves_whole(lines: Iterable[OpenLine], serials_in_stock: bool) -> bool:
    """Return whether all that is open of an order could leave now, as the shipping policy `complete` asks.

    `serials_in_stock` says whether as many usable serial numbers are in stock as are open.
    """
    return serials_in_stock and all(
        line.may_leave and (line.is_serial or line.allocated - line.blocked == line.open_quantity) for line in lines
    )
