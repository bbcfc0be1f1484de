"""A worker's round through the queue."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from email.errors import MessageError
from secrets import token_hex

from sqlalchemy.orm import Session

from erp import clock
from erp.db import chunks, commit
from erp.options import options
from modules.backorder_email import services
from modules.backorder_email.delivery.transports import Parcel, Transport, configured
from modules.backorder_email.domain.delivery import Ending, Outcome
from modules.backorder_email.domain.mail import Outgoing, Sender, compose, parse_sender
from modules.backorder_email.errors import MailServerUnusable

Report = Callable[[int], None]

INTERRUPTED = "Sending was interrupted after the message was handed over: the mail server may have taken it."


@dataclass
class Tally:
    """What a round did."""

    endings: Counter[Ending] = field(default_factory=Counter)

    @property
    def handled(self) -> int:
        """How many messages were tried."""
        return self.endings.total()

    def __str__(self) -> str:
        words = {Ending.passing: "to be tried again", Ending.permanent: "refused", Ending.uncertain: "uncertain"}
        others = [f", {self.endings[ending]} {word}" for ending, word in words.items() if self.endings[ending]]
        return f"{self.endings[Ending.sent]} emails sent{''.join(others)}."


def sender() -> Sender:
    """Return who messages are from; raises BadSender."""
    return parse_sender(options.backorder_email.sender, options.backorder_email.reply_to)


def build(outgoing: Outgoing, source: Sender) -> Parcel:
    """Return a message exactly as it leaves."""
    data = compose(outgoing, source, clock.now()).as_bytes()
    return Parcel(outgoing.id, source.address, outgoing.recipient, data)


def send_pending(
    *, limit: int | None = None, chosen: Collection[int] | None = None, report: Report | None = None
) -> Tally:
    """Send what is due, or what a clerk chose: claim a batch, commit, connect, send one by one.

    First it composes the news of runs that died and takes back what dead workers had claimed. `report` is told how
    many were tried so far. Raises BadSender, and MailServerUnusable with the batch in the queue for later.
    """
    source, transport = sender(), configured()
    commit(services.compose_lost_runs)
    commit(services.recover)
    worker = _Worker(source, transport, report)
    try:
        for messages in worker.claims(limit) if chosen is None else worker.claims_of(chosen):
            worker.deliver(messages)
    finally:
        transport.close()
    return worker.tally


class _Worker:
    """One worker with its connection and what it has not yet written down."""

    def __init__(self, source: Sender, transport: Transport, report: Report | None) -> None:
        self.name = f"{socket.gethostname()[:80]}:{os.getpid()}:{token_hex(4)}"
        self.tally = Tally()
        self._source = source
        self._transport = transport
        self._report = report
        self._ended: tuple[int, Outcome] | None = None
        self._next_at = 0.0

    def claims(self, limit: int | None) -> Iterator[Sequence[Outgoing]]:
        """Claim what is due, a batch at a time, until nothing is left or `limit` messages were claimed."""
        left = sys.maxsize if limit is None else limit
        while left > 0:
            claim = self._claim(min(options.backorder_email.batch_size, left), None)
            if not claim.looked_at:
                return
            yield claim.messages
            left -= len(claim.messages)

    def claims_of(self, chosen: Collection[int]) -> Iterator[Sequence[Outgoing]]:
        """Claim what a clerk chose and is still pending, each message once."""
        for part in chunks(sorted(chosen), options.backorder_email.batch_size):
            yield self._claim(len(part), part).messages

    def _claim(self, most: int, chosen: Sequence[int] | None) -> services.Claim:
        return commit(lambda session: services.claim(session, self.name, limit=most, chosen=chosen))

    def deliver(self, messages: Sequence[Outgoing]) -> None:
        """Send claimed messages; what is not begun goes back into the queue if this is interrupted."""
        try:
            for outgoing in messages:
                self._deliver(outgoing)
            self._write_down()
        except MailServerUnusable as error:
            reason = str(error.facts["reason"])
            self._write_down()
            postponed = commit(lambda session: services.postpone_claimed(session, self.name, reason))
            self.tally.endings[Ending.passing] += postponed
            raise
        except BaseException:
            self._write_down()
            commit(lambda session: services.give_back(session, self.name))
            raise

    def _deliver(self, outgoing: Outgoing) -> None:
        parcel = self._parcel(outgoing)
        self._keep_pace()
        self._transport.open()
        is_mine = commit(lambda session: self._begin(session, outgoing.id))
        self._ended = None
        if not is_mine:
            return
        self._ended = outgoing.id, Outcome(Ending.uncertain, INTERRUPTED)
        try:
            ended = self._transport.send(parcel) if isinstance(parcel, Parcel) else parcel
        except MailServerUnusable:
            self._ended = None
            raise
        self._ended = outgoing.id, ended
        self.tally.endings[ended.ending] += 1
        if self._report is not None:
            self._report(self.tally.handled)

    def _parcel(self, outgoing: Outgoing) -> Parcel | Outcome:
        """Return a message as it leaves, or why it cannot be written: one bad message does not stop the others."""
        try:
            return build(outgoing, self._source)
        except (ValueError, MessageError) as error:
            return Outcome(Ending.permanent, f"It cannot be written as an email: {error}")

    def _begin(self, session: Session, message_id: int) -> bool:
        """Write down how the last message ended and that the next one begins, in one transaction."""
        self._settle(session)
        return services.begin(session, message_id, self.name)

    def _settle(self, session: Session) -> None:
        if self._ended is not None:
            services.settle(session, self._ended[0], self.name, self._ended[1])

    def _write_down(self) -> None:
        commit(self._settle)
        self._ended = None

    def _keep_pace(self) -> None:
        if not options.backorder_email.rate:
            return
        now = time.monotonic()
        if self._next_at > now:
            time.sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + 60 / options.backorder_email.rate
