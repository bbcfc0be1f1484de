"""The lifecycle of a purchase order: all pairs of state and action."""

from __future__ import annotations

from itertools import product

import pytest

from erp.errors import InvalidTransition
from modules.procurement.states import PURCHASE_ORDER, PurchaseState

ALLOWED = {
    ("draft", "order"): "ordered",
    ("ordered", "receive"): "ordered",
    ("partly_received", "receive"): "partly_received",
    ("received", "receive"): "received",
    ("ordered", "close_short"): "ordered",
    ("partly_received", "close_short"): "partly_received",
    ("draft", "change_line"): "draft",
    ("ordered", "change_line"): "ordered",
    ("partly_received", "change_line"): "partly_received",
    ("received", "change_line"): "received",
    ("partly_received", "reverse_receipt"): "partly_received",
    ("received", "reverse_receipt"): "received",
    **{(state, "reopen"): state for state in ("draft", "ordered", "partly_received", "received", "cancelled")},
    ("draft", "cancel"): "cancelled",
    ("ordered", "cancel"): "cancelled",
}


@pytest.mark.parametrize(("state", "action"), list(product(PurchaseState, PURCHASE_ORDER.steps)))
def test_every_action_is_allowed_where_it_is_listed_and_refused_elsewhere(state: PurchaseState, action: str) -> None:
    expected = ALLOWED.get((state.value, action))
    if expected is None:
        with pytest.raises(InvalidTransition):
            PURCHASE_ORDER.next(state, action)
    else:
        assert PURCHASE_ORDER.next(state, action) == expected
