"""The lifecycles of exports and of webhook deliveries."""

from enum import StrEnum

from erp.states import StateMachine


class ExportState(StrEnum):
    """The state of a file that was asked for: a job writes it once."""

    waiting = "waiting"
    written = "written"
    failed = "failed"


class DeliveryState(StrEnum):
    """The state of one delivery.

    `uncertain`: the receiver may have taken it, and no answer says so; `superseded`: a later fact took its place,
    or it does not hold any more.
    """

    pending = "pending"
    sending = "sending"
    sent = "sent"
    failed = "failed"
    uncertain = "uncertain"
    superseded = "superseded"
    cancelled = "cancelled"


EXPORT = StateMachine(
    ExportState,
    {
        "write": {ExportState.waiting: ExportState.written},
        "fail": {ExportState.waiting: ExportState.failed},
    },
)
DELIVERY = StateMachine(
    DeliveryState,
    {
        "send": {DeliveryState.pending: DeliveryState.sending},
        "deliver": {DeliveryState.sending: DeliveryState.sent},
        "postpone": {DeliveryState.sending: DeliveryState.pending},
        "fail": {DeliveryState.sending: DeliveryState.failed},
        "doubt": {DeliveryState.sending: DeliveryState.uncertain},
        "supersede": {
            DeliveryState.pending: DeliveryState.superseded,
            DeliveryState.sending: DeliveryState.superseded,
            DeliveryState.failed: DeliveryState.superseded,
        },
        "cancel": {DeliveryState.pending: DeliveryState.cancelled},
        "replay": {
            state: DeliveryState.pending
            for state in (DeliveryState.sent, DeliveryState.failed, DeliveryState.uncertain, DeliveryState.cancelled)
        },
    },
)
