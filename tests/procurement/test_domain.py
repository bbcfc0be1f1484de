"""What is outstanding, what may be received, and which state an order gets."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modules.procurement.domain import LineQuantities, derived_state, receivable

quantities = st.decimals(min_value=0, max_value=1000, places=4)


def line_quantities(quantity: int, received: int = 0, cancelled: int = 0) -> LineQuantities:
    return LineQuantities(Decimal(quantity), Decimal(received), Decimal(cancelled))


def test_outstanding_is_what_is_neither_received_nor_cancelled() -> None:
    assert line_quantities(10, 3, 2).outstanding == 5


def test_an_over_receipt_leaves_nothing_outstanding() -> None:
    assert line_quantities(10, 12).outstanding == 0


def test_without_tolerance_only_the_outstanding_quantity_may_come() -> None:
    assert receivable(line_quantities(10, 4), Decimal(0)) == 6


def test_the_tolerance_is_a_percentage_of_the_ordered_quantity() -> None:
    assert receivable(line_quantities(10, 4), Decimal(20)) == 8


def test_the_tolerance_is_counted_over_all_receipts_together() -> None:
    assert receivable(line_quantities(10, 11), Decimal(20)) == 1
    assert receivable(line_quantities(10, 12), Decimal(20)) == 0


def test_what_was_closed_short_may_not_come_after_all() -> None:
    assert receivable(line_quantities(10, 4, 6), Decimal(0)) == 0


def test_a_fraction_of_a_percent_is_exact() -> None:
    assert receivable(LineQuantities(Decimal("0.3")), Decimal("0.1")) == Decimal("0.3003")


@given(quantities, quantities, quantities, st.decimals(min_value=0, max_value=100, places=2))
def test_what_may_come_is_never_less_than_what_is_outstanding(
    quantity: Decimal, received: Decimal, cancelled: Decimal, percent: Decimal
) -> None:
    line = LineQuantities(quantity, received, cancelled)
    assert receivable(line, percent) >= line.outstanding


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        ([line_quantities(10)], "ordered"),
        ([line_quantities(10), line_quantities(5, cancelled=5)], "ordered"),
        ([line_quantities(10, 4)], "partly_received"),
        ([line_quantities(10, 10), line_quantities(5)], "partly_received"),
        ([line_quantities(10, 10), line_quantities(5, 4, 1)], "received"),
        ([line_quantities(10, 12)], "received"),
        ([line_quantities(10, cancelled=10), line_quantities(5, cancelled=5)], "cancelled"),
    ],
)
def test_the_state_of_an_order_follows_the_quantities_of_its_lines(lines: list[LineQuantities], state: str) -> None:
    assert derived_state(lines) == state
