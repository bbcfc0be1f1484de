"""The date that a run promises to a line is the one that the line's coverage says."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from erp.db import to_raw
from modules.preorder.coverage import (
    AllocatedStock,
    AllocatedSupply,
    Arrivals,
    LeanPart,
    OpenLine,
    cover,
    promise_alone,
)

TODAY = date(2026, 11, 23)
days = st.one_of(st.none(), st.integers(-20, 40).map(lambda day: TODAY + timedelta(day)))
quantities = st.integers(1, 6).map(Decimal)
stock = st.lists(st.builds(AllocatedStock, quantities, days, st.sampled_from(["", "", "", "on hold"])), max_size=3)
supply = st.lists(st.builds(AllocatedSupply, quantities, st.integers(1, 3), days), max_size=3)
rules = st.builds(Arrivals, st.just(TODAY), st.integers(0, 9), st.sampled_from([None, 0, 5]))


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 3), days, stock, supply, rules, st.integers(0, 3))
def test_a_promise_of_a_run_is_that_of_the_coverage(
    missing: int,
    launch_date: date | None,
    in_stock: list[AllocatedStock],
    on_purchase_orders: list[AllocatedSupply],
    arrivals: Arrivals,
    buffer_days: int,
) -> None:
    covered = sum((each.quantity for each in (*in_stock, *on_purchase_orders)), Decimal(0))
    wanted = max(Decimal(1), covered + missing)
    line = OpenLine(1, 1, 1, wanted, launch_date=launch_date, stock=in_stock, supply=on_purchase_orders)
    parts = [LeanPart(to_raw(each.quantity), False, each.expires_on, each.why_unusable) for each in in_stock]
    parts += [LeanPart(to_raw(each.quantity), True, each.expected_on) for each in on_purchase_orders]
    expected = cover([line], arrivals)[1].promise(buffer_days)
    assert promise_alone(to_raw(wanted), launch_date, parts, arrivals, buffer_days) == expected
