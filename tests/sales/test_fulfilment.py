"""How far a line or an order is."""

from decimal import Decimal

import pytest

from erp.errors import InvalidTransition
from modules.sales.domain import Progress, fulfilment
from modules.sales.states import ORDER, Fulfilment, OrderState


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


@pytest.mark.parametrize("action", ORDER.steps)
@pytest.mark.parametrize("state", OrderState)
def test_an_order_goes_only_where_the_table_says(state, action):
    if state in ORDER.steps[action]:
        assert ORDER.next(state, action) is ORDER.steps[action][state]
    else:
        with pytest.raises(InvalidTransition):
            ORDER.next(state, action)


def test_a_finished_order_allows_nothing():
    assert ORDER.actions(OrderState.done) == []
    assert ORDER.actions(OrderState.cancelled) == []
