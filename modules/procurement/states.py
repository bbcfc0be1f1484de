"""The lifecycle of a purchase order."""

from enum import StrEnum

from erp.states import StateMachine


class PurchaseState(StrEnum):
    """A purchase order's state."""

    draft = "draft"
    ordered = "ordered"
    partly_received = "partly_received"
    received = "received"
    cancelled = "cancelled"


OPEN_STATES = (PurchaseState.ordered, PurchaseState.partly_received)

PURCHASE_ORDER = StateMachine(
    PurchaseState,
    {
        "order": {PurchaseState.draft: PurchaseState.ordered},
        "receive": {state: PurchaseState.partly_received for state in OPEN_STATES},
        "finish": {state: PurchaseState.received for state in OPEN_STATES},
        "close_short": {state: state for state in OPEN_STATES},
        "change_line": {state: state for state in (PurchaseState.draft, *OPEN_STATES)},
        "cancel": {PurchaseState.draft: PurchaseState.cancelled, PurchaseState.ordered: PurchaseState.cancelled},
    },
)
