"""Rebalance: earlier orders get earlier supply, nobody is covered later than before, and nothing moves for nothing."""

import os
from collections import Counter
from datetime import date, timedelta
from functools import cache
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from modules.sales.rebalancing import Exchange, Holding, Line, Supply, rebalance

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "200"))
MARCH, APRIL, JULY, DECEMBER = date(2027, 3, 1), date(2027, 4, 1), date(2027, 7, 1), date(2027, 12, 1)
of_small_books = settings(max_examples=EXAMPLES, deadline=None, derandomize="ERP_TEST_EXAMPLES" not in os.environ)


def test_the_first_line_gets_the_earlier_supply_and_the_next_one_what_it_had():
    supplies = [Supply(1, MARCH, 5), Supply(2, JULY, 0), Supply(3, DECEMBER, 0)]
    holdings = [Holding(1, 2, 5), Holding(2, 3, 5)]
    assert rebalance([Line(1), Line(2)], holdings, supplies) == [Exchange(1, 2, 1, 5), Exchange(2, 3, 2, 5)]


def test_a_line_exchanges_the_latest_that_it_has_first():
    supplies = [Supply(1, MARCH, 3), Supply(2, APRIL, 0), Supply(3, JULY, 0)]
    holdings = [Holding(1, 2, 2), Holding(1, 3, 2)]
    assert rebalance([Line(1)], holdings, supplies) == [Exchange(1, 3, 1, 2), Exchange(1, 2, 1, 1)]


def test_supply_of_the_same_day_is_not_exchanged():
    assert rebalance([Line(1)], [Holding(1, 2, 1)], [Supply(1, MARCH, 1), Supply(2, MARCH, 0)]) == []


def test_supply_without_a_day_is_no_gain_and_the_first_to_go():
    supplies = [Supply(1, MARCH, 1), Supply(2, None, 9), Supply(3, None, 0)]
    assert rebalance([Line(1), Line(2)], [Holding(1, 3, 1), Holding(2, 3, 1)], supplies) == [Exchange(1, 3, 1, 1)]


def test_nothing_is_gained_before_the_launch():
    supplies = [Supply(1, MARCH, 1), Supply(2, APRIL, 0)]
    assert rebalance([Line(1, ready=JULY)], [Holding(1, 2, 1)], supplies) == []


def test_a_ticked_line_loses_its_early_supply_to_those_before_it():
    supplies = [Supply(1, MARCH, 0), Supply(2, JULY, 0)]
    holdings = [Holding(1, 2, 4), Holding(2, 1, 3)]
    assert rebalance([Line(1), Line(2)], holdings, supplies) == []
    ticked = rebalance([Line(1), Line(2, is_ticked=True)], holdings, supplies)
    assert ticked == [Exchange(1, 2, 1, 3), Exchange(2, 1, 2, 3)]


def test_a_ticked_line_that_nobody_wants_anything_of_keeps_what_it_has():
    supplies = [Supply(1, MARCH, 2), Supply(2, MARCH, 0), Supply(3, JULY, 0)]
    assert rebalance([Line(1, is_ticked=True)], [Holding(1, 2, 2)], supplies) == []


def test_what_lines_have_that_do_not_take_part_stays():
    assert rebalance([], [Holding(1, 2, 1)], [Supply(1, MARCH, 1), Supply(2, APRIL, 0)]) == []


DAYS = st.none() | st.integers(0, 3).map(lambda days: MARCH + timedelta(days))
small_lines = st.lists(st.booleans(), min_size=1, max_size=6)
small_supplies = st.lists(st.tuples(DAYS, st.integers(0, 2)), min_size=1, max_size=4)


@st.composite
def books(draw):
    """Return lines, holdings and supplies: up to six lines and four supplies, up to two units of each for each line."""
    ready = draw(DAYS)
    lines = [Line(number, ready, is_ticked) for number, is_ticked in enumerate(draw(small_lines), start=1)]
    days = sorted(draw(small_supplies), key=lambda supply: supply[0] or date.max)
    supplies = [Supply(number, day, free) for number, (day, free) in enumerate(days, start=1)]
    held = draw(st.dictionaries(st.tuples(*map(st.sampled_from, (lines, supplies))), st.integers(1, 2), max_size=8))
    return lines, [Holding(line.id, supply.id, quantity) for (line, supply), quantity in held.items()], supplies


