"""Rules of sales: the plan of a run, backorder rows, lowered lines and fulfilment."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modules.inventory_lots.domain import give_back
from modules.sales.domain import (
    Lowering,
    Progress,
    fulfilment,
    lower,
    plan,
    return_outcome,
    settle,
)
from modules.sales.states import Fulfilment

quantities = st.integers(min_value=0, max_value=50)
parts = st.lists(quantities, max_size=30).map(lambda amounts: list(enumerate(amounts)))


def unit_by_unit(demands, supplies):
    """The slow reference: hand out one unit after the other."""
    units = [supply for supply, amount in supplies for _ in range(amount)]
    given = {}
    for demand, wanted in demands:
        for _ in range(wanted):
            if units:
                pair = (demand, units.pop(0))
                given[pair] = given.get(pair, 0) + 1
    return [(demand, supply, amount) for (demand, supply), amount in given.items()]


@settings(max_examples=2000, deadline=None)
@given(parts, parts)
def test_the_plan_gives_what_handing_out_unit_by_unit_gives(demands, supplies):
    assert plan(demands, supplies) == unit_by_unit(demands, supplies)


@settings(deadline=None)
@given(parts, parts)
def test_no_demand_is_served_while_an_earlier_one_goes_short(demands, supplies):
    got = {}
    for demand, _, amount in plan(demands, supplies):
        got[demand] = got.get(demand, 0) + amount
    short = [demand for demand, wanted in demands if got.get(demand, 0) < wanted]
    assert all(got.get(demand, 0) == 0 for demand, _ in demands if short and demand > short[0])


@settings(deadline=None)
@given(parts, parts)
def test_nothing_is_left_while_someone_wants_it(demands, supplies):
    served = sum(amount for *_, amount in plan(demands, supplies))
    assert served == min(sum(amount for _, amount in demands), sum(amount for _, amount in supplies))


class Counting:
    """Parts that count each time one of them is taken."""

    def __init__(self, amount):
        self.amount, self.taken = amount, 0

    def __iter__(self):
        for number in range(self.amount):
            self.taken += 1
            yield number, 3


def test_the_plan_is_linear():
    demands, supplies = Counting(20_000), Counting(30_000)
    grants = plan(demands, supplies)
    assert demands.taken <= 20_000
    assert supplies.taken <= 30_000
    assert len(grants) <= demands.taken + supplies.taken


def test_a_backorder_shrinks_by_what_stock_covers_now():
    assert settle(3, 10, may_grow=True) == 3


def test_a_backorder_grows_by_what_stock_does_not_cover():
    assert settle(10, 3, may_grow=True) == 10


def test_a_backorder_never_grows_while_backorders_are_off():
    assert settle(10, 3, may_grow=False) == 3
    assert settle(1, 3, may_grow=False) == 1


def test_a_lowered_line_gives_back_its_backorder_before_its_allocations():
    assert lower(8, allocated=6, open_backorder=4) == Lowering(backorder=2, allocations=0)
    assert lower(4, allocated=6, open_backorder=4) == Lowering(backorder=4, allocations=2)
    assert lower(10, allocated=6, open_backorder=4) == Lowering(backorder=0, allocations=0)


@given(parts, parts, quantities)
def test_what_is_given_back_in_reverse_is_what_a_plan_would_have_taken_last(demands, supplies, amount):
    grants = plan(demands, supplies)
    lost = dict(give_back([(at, grant.quantity) for at, grant in reversed(list(enumerate(grants)))], amount))
    kept = [grant._replace(quantity=grant.quantity - lost.get(at, 0)) for at, grant in enumerate(grants)]
    granted = sum(grant.quantity for grant in kept)
    fewer = give_back(supplies, granted)
    assert [grant for grant in kept if grant.quantity] == plan(demands, fewer)


def line(quantity, packed=0, cancelled=0, allocated=0):
    return Progress(*(Decimal(number) for number in (quantity, packed, cancelled, allocated)))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([line(10)], Fulfilment.unallocated),
        ([line(10, allocated=4)], Fulfilment.part_allocated),
        ([line(10, allocated=10)], Fulfilment.allocated),
        ([line(10, packed=4, allocated=6)], Fulfilment.part_packed),
        ([line(10, packed=10)], Fulfilment.packed),
        ([line(10, packed=4, cancelled=6)], Fulfilment.packed),
        ([line(10, cancelled=10)], Fulfilment.cancelled),
        ([line(10, cancelled=4, allocated=6)], Fulfilment.allocated),
        ([line(5, allocated=5), line(5)], Fulfilment.part_allocated),
        ([line(5, packed=5), line(5)], Fulfilment.part_packed),
    ],
)
def test_fulfilment_is_derived_from_the_counters(lines, expected):
    assert fulfilment(lines) is expected


@pytest.mark.parametrize(
    ("is_freed", "why_unusable", "says"),
    [(False, "", "allocated again"), (True, "", "free"), (True, "on hold", "free, on hold")],
)
def test_what_becomes_of_returned_goods_is_said_in_words(is_freed, why_unusable, says):
    assert return_outcome(is_freed=is_freed, why_unusable=why_unusable) == says
