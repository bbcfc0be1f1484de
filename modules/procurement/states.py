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
ORDERED_STATES = (*OPEN_STATES, PurchaseState.received)

# Where an action keeps the state, the state that follows from the quantities of the lines is derived afterwards.
PURCHASE_ORDER = StateMachine(
    PurchaseState,
    {
        "order": {PurchaseState.draft: PurchaseState.ordered},
        "receive": {state: state for state in ORDERED_STATES},
        "close_short": {state: state for state in OPEN_STATES},
        "change_line": {state: state for state in (PurchaseState.draft, *ORDERED_STATES)},
        "reopen": {state: state for state in (PurchaseState.draft, *ORDERED_STATES, PurchaseState.cancelled)},
        "reverse_receipt": {state: state for state in (PurchaseState.partly_received, PurchaseState.received)},
        "cancel": {PurchaseState.draft: PurchaseState.cancelled, PurchaseState.ordered: PurchaseState.cancelled},
    },
)
