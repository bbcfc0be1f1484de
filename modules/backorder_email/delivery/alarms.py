"""Messages to administrators, which go past the queue: that may be what is stuck."""

from __future__ import annotations

from collections.abc import Sequence

from erp import clock
from erp.deliveries import Ending
from erp.registry import Alarm
from modules.backorder_email.delivery.transports import configured
from modules.backorder_email.delivery.worker import build, sender
from modules.backorder_email.domain.mail import Outgoing
from modules.backorder_email.errors import AlarmNotSent


def send_alarm(recipients: Sequence[str], alarm: Alarm) -> None:
    """Send a message to each address; raise MailServerUnusable, or AlarmNotSent where one is not taken."""
    source, transport = sender(), configured()
    now = clock.now()
    # Messages of the queue have ids from 1 on.
    first = -int(now.timestamp() * 1000)
    try:
        transport.open()
        for id_, recipient in enumerate(recipients, start=first):
            outgoing = Outgoing(id_, recipient, alarm.subject, alarm.text, "", now)
            outcome = transport.send(build(outgoing, source), lambda: True, lambda: None)
            if outcome is None or outcome.ending is not Ending.sent:
                raise AlarmNotSent(recipient, outcome.reason if outcome else "")
    finally:
        transport.close()