def after(holdings, exchanges):
    """Return the holdings after exchanges."""
    held = Counter({(line_id, supply_id): quantity for line_id, supply_id, quantity in holdings})
    for line_id, given_id, taken_id, quantity in exchanges:
        held[line_id, given_id] -= quantity
        held[line_id, taken_id] += quantity
    assert all(quantity >= 0 for quantity in held.values())
    return [Holding(*pair, quantity) for pair, quantity in held.items() if quantity]


def still_free(holdings, now, supplies):
    """Return the supplies after holdings became others."""
    free = Counter({supply.id: supply.free for supply in supplies})
    for _, supply_id, quantity in holdings:
        free[supply_id] += quantity
    for _, supply_id, quantity in now:
        free[supply_id] -= quantity
    assert all(quantity >= 0 for quantity in free.values())
    return [supply._replace(free=free[supply.id]) for supply in supplies]


def days_of(line, amounts, supplies):
    """Return the days on which a line has each unit, the earliest first; `amounts` are quantities by supply."""
    ready = line.ready or date.min
    return sorted(
        max(supply.day or date.max, ready)
        for supply, amount in zip(supplies, amounts, strict=True)
        for _ in range(amount)
    )


def may_become(line, had, has, supplies):
    """Return whether a line may change what it has: no day later, and no unit moved to a day that is not earlier.

    A ticked one may have everything later, but exchanges nothing for the same day.
    """
    lost = days_of(line, [max(0, old - new) for old, new in zip(had, has, strict=True)], supplies)
    won = days_of(line, [max(0, new - old) for old, new in zip(had, has, strict=True)], supplies)
    if line.is_ticked:
        return not set(lost) & set(won)
    return all(new < old for old, new in zip(lost, won, strict=True))


def best_days(lines, holdings, supplies):
    """Return by brute force over all assignments the days of each line's units, best in order of service."""
    held = {(line_id, supply_id): quantity for line_id, supply_id, quantity in holdings}
    before = [tuple(held.get((line.id, supply.id), 0) for supply in supplies) for line in lines]
    options = []
    for line, had in zip(lines, before, strict=True):
        every = product(*(range(sum(had) + 1) for _ in supplies))
        same = [has for has in every if sum(has) == sum(had) and may_become(line, had, has, supplies)]
        options.append([(days_of(line, has, supplies), has) for has in same])
    capacity = tuple(supply.free + sum(had[at] for had in before) for at, supply in enumerate(supplies))

    @cache
    def best(place, left):
        if place == len(lines):
            return []
        found = []
        for days, has in options[place]:
            remaining = tuple(have - taken for have, taken in zip(left, has, strict=True))
            if min(remaining) >= 0 and (following := best(place + 1, remaining)) is not None:
                found.append([days, *following])
        return min(found, default=None)

    return best(0, capacity)


@of_small_books
@given(books())
def test_it_is_the_best_of_all_assignments_in_order_of_service(book):
    lines, holdings, supplies = book
    now = {(line_id, supply_id): quantity for line_id, supply_id, quantity in after(holdings, rebalance(*book))}
    has = [days_of(line, [now.get((line.id, supply.id), 0) for supply in supplies], supplies) for line in lines]
    assert has == best_days(lines, holdings, supplies)


@of_small_books
@given(books())
def test_every_exchange_of_a_line_that_is_not_ticked_gains_a_day(book):
    lines, _, supplies = book
    found, days = {line.id: line for line in lines}, {supply.id: supply.day or date.max for supply in supplies}
    for line_id, given_id, taken_id, quantity in rebalance(*book):
        ready = found[line_id].ready or date.min
        assert quantity > 0
        assert found[line_id].is_ticked or max(days[taken_id], ready) < max(days[given_id], ready)


@of_small_books
@given(books())
def test_a_second_rebalance_changes_nothing(book):
    lines, holdings, supplies = book
    now = after(holdings, rebalance(*book))
    free = still_free(holdings, now, supplies)
    assert rebalance(lines, now, free) == []
    assert rebalance([line._replace(is_ticked=False) for line in lines], now, free) == []


def test_it_takes_near_linear_time():
    supplies = [Supply(number, MARCH + timedelta(number), number % 2) for number in range(2000)]
    lines = [Line(number, MARCH + timedelta(500) if number % 3 else None) for number in range(1, 50001)]
    holdings = [Holding(line.id, 1 + line.id * 7919 % 1999, 1) for line in lines]
    exchanges = rebalance(lines, holdings, supplies)
    assert len(exchanges) < 3 * (len(lines) + len(supplies))
