"""What may be promised: the supply rule, terms of products, coverage states and ATP as pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.preorder.errors import LaunchDateMissing

# The kind of the supply that purchase order lines are.
PURCHASE_LINE = say("purchase order line")


class Uncovered(NamedTuple):
    """The raw quantity of a sales order line that neither stock nor purchase orders cover."""

    line_id: int
    product_id: int
    quantity: int


def is_before_launch(launch_date: date | None, today: date) -> bool:
    """Return whether the launch is still to come."""
    return launch_date is not None and launch_date > today


@dataclass(frozen=True)
class PreorderTerms:
    """How a product is sold before its launch: whether at all, when it is launched, and how much may be preordered."""

    is_eligible: bool = False
    launch_date: date | None = None
    preorder_limit: Decimal | None = None


def check_terms(sku: str, unit_decimals: int, terms: PreorderTerms) -> None:
    """Check the terms of a product.

    Raises LaunchDateMissing for an eligible product without a launch date and BadQuantity for a limit that is not a
    quantity of the product.
    """
    if terms.is_eligible and terms.launch_date is None:
        raise LaunchDateMissing(sku=sku)
    if terms.preorder_limit is not None:
        check_quantity(terms.preorder_limit, unit_decimals, what=say("The preorder limit of {sku}", sku=sku))


class CoverageState(StrEnum):
    """How far purchase orders cover what stock leaves open."""

    covered = "covered"
    part_covered = "part_covered"
    not_covered = "not_covered"


def coverage_state(need: Decimal, purchase_allocated: Decimal) -> CoverageState:
    """Return how far the quantity on purchase orders covers a need."""
    if purchase_allocated >= need:
        return CoverageState.covered
    return CoverageState.part_covered if purchase_allocated else CoverageState.not_covered


@dataclass(frozen=True)
class Day:
    """One day of a product's availability."""

    day: date
    projected: Decimal
    available_to_promise: Decimal


def availability(
    today: date,
    days: int,
    *,
    start: Decimal,
    changes: Mapping[date, Decimal],
    expiring: Mapping[date, Decimal] | None = None,
    launch_date: date | None = None,
) -> list[Day]:
    """Return the projected stock and what can still be promised (ATP) of each day, beginning today.

    `start` is what is available now less the need that nothing covers; `changes` are incoming and scheduled quantities
    and the need of scheduled lines (below 0) by day, none before today; `expiring` is what of the available stock has
    which last day of use: later days cannot have it. The ATP of a day is the least that is projected from that day on,
    at least 0; nothing is promised before `launch_date`.
    """
    dates = [today + timedelta(days=number) for number in range(days)]
    levels: list[Decimal] = []
    level = start
    for day in dates:
        level += changes.get(day, Decimal(0))
        levels.append(level)
    gone = _gone_before(dates, expiring or {})
    return [
        Day(day, level - lost, Decimal(0) if is_before_launch(launch_date, day) else max(Decimal(0), least - lost))
        for day, level, least, lost in zip(dates, levels, _least_from(levels), gone, strict=True)
    ]


def _gone_before(dates: Sequence[date], expiring: Mapping[date, Decimal]) -> list[Decimal]:
    """Return for each of the consecutive days how much expired before it."""
    gone: list[Decimal] = []
    lost = sum((quantity for day, quantity in expiring.items() if day < dates[0]), Decimal(0))
    for day in dates:
        gone.append(lost)
        lost += expiring.get(day, Decimal(0))
    return gone


def _least_from(projected: Sequence[Decimal]) -> list[Decimal]:
    """Return for each day the least of it and all later days."""
    least: list[Decimal] = []
    for level in reversed(projected):
        least.append(min(level, least[-1]) if least else level)
    return least[::-1]


def ship_date(days: Iterable[Day], quantity: Decimal) -> date | None:
    """Return the first day on which `quantity` can be promised; None where there is no such day."""
    return next((day.day for day in days if day.available_to_promise >= quantity), None)
