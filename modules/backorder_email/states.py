"""The causes of news and the life of a message."""

from enum import StrEnum

from erp.states import StateMachine


class Cause(StrEnum):
    """What a customer is told about."""

    purchase_allocated = "purchase_allocated"
    status_changed = "status_changed"
    date_changed = "date_changed"
    cancelled = "cancelled"


class DropReason(StrEnum):
    """Why a piece of news is not told."""

    superseded = "superseded"
    removed = "removed"
    unchanged = "unchanged"


class MessageState(StrEnum):
    """How far a message is."""

    pending = "pending"
    sending = "sending"
    sent = "sent"
    failed = "failed"
    cancelled = "cancelled"
    skipped = "skipped"
    superseded = "superseded"
    uncertain = "uncertain"


_STUCK = (MessageState.failed, MessageState.skipped, MessageState.uncertain)

MESSAGE = StateMachine(
    MessageState,
    {
        "send": {MessageState.pending: MessageState.sending},
        "edit": {MessageState.pending: MessageState.pending},
        "retry": {state: MessageState.pending for state in (*_STUCK, MessageState.cancelled)},
        "mark_as_sent": {MessageState.uncertain: MessageState.sent},
        "cancel": {state: MessageState.cancelled for state in (MessageState.pending, *_STUCK)},
        "supersede": {MessageState.pending: MessageState.superseded},
        "skip": {MessageState.pending: MessageState.skipped},
        # What becomes of a transmission. A slow worker may still learn that a message in doubt was taken.
        "deliver": {MessageState.sending: MessageState.sent, MessageState.uncertain: MessageState.sent},
        "postpone": {MessageState.sending: MessageState.pending},
        "fail": {MessageState.sending: MessageState.failed, MessageState.pending: MessageState.failed},
        "doubt": {MessageState.sending: MessageState.uncertain},
    },
)
