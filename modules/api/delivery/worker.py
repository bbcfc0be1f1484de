"""The sender of webhook deliveries: take, commit, then connect."""

from __future__ import annotations

from collections import Counter
from functools import partial

from erp.db import commit
from erp.deliveries import Ending
from erp.options import options
from erp.text import joined, plural, say
from modules.api import services
from modules.api.delivery.http import send
from modules.api.services import Outgoing

_OTHERS = {
    Ending.transient: say("{number} to be tried again"),
    Ending.permanent: say("{number} refused"),
    Ending.uncertain: say("{number} uncertain"),
}


def deliver_due() -> str | None:
    """Send all that is due, one after the other, and return how it ended; None where nothing was due.

    What a sender that died left is settled first. Only one may run at a time: the job's lock sees to that.
    """
    commit(services.recover_deliveries)
    endings: Counter[Ending] = Counter()
    while taken := commit(services.take_deliveries):
        for outgoing in taken:
            if commit(partial(services.begin_delivery, delivery_id=outgoing.id)):
                endings[_deliver(outgoing)] += 1
    if not endings:
        return None
    made = say("{deliveries} made", deliveries=plural(endings[Ending.sent], "delivery", "deliveries"))
    others = (say(text, number=endings[ending]) for ending, text in _OTHERS.items() if endings[ending])
    return joined((joined((made, *others), ", "), "."), "")


def _deliver(outgoing: Outgoing) -> Ending:
    outcome = send(
        outgoing,
        timeout=options.api.webhook_timeout.total_seconds(),
        may_be_private=bool(options.api.allow_private_targets),
    )
    commit(partial(services.settle_delivery, delivery_id=outgoing.id, outcome=outcome))
    return outcome.ending
