"""The rules of preorder: ATP, terms and coverage states."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.inventory_lots.errors import BadQuantity
from modules.preorder.domain import (
    CoverageState,
    PreorderTerms,
    availability,
    check_terms,
    coverage_state,
    is_before_launch,
    ship_date,
)
from modules.preorder.errors import LaunchDateMissing

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


# ATP


def test_the_worked_example_gives_12_12_12_12_13_16_16() -> None:
    changes = {TODAY + timedelta(day - 1): Decimal(n) for day, n in ((1, -3), (3, 10), (4, -15), (5, 1), (6, 3))}
    days = availability(TODAY, 7, start=Decimal(20), changes=changes)
    assert [day.projected for day in days] == [17, 17, 27, 12, 13, 16, 16]
    assert [day.available_to_promise for day in days] == [12, 12, 12, 12, 13, 16, 16]
    assert [day.day for day in days] == [TODAY + timedelta(number) for number in range(7)]


def test_atp_is_never_below_nothing() -> None:
    days = availability(TODAY, 2, start=Decimal(-4), changes={TODAY + timedelta(1): Decimal(1)})
    assert [(day.projected, day.available_to_promise) for day in days] == [(-4, 0), (-3, 0)]


def test_the_expected_ship_date_is_the_first_day_on_which_so_much_can_be_promised() -> None:
    changes = {TODAY + timedelta(2): Decimal(5)}
    days = availability(TODAY, 4, start=Decimal(3), changes=changes)
    assert ship_date(days, Decimal(3)) == TODAY
    assert ship_date(days, Decimal(8)) == TODAY + timedelta(2)
    assert ship_date(days, Decimal(9)) is None


@given(st.integers(-50, 50), st.dictionaries(st.integers(0, 20), st.integers(-30, 30)), st.integers(1, 25))
def test_atp_never_falls_and_keeps_every_later_day_at_least_as_high(
    start: int, changes: dict[int, int], horizon: int
) -> None:
    by_day = {TODAY + timedelta(offset): Decimal(n) for offset, n in changes.items()}
    days = availability(TODAY, horizon, start=Decimal(start), changes=by_day)
    promised = [day.available_to_promise for day in days]
    assert len(days) == horizon
    assert promised == sorted(promised)
    for at, day in enumerate(days):
        assert day.available_to_promise == max(0, min(later.projected for later in days[at:]))


def test_atp_counts_stock_up_to_its_last_day_of_use_and_nothing_before_a_launch() -> None:
    expiring = {TODAY + timedelta(1): Decimal(4)}
    days = availability(TODAY, 4, start=Decimal(10), changes={}, expiring=expiring)
    assert [day.available_to_promise for day in days] == [10, 10, 6, 6]
    launched = availability(TODAY, 3, start=Decimal(10), changes={}, launch_date=TODAY + timedelta(2))
    assert [(day.projected, day.available_to_promise) for day in launched] == [(10, 0), (10, 0), (10, 10)]


# Terms and coverage


def test_an_eligible_product_needs_a_launch_date() -> None:
    with pytest.raises(LaunchDateMissing):
        check_terms("P-1", 0, PreorderTerms(is_eligible=True))
    check_terms("P-1", 0, PreorderTerms(is_eligible=True, launch_date=DECEMBER))
    check_terms("P-1", 0, PreorderTerms(launch_date=DECEMBER))


def test_a_limit_is_a_quantity_that_the_product_is_counted_in() -> None:
    for limit in ("0", "-1", "2.5"):
        with pytest.raises(BadQuantity):
            check_terms("P-1", 0, PreorderTerms(preorder_limit=Decimal(limit)))
    check_terms("P-1", 1, PreorderTerms(preorder_limit=Decimal("2.5")))


def test_the_day_of_the_launch_is_not_before_it() -> None:
    assert is_before_launch(TODAY + timedelta(1), TODAY)
    assert not is_before_launch(TODAY, TODAY)
    assert not is_before_launch(None, TODAY)


def test_a_need_is_covered_part_covered_or_not_covered() -> None:
    assert [coverage_state(Decimal(5), Decimal(purchase_allocated)) for purchase_allocated in (5, 2, 0)] == [
        CoverageState.covered,
        CoverageState.part_covered,
        CoverageState.not_covered,
    ]
