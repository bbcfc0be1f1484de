"""The causes of news and the lifecycle of a message."""

from enum import StrEnum

from erp.states import StateMachine


class Cause(StrEnum):
    """What happened that a customer is notified of.

    `purchase_allocated`: a quantity of a purchase order line was allocated to the order line. `status_changed`: a
    purchase order line that is allocated to it got another status. `date_changed`: its promise date changed.
    `cancelled`: its backorder was cancelled because it waited too long. `announced`: a module announced it.
    Templates read these names as `cause`.
    """

    purchase_allocated = "purchase_allocated"
    status_changed = "status_changed"
    date_changed = "date_changed"
    cancelled = "cancelled"
    announced = "announced"


class DropReason(StrEnum):
    """Why a piece of news was dropped.

    `superseded`: newer news of the line takes its place. `removed`: its purchase allocation was removed. `unchanged`:
    the promise date is again the one that the customer knows.
    """

    superseded = "superseded"
    removed = "removed"
    unchanged = "unchanged"


class MessageState(StrEnum):
    """The state of a message in the queue; `needs_review`: a clerk edited it, and its news no longer holds."""

    pending = "pending"
    sending = "sending"
    sent = "sent"
    failed = "failed"
    cancelled = "cancelled"
    skipped = "skipped"
    needs_review = "needs_review"
    superseded = "superseded"
    uncertain = "uncertain"


# What has not left, and is superseded or reviewed when its news no longer holds.
UNSENT = (MessageState.pending, MessageState.failed, MessageState.needs_review)
_STUCK = (MessageState.failed, MessageState.skipped, MessageState.uncertain)

MESSAGE = StateMachine(
    MessageState,
    {
        "send": {MessageState.pending: MessageState.sending},
        "edit": {state: MessageState.pending for state in (MessageState.pending, MessageState.needs_review)},
        "review": {state: MessageState.needs_review for state in UNSENT},
        "confirm": {MessageState.needs_review: MessageState.pending},
        "retry": {state: MessageState.pending for state in (*_STUCK, MessageState.cancelled)},
        "mark_as_sent": {MessageState.uncertain: MessageState.sent},
        "cancel": {state: MessageState.cancelled for state in (*UNSENT, *_STUCK)},
        "supersede": {state: MessageState.superseded for state in (MessageState.pending, MessageState.failed)},
        "skip": {MessageState.pending: MessageState.skipped},
        # How a transmission ends. A slow worker may still learn that the server took an uncertain message.
        "deliver": {MessageState.sending: MessageState.sent, MessageState.uncertain: MessageState.sent},
        "postpone": {MessageState.sending: MessageState.pending},
        "fail": {MessageState.sending: MessageState.failed, MessageState.pending: MessageState.failed},
        "doubt": {MessageState.sending: MessageState.uncertain},
    },
)
