"""Who gets what: the plan of a run and the rule of the backorder row, as pure functions.

Quantities are the integers that the database keeps (× 10⁴): planning runs over a million of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from modules.sales.states import Fulfilment

Part = tuple[int, int]
Grant = tuple[int, int, int]


def plan(demands: Iterable[Part], supplies: Iterable[Part]) -> list[Grant]:
    """Serve demands first come, first served from supplies in their order of removal.

    Both are (id, quantity) already in order; the result is (demand id, supply id, quantity), each quantity > 0.
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
            grants.append((demand, supply, taken))
            wanted -= taken
            left -= taken
    return grants


def plan_by_product(demands: Iterable[tuple[int, int, int]], supplies: Iterable[tuple[int, int, int]]) -> list[Grant]:
    """Plan many products at once: both are (id, product id, quantity), in order within each product."""
    grants: list[Grant] = []
    wanted = _by_product(demands)
    for product_id, parts in _by_product(supplies).items():
        if product_id in wanted:
            grants += plan(wanted[product_id], parts)
    return grants


def _by_product(rows: Iterable[tuple[int, int, int]]) -> dict[int, list[Part]]:
    groups: dict[int, list[Part]] = defaultdict(list)
    for id_, product_id, quantity in rows:
        groups[product_id].append((id_, quantity))
    return groups


class Settlement(NamedTuple):
    """How a backorder row changes: it is allocated by so much, or grows by so much (a new row grows from 0)."""

    allocated: int = 0
    grown: int = 0


def settle(remainder: int, open_backorder: int, *, may_grow: bool) -> Settlement:
    """Say what a run does to a line's backorder row, given what stock left uncovered (the backorder row)."""
    if remainder < open_backorder:
        return Settlement(allocated=open_backorder - remainder)
    return Settlement(grown=remainder - open_backorder) if may_grow else Settlement()


@dataclass(frozen=True)
class Lowering:
    """What a lowered line gives back: from its open backorder, and from its allocations."""

    backorder: int
    allocations: int


def lower(new_open: int, allocated: int, open_backorder: int) -> Lowering:
    """Say what a line whose open quantity falls to `new_open` gives back (change a quantity)."""
    kept = min(open_backorder, max(0, new_open - allocated))
    return Lowering(backorder=open_backorder - kept, allocations=max(0, allocated - new_open))


def give_back(parts: Iterable[Part], quantity: int) -> list[Part]:
    """Take `quantity` from (id, quantity) parts in the given order; returns (id, given back)."""
    given: list[Part] = []
    for id_, held in parts:
        if quantity <= 0:
            break
        if taken := min(held, quantity):
            given.append((id_, taken))
            quantity -= taken
    return given


@dataclass(frozen=True)
class Progress:
    """The counters of a line, or their sums over an order."""

    quantity: Decimal
    packed: Decimal
    cancelled: Decimal
    allocated: Decimal


def fulfilment(lines: Sequence[Progress]) -> Fulfilment:
    """Say how far a line, or an order of these lines, is."""
    quantity, packed, cancelled, allocated = (
        sum(getattr(line, name) for line in lines) for name in ("quantity", "packed", "cancelled", "allocated")
    )
    still_open = quantity - packed - cancelled
    if still_open <= 0:
        return Fulfilment.packed if packed else Fulfilment.cancelled
    if packed:
        return Fulfilment.part_packed
    if allocated >= still_open:
        return Fulfilment.allocated
    return Fulfilment.part_allocated if allocated else Fulfilment.unallocated
