"""The lifecycle of a return, and what inspection decides."""

from enum import StrEnum

from erp.states import StateMachine


class ReturnState(StrEnum):
    """A return's state."""

    draft = "draft"
    received = "received"
    closed = "closed"
    cancelled = "cancelled"


# In these something is still to be done.
OPEN_STATES = (ReturnState.draft, ReturnState.received)

RETURN = StateMachine(
    ReturnState,
    {
        "receive": {ReturnState.draft: ReturnState.received},
        "inspect": {ReturnState.received: ReturnState.received},
        "close": {ReturnState.received: ReturnState.closed},
        "replace": {ReturnState.received: ReturnState.received, ReturnState.closed: ReturnState.closed},
        "cancel": {ReturnState.draft: ReturnState.cancelled},
    },
)


class ReturnCause(StrEnum):
    """The kind of the reason why goods come back."""

    damaged = "damaged"
    wrong = "wrong"
    unwanted = "unwanted"
    other = "other"


class Outcome(StrEnum):
    """Where inspected goods go: back to stock, to quarantine, or out of the warehouse."""

    restock = "restock"
    quarantine = "quarantine"
    scrap = "scrap"
