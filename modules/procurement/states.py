"""The life of a purchase order."""

from enum import StrEnum

from erp.states import StateMachine


class PurchaseState(StrEnum):
    """A purchase order's state."""

    draft = "draft"
    ordered = "ordered"
    partly_received = "partly_received"
    received = "received"
    cancelled = "cancelled"


_OPEN = (PurchaseState.ordered, PurchaseState.partly_received)

PURCHASE_ORDER = StateMachine(
    PurchaseState,
    {
        "order": {PurchaseState.draft: PurchaseState.ordered},
        "receive": {state: PurchaseState.partly_received for state in _OPEN},
        "finish": {state: PurchaseState.received for state in _OPEN},
        "close_short": {state: state for state in _OPEN},
        "change_line": {state: state for state in (PurchaseState.draft, *_OPEN)},
        "cancel": {PurchaseState.draft: PurchaseState.cancelled, PurchaseState.ordered: PurchaseState.cancelled},
    },
)
