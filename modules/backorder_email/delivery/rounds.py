"""A worker's round through the queue."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from functools import partial
from itertools import islice
from secrets import token_hex

from erp import clock
from erp.db import chunks, commit, db
from erp.options import options
from modules.backorder_email import services
from modules.backorder_email.delivery.transports import Envelope, Transport, configured
from modules.backorder_email.domain.delivery import Ending, Outcome
from modules.backorder_email.domain.mail import Outgoing, Sender, compose, parse_sender
from modules.backorder_email.errors import MailServerUnusable

Report = Callable[[int], None]

INTERRUPTED = "Sending was interrupted after the message was handed over: the mail server may have taken it."


@dataclass
class SendSummary:
    """What a round did."""

    endings: Counter[Ending] = field(default_factory=Counter)

    @property
    def handled(self) -> int:
        """How many messages were tried."""
        return self.endings.total()

    def __str__(self) -> str:
        words = {Ending.transient: "to be tried again", Ending.permanent: "refused", Ending.uncertain: "uncertain"}
        others = [f", {self.endings[ending]} {word}" for ending, word in words.items() if self.endings[ending]]
        sent = self.endings[Ending.sent]
        return f"{sent} {'email' if sent == 1 else 'emails'} sent{''.join(others)}."


def sender() -> Sender:
    """Return who messages are from; raises BadSender."""
    return parse_sender(options.backorder_email.sender, options.backorder_email.reply_to)


def build(outgoing: Outgoing, source: Sender, at: datetime | None = None) -> Envelope:
    """Return a message exactly as it leaves at an instant, without one now."""
    data = compose(outgoing, source, at or clock.now()).as_bytes()
    return Envelope(outgoing.id, source.address, outgoing.recipient, data)


def send_pending(
    *, limit: int | None = None, chosen: Collection[int] | None = None, report: Report | None = None
) -> SendSummary:
    """Send what is due, or what a clerk chose: claim a batch, commit, connect, send one by one.

    First it composes the news of runs that died and takes back what dead workers had claimed. `report` is told how
    many were tried so far. Raises BadSender, and MailServerUnusable with the batch in the queue for later.
    """
    source, transport = sender(), configured()
    commit(services.compose_lost_runs)
    commit(services.recover)
    worker = _Worker(source, transport, report)
    try:
        for messages in worker.batches(limit) if chosen is None else worker.batches_of(chosen):
            worker.deliver(messages)
    finally:
        worker.close()
    return worker.summary


class _Ahead:
    """Messages ready to leave, the next one made while the server thinks about the last."""

    def __init__(self, make: Callable[[Outgoing], Envelope], messages: Sequence[Outgoing]) -> None:
        self._make = make
        self._messages = iter(messages)
        self._ready: deque[Envelope] = deque()

    def prepare(self) -> None:
        """Make the next message."""
        self._ready.extend(self._make(outgoing) for outgoing in islice(self._messages, 1))

    def take(self) -> Envelope:
        """Return the next message."""
        if not self._ready:
            self.prepare()
        return self._ready.popleft()


class _Worker:
    """One worker with its connections and what it has not yet written down."""

    def __init__(self, source: Sender, transport: Transport, report: Report | None) -> None:
        life = services.life_of_database(db.session())
        db.session.rollback()
        self.name = f"{socket.gethostname()[:80]}:{os.getpid()}:{token_hex(4)}:{life}"
        self.summary = SendSummary()
        self._source = source
        self._transport = transport
        self._report = report
        self._send_log = services.SendLog(db.engine, self.name)
        self._unwritten: list[tuple[int, Outcome]] = []
        self._begun = services.NOBODY
        self._seconds_apart = 60 / options.backorder_email.rate if options.backorder_email.rate else 0.0
        self._next_at = 0.0

    def close(self) -> None:
        """Let go of the mail server and the database."""
        self._transport.close()
        self._send_log.close()

    def batches(self, limit: int | None) -> Iterator[Sequence[Outgoing]]:
        """Claim what is due, a batch at a time, until nothing is left or `limit` messages were claimed."""
        left = sys.maxsize if limit is None else limit
        while left > 0:
            batch = self._take(min(options.backorder_email.batch_size, left), None)
            if not batch.looked_at:
                return
            yield batch.messages
            left -= len(batch.messages)

    def batches_of(self, chosen: Collection[int]) -> Iterator[Sequence[Outgoing]]:
        """Claim what a clerk chose and is still pending, each message once."""
        for part in chunks(sorted(chosen), options.backorder_email.batch_size):
            yield self._take(len(part), part).messages

    def _take(self, most: int, chosen: Sequence[int] | None) -> services.TakenBatch:
        return commit(lambda session: services.take_batch(session, self.name, limit=most, chosen=chosen))

    def deliver(self, messages: Sequence[Outgoing]) -> None:
        """Send claimed messages; what is not begun goes back into the queue if this is interrupted."""
        envelopes = _Ahead(self._envelope, messages)
        try:
            for outgoing in messages:
                self._deliver(outgoing, envelopes)
            self._write_down()
        except MailServerUnusable as error:
            reason = str(error.facts["reason"])
            self._write_down()
            postponed = commit(lambda session: services.postpone_claimed(session, self.name, reason))
            self.summary.endings[Ending.transient] += postponed
            raise
        except BaseException:
            self._write_down()
            commit(lambda session: services.give_back(session, self.name))
            raise

    def _deliver(self, outgoing: Outgoing, envelopes: _Ahead) -> None:
        envelope = envelopes.take()
        self._keep_pace()
        self._transport.open()
        try:
            ended = self._transport.send(envelope, partial(self._turn_to, outgoing.id), envelopes.prepare)
        except MailServerUnusable:
            raise
        except BaseException:
            if self._begun == outgoing.id:
                self._unwritten.append((outgoing.id, Outcome(Ending.uncertain, INTERRUPTED)))
            raise
        if ended is not None:
            self._unwritten.append((outgoing.id, ended))
            self.summary.endings[ended.ending] += 1
            if self._report is not None:
                self._report(self.summary.handled)

    def _envelope(self, outgoing: Outgoing) -> Envelope:
        """Return a message as it leaves, or the reason why it cannot: one bad message does not stop the others."""
        try:
            return build(outgoing, self._source)
        except (ValueError, MessageError) as error:
            return Envelope(outgoing.id, "", "", b"", problem=f"It cannot be written as an email: {error}")

    def _turn_to(self, message_id: int) -> bool:
        """Write down that the last message was sent and that the next one begins; false where that was taken back."""
        if self._unwritten and self._unwritten[-1][1].ending is not Ending.sent:
            self._write_down()
        sent = self._unwritten[-1][0] if self._unwritten else services.NOBODY
        is_mine = self._send_log.turn(sent, message_id)
        self._unwritten.clear()
        self._begun = message_id if is_mine else services.NOBODY
        return is_mine

    def _write_down(self) -> None:
        """Write down how messages ended."""
        for message_id, outcome in self._unwritten:
            commit(partial(services.settle, message_id=message_id, worker=self.name, outcome=outcome))
        self._unwritten.clear()

    def _keep_pace(self) -> None:
        """Wait until the next message may leave (`rate`)."""
        if self._seconds_apart:
            now = time.monotonic()
            if self._next_at > now:
                # Who dies in this pause leaves no doubt.
                self._write_down()
                time.sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + self._seconds_apart
