"""The plan of a run for one product, without a database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from modules.sales.planning import (
    BY_PLAN,
    NEVER,
    Backordered,
    Demand,
    Fingerprint,
    GivenBack,
    Holding,
    LastArrival,
    LineChange,
    Plan,
    Rules,
    Snapshot,
    Supply,
    Taken,
    fingerprint,
    line_changes,
    losses,
    plan_run,
    skip_uncoverable,
)

PRODUCT = 7
AUTOMATIC = Rules(allocates_incoming=True, skips=False)


def demand(line_id: int, need: int, backordered: int = 0) -> Demand:
    return Demand(line_id, PRODUCT, need, 100 + line_id if backordered else None, backordered)


def supply(id_: int, quantity: int, day: date | None = None, kind: str = "purchase") -> Supply:
    return Supply(kind, id_, PRODUCT, quantity, day)


def holding(id_: int, line_id: int, supply_id: int, quantity: int) -> Holding:
    return Holding("purchase", id_, line_id, supply_id, quantity, False)


# Stock and backorders


def test_stock_serves_the_first_lines_and_the_others_get_a_backorder() -> None:
    planned = plan_run(Snapshot(PRODUCT, [demand(1, 4), demand(2, 5)], stock=[(10, 3), (11, 3)]), Rules())
    assert planned.grants == [(1, 10, 3), (1, 11, 1), (2, 11, 2)]
    assert planned.backorders == [Backordered(2, None, 0, 3)]


def test_a_backorder_follows_what_stock_leaves_of_its_line() -> None:
    planned = plan_run(Snapshot(PRODUCT, [demand(1, 4, 4), demand(2, 5, 3)], stock=[(10, 3)]), Rules())
    assert planned.backorders == [Backordered(1, 101, 4, 1), Backordered(2, 102, 3, 5)]


def test_while_backorders_are_off_they_only_shrink() -> None:
    rules = Rules(grows_backorders=False)
    planned = plan_run(Snapshot(PRODUCT, [demand(1, 4, 4), demand(2, 5)], stock=[(10, 3)]), rules)
    assert planned.backorders == [Backordered(1, 101, 4, 1)]


def test_a_plan_over_what_is_served_already_is_empty() -> None:
    assert plan_run(Snapshot(PRODUCT, [demand(1, 4, 4)]), AUTOMATIC).is_empty
    assert Plan(PRODUCT).is_empty


# Incoming supply


def test_incoming_supply_is_left_alone_unless_runs_allocate_it() -> None:
    assert plan_run(Snapshot(PRODUCT, [demand(1, 4)], incoming=[supply(20, 9)]), Rules()).taken == []


def test_a_line_takes_incoming_supply_for_what_it_does_not_hold_yet() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 4, 4)], incoming=[supply(20, 1), supply(21, 9)])
    snapshot.holdings[1] = [holding(50, 1, 20, 1)]  # type: ignore[index]
    assert plan_run(snapshot, AUTOMATIC).taken == [Taken(1, supply(20, 1), 1), Taken(1, supply(21, 9), 2)]


def test_what_a_line_gives_back_goes_to_those_behind_it_in_the_order_of_supply() -> None:
    first, second = demand(1, 6, 6), demand(2, 5, 5)
    held = [holding(51, 1, 21, 2), holding(50, 1, 20, 4)]
    snapshot = Snapshot(PRODUCT, [first, second], [(10, 3)], [supply(20, 0), supply(21, 0)], {1: held})
    planned = plan_run(snapshot, AUTOMATIC)
    assert planned.given_back == [GivenBack(held[0], 2), GivenBack(held[1], 1)]
    assert [(each.line_id, each.supply.id, each.quantity) for each in planned.taken] == [(2, 20, 1), (2, 21, 2)]


def test_what_is_given_back_of_supply_that_runs_may_not_give_out_stays_there() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 3, 3), demand(2, 3, 3)], [(10, 3)], [], {1: [holding(50, 1, 20, 3)]})
    planned = plan_run(snapshot, AUTOMATIC)
    assert (len(planned.given_back), planned.taken) == (1, [])


def test_supplies_of_two_kinds_with_one_id_are_two_supplies() -> None:
    supplies = [supply(20, 2), supply(20, 3, kind="transfer")]
    planned = plan_run(Snapshot(PRODUCT, [demand(1, 5)], incoming=supplies), AUTOMATIC)
    assert [(each.supply.kind, each.quantity) for each in planned.taken] == [("purchase", 2), ("transfer", 3)]


def test_a_run_that_offers_incoming_supply_alone_serves_nothing_from_stock() -> None:
    rules = Rules(serves_stock=False, allocates_incoming=True, skips=False)
    snapshot = Snapshot(PRODUCT, [demand(1, 5, 3), demand(2, 5)], [(10, 9)], [supply(20, 9)])
    assert plan_run(snapshot, rules) == Plan(PRODUCT, [], [], [], [Taken(1, supply(20, 9), 3)])


def coverable(demands: Iterable[tuple[int, int]], supply: int) -> list[tuple[int, int]]:
    return list(skip_uncoverable(demands, supply))


def test_a_demand_passes_if_its_whole_remainder_fits_in_what_is_left() -> None:
    assert coverable([(1, 6), (2, 8), (3, 4)], 10) == [(1, 6), (3, 4)]


def test_nothing_passes_without_supply() -> None:
    assert coverable([(1, 1)], 0) == []


@given(st.lists(st.integers(1, 30)), st.integers(0, 100))
def test_a_demand_that_is_left_out_would_not_have_fitted_at_its_turn(remainders: list[int], supply: int) -> None:
    passed = dict(coverable(enumerate(remainders), supply))
    left = supply
    for demand, remainder in enumerate(remainders):
        assert (demand in passed) == (remainder <= left)
        left -= passed.get(demand, 0)
    assert left >= 0


# Losses


def test_earlier_lines_lose_what_the_next_run_would_give_them() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 5), demand(2, 4), demand(3, 4)], stock=[(10, 6)])
    assert losses(snapshot, {2}, Rules()) == {1: 3}
    assert losses(snapshot, {1}, Rules()) == {}
    assert losses(snapshot, {3}, Rules()) == {1: 3, 2: 1}


def test_incoming_supply_makes_up_for_stock_that_is_taken() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 5), demand(2, 4)], stock=[(10, 6)], incoming=[supply(20, 9)])
    assert losses(snapshot, {2}, Rules()) == {1: 3}
    assert losses(snapshot, {2}, AUTOMATIC) == {}


# Previews


def test_a_change_says_what_each_line_has_before_and_after() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 6, 6), demand(2, 5)], [(10, 3)], [supply(20, 9)])
    snapshot.holdings[1] = [holding(50, 1, 20, 6)]  # type: ignore[index]
    assert line_changes(snapshot, plan_run(snapshot, AUTOMATIC)) == {
        1: LineChange(3, (6, 3), (6, 3)),
        2: LineChange(0, (0, 5), (0, 5)),
    }


def test_a_fingerprint_says_whether_the_plan_is_the_same_and_what_changed_behind_it() -> None:
    snapshot = Snapshot(PRODUCT, [demand(1, 6)], [(10, 3)])
    more = Snapshot(PRODUCT, [demand(1, 6)], [(10, 4)])
    later = Snapshot(PRODUCT, [demand(1, 6), demand(2, 1, 1)], [(10, 3)])
    first, second, third = (fingerprint(each, plan_run(each, Rules())) for each in (snapshot, more, later))
    assert first != second and first.plan != second.plan
    assert (first.demand, first.incoming) == (second.demand, second.incoming)
    assert first.plan == third.plan and first.demand != third.demand
    assert Fingerprint.parse(str(first)) == first


# What a plan promises


def alone(line_id: int, need: int, backordered: int = 0) -> Demand:
    return demand(line_id, need, backordered)._replace(promised=BY_PLAN)


def test_a_plan_promises_the_lines_that_it_covers_with_stock_or_with_dated_supply() -> None:
    march, may = date(2026, 3, 1), date(2026, 5, 1)
    demands = [alone(1, 4), alone(2, 5), alone(3, 9)]
    planned = plan_run(
        Snapshot(PRODUCT, demands, stock=[(10, 6)], incoming=[supply(20, 2, march), supply(21, 1, may)]), AUTOMATIC
    )
    assert planned.complete == {1: LastArrival(), 2: LastArrival("purchase", may)}
    assert planned.promises_all


def test_supply_that_comes_on_no_known_day_promises_nothing() -> None:
    planned = plan_run(Snapshot(PRODUCT, [alone(1, 3)], incoming=[supply(20, 1, date.max), supply(21, 2)]), AUTOMATIC)
    assert (planned.complete, planned.promises_all) == ({}, True)


def test_supply_of_two_kinds_is_left_to_the_coverage_of_the_line() -> None:
    incoming = [supply(20, 1, date(2026, 3, 1)), supply(21, 2, date(2026, 3, 2), kind="loan")]
    planned = plan_run(Snapshot(PRODUCT, [alone(1, 3)], incoming=incoming), AUTOMATIC)
    assert (planned.complete, planned.promises_all) == ({}, False)


def test_what_a_line_held_before_is_left_to_its_coverage() -> None:
    held = {1: [holding(30, 1, 20, 2)]}
    planned = plan_run(Snapshot(PRODUCT, [alone(1, 3, 3)], stock=[(10, 1)], holdings=held), AUTOMATIC)
    assert (planned.complete, planned.promises_all) == ({}, False)


def test_a_line_with_a_promise_date_is_promised_nothing_more() -> None:
    promised, other = demand(1, 3)._replace(promised=NEVER), demand(2, 1)
    one, both = (
        plan_run(Snapshot(PRODUCT, demands, stock=[(10, 9)]), Rules()) for demands in ([promised], [promised, other])
    )
    assert (one.complete, one.promises_all, both.promises_all) == ({}, True, False)
