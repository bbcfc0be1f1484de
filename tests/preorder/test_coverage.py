"""What covers a line, part by part, and the dates, promises and lateness that follow."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from modules.preorder.coverage import (
    AllocatedStock,
    AllocatedSupply,
    Arrivals,
    Coverage,
    OpenLine,
    Serials,
    cover,
    is_late,
)

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 12)
LAUNCH = date(2027, 1, 15)
ARRIVALS = Arrivals(TODAY)


def line(open_quantity: int, *, line_id: int = 1, product_id: int = 7, **more: Any) -> OpenLine:
    return OpenLine(line_id, order_id=1, product_id=product_id, open_quantity=Decimal(open_quantity), **more)


def stock(quantity: int, **more: Any) -> AllocatedStock:
    return AllocatedStock(Decimal(quantity), **more)


def supply(quantity: int, expected_on: date | None = DECEMBER, number: int = 2) -> AllocatedSupply:
    return AllocatedSupply(Decimal(quantity), number, expected_on, 5, f"PO0000{number}", 1)


def alone(open_line: OpenLine, arrivals: Arrivals = ARRIVALS) -> Coverage:
    return cover([open_line], arrivals)[open_line.line_id]


# Parts and their dates


def test_the_parts_of_a_line_read_aloud() -> None:
    found = alone(line(17, stock=[stock(6), stock(4)], supply=[supply(4)]))
    assert found.describe() == "10 today, 4 on 12 Dec 2026 from PO00002, 3 not covered"
    assert (found.expected, found.uncovered, found.purchase_allocated) == (None, 3, 4)


def test_a_line_is_expected_on_the_latest_day_of_its_parts() -> None:
    assert alone(line(5, stock=[stock(5)])).expected == TODAY
    assert alone(line(5, stock=[stock(2)], supply=[supply(3)])).expected == DECEMBER
    assert alone(line(5, stock=[stock(2)])).expected is None


def test_stock_that_may_not_leave_has_no_date_but_a_reason() -> None:
    found = alone(line(5, stock=[stock(3), stock(2, why_unusable="on hold")]))
    assert (found.expected, found.describe()) == (None, "3 today, 2 in stock (on hold)")


def test_no_part_of_a_preorder_leaves_before_its_launch() -> None:
    found = alone(line(5, stock=[stock(2)], supply=[supply(3)], launch_date=LAUNCH))
    assert [part.day for part in found.parts] == [LAUNCH, LAUNCH]
    later = alone(line(3, supply=[supply(3, LAUNCH + timedelta(2))], launch_date=LAUNCH))
    assert later.expected == LAUNCH + timedelta(2)
    assert alone(line(5, stock=[stock(5)], launch_date=TODAY - timedelta(1))).expected == TODAY


def test_a_lot_that_expires_before_the_launch_has_no_date() -> None:
    lots = [stock(2, expires_on=LAUNCH - timedelta(1)), stock(3, expires_on=LAUNCH)]
    found = alone(line(5, stock=lots, launch_date=LAUNCH))
    assert [part.day for part in found.parts] == [None, LAUNCH]
    assert found.missing == "2 in stock (expires before it may leave)"


@pytest.mark.parametrize(
    ("expected_on", "past_due_days", "arrival"),
    [
        (DECEMBER, None, DECEMBER),
        (TODAY, 0, TODAY),
        (TODAY - timedelta(1), None, TODAY + timedelta(7)),
        (TODAY - timedelta(400), None, TODAY + timedelta(7)),
        (TODAY - timedelta(5), 5, TODAY + timedelta(7)),
        (TODAY - timedelta(6), 5, None),
        (None, None, None),
    ],
)
def test_overdue_supply_never_counts_as_today(
    expected_on: date | None, past_due_days: int | None, arrival: date | None
) -> None:
    arrivals = Arrivals(TODAY, 7, past_due_days)
    assert arrivals.arrival(expected_on) == arrival
    assert alone(line(3, supply=[supply(3, expected_on)]), arrivals).expected == arrival


# Orders that ship complete


def test_an_order_that_ships_complete_leaves_on_the_latest_day_of_any_line() -> None:
    first = line(2, stock=[stock(2)], ships_complete=True)
    second = line(3, line_id=2, supply=[supply(3)], ships_complete=True)
    found = cover([first, second], ARRIVALS)
    assert (found[1].expected, found[2].expected) == (DECEMBER, DECEMBER)
    assert [part.day for part in found[1].parts] == [TODAY]
    third = line(1, line_id=3, ships_complete=True)
    assert {each.expected for each in cover([first, second, third], ARRIVALS).values()} == {None}


def test_a_lot_that_expires_before_a_complete_order_can_leave_keeps_it_from_leaving() -> None:
    second = line(3, line_id=2, supply=[supply(3)], ships_complete=True)
    for expires_on, expected in ((DECEMBER, DECEMBER), (DECEMBER - timedelta(1), None)):
        first = line(2, stock=[stock(2, expires_on=expires_on)], ships_complete=True)
        assert cover([first, second], ARRIVALS)[2].expected == expected


def test_serial_lines_of_a_complete_order_need_enough_serial_numbers_that_last() -> None:
    lots = line(3, supply=[supply(3)], ships_complete=True)
    serial = [line(2, line_id=id_, product_id=8, is_serial=True, ships_complete=True) for id_ in (2, 3)]
    assert cover([lots, *serial], ARRIVALS, {8: [Serials(Decimal(4))]})[1].expected == DECEMBER
    assert cover([lots, *serial], ARRIVALS, {8: [Serials(Decimal(3))]})[1].expected is None
    soon = [Serials(Decimal(3)), Serials(Decimal(1), DECEMBER - timedelta(1))]
    assert cover([lots, *serial], ARRIVALS, {8: soon})[1].expected is None
    assert set(cover([lots, *serial], ARRIVALS)) == {1}


# Promises and lateness


def test_a_promise_is_the_expected_date_and_a_buffer_where_a_part_is_incoming() -> None:
    assert alone(line(5, stock=[stock(5)])).promise(3) == TODAY
    assert alone(line(5, stock=[stock(2)], supply=[supply(3)])).promise(3) == DECEMBER + timedelta(3)
    assert alone(line(5)).promise(3) is None


def test_the_latest_purchase_line_decides_and_one_without_a_date_is_latest() -> None:
    dated, later, undated = supply(1), supply(1, LAUNCH, 3), supply(1, None, 4)
    found = alone(line(2, supply=[later, dated])).deciding
    assert found is not None and found.supply == later
    found = alone(line(3, supply=[later, undated, dated])).deciding
    assert found is not None and found.supply == undated


@pytest.mark.parametrize(
    ("expected", "promised", "requested_on", "late"),
    [
        (DECEMBER, DECEMBER, None, False),
        (DECEMBER + timedelta(1), DECEMBER, None, True),
        (DECEMBER - timedelta(1), DECEMBER, None, False),
        (None, DECEMBER, None, True),
        (None, None, None, False),
        (DECEMBER, None, None, False),
        (None, None, TODAY, False),
        (None, None, TODAY - timedelta(1), True),
        (DECEMBER, DECEMBER, TODAY - timedelta(1), False),
    ],
)
def test_late_is_expected_after_promised_or_not_expected_at_all_or_requested_and_never_promised(
    expected: date | None, promised: date | None, requested_on: date | None, late: bool
) -> None:
    assert is_late(expected, promised, requested_on=requested_on, today=TODAY) is late
