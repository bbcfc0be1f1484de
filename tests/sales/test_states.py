"""Which actions the states of an order allow."""

import pytest

from erp.errors import InvalidTransition
from modules.sales.states import ORDER, OrderState


@pytest.mark.parametrize("action", ORDER.steps)
@pytest.mark.parametrize("state", OrderState)
def test_an_order_goes_only_where_the_table_says(state, action):
    if state in ORDER.steps[action]:
        assert ORDER.next(state, action) is ORDER.steps[action][state]
    else:
        with pytest.raises(InvalidTransition):
            ORDER.next(state, action)


def test_a_finished_order_allows_nothing_but_to_reverse_its_packs():
    assert ORDER.actions(OrderState.done) == ["reverse_pack"]
    assert ORDER.actions(OrderState.cancelled) == []
