"""What may be promised, and when: the supply rule, dates and ATP as pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from modules.inventory_lots.domain import check_quantity
from modules.preorder.errors import LaunchDateMissing


def coverable_demands(demands: Iterable[tuple[int, int]], supply: int) -> Iterator[tuple[int, int]]:
    """Yield the (id, quantity) demands that what is left of all supply covers whole (supply rule `skip`)."""
    for demand, wanted in demands:
        if wanted <= supply:
            supply -= wanted
            yield demand, wanted


def is_before_launch(launch_date: date | None, today: date) -> bool:
    """Say whether a launch is still to come."""
    return launch_date is not None and launch_date > today


@dataclass(frozen=True)
class PreorderTerms:
    """How a product is sold before it exists: whether at all, until when, and how much of it."""

    is_eligible: bool = False
    launch_date: date | None = None
    preorder_limit: Decimal | None = None


def check_terms(sku: str, unit_decimals: int, terms: PreorderTerms) -> None:
    """Raise LaunchDateMissing for an eligible product without one, and BadQuantity for a limit that is none."""
    if terms.is_eligible and terms.launch_date is None:
        raise LaunchDateMissing(sku=sku)
    if terms.preorder_limit is not None:
        check_quantity(terms.preorder_limit, unit_decimals, what=f"The preorder limit of {sku}")


@dataclass(frozen=True)
class Cover:
    """What covers an order line: how much is open, in lots, and linked to dated or undated supply."""

    open_quantity: Decimal
    allocated: Decimal
    purchase_allocated: Decimal
    latest_arrival: date | None
    has_undated_supply: bool


def expected_date(cover: Cover, today: date) -> date | None:
    """Return the day on which all that is open can be there: the latest of its links, today for lots.

    None when a part is uncovered or a link has no date.
    """
    if cover.allocated + cover.purchase_allocated < cover.open_quantity or cover.has_undated_supply:
        return None
    if cover.latest_arrival is None:
        return today
    return max(today, cover.latest_arrival)


def promise_for(cover: Cover, *, today: date, buffer_days: int) -> date | None:
    """Return the date that may be promised: the expected date, and the buffer where it hangs on incoming supply."""
    expected = expected_date(cover, today)
    if expected is None or cover.latest_arrival is None:
        return expected
    return expected + timedelta(days=buffer_days)


def is_late(expected: date | None, promised: date | None) -> bool:
    """Say whether what was promised will not be kept: expected later, or not expected at all."""
    return promised is not None and (expected is None or expected > promised)


class CoverageState(StrEnum):
    """How far what stock leaves open is linked to incoming supply."""

    covered = "covered"
    part_covered = "part_covered"
    not_covered = "not_covered"


def coverage_state(need: Decimal, purchase_allocated: Decimal) -> CoverageState:
    """Say how far a need is linked."""
    if purchase_allocated >= need:
        return CoverageState.covered
    return CoverageState.part_covered if purchase_allocated else CoverageState.not_covered


@dataclass(frozen=True)
class Day:
    """One day of a product's availability."""

    day: date
    projected: Decimal
    available_to_promise: Decimal


def availability(today: date, days: int, *, start: Decimal, changes: Mapping[date, Decimal]) -> list[Day]:
    """Project stock day by day and say what can still be promised (ATP).

    `start` is what is available now less unlinked need; `changes` are incoming and scheduled quantities by day, those
    of days before today counted today by the caller or dropped. atp(d) is the least projected quantity from d on, at
    least 0. Day 1 is today.
    """
    dates = [today + timedelta(days=number) for number in range(days)]
    projected: list[Decimal] = []
    level = start
    for day in dates:
        level += changes.get(day, Decimal(0))
        projected.append(level)
    return [Day(day, level, least) for day, level, least in zip(dates, projected, _least_from(projected), strict=True)]


def _least_from(projected: Sequence[Decimal]) -> list[Decimal]:
    """Return for each day the least of it and all later days, at least 0."""
    least: list[Decimal] = []
    for level in reversed(projected):
        least.append(min(level, least[-1]) if least else level)
    return [max(Decimal(0), level) for level in reversed(least)]


def ship_date(days: Iterable[Day], quantity: Decimal) -> date | None:
    """Return the first day on which `quantity` can be promised; None within the horizon."""
    return next((day.day for day in days if day.available_to_promise >= quantity), None)
