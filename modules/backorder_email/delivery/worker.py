"""The worker that sends the messages of the queue."""

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

from sqlalchemy.orm import Session

from erp import clock
from erp.db import chunks, commit, db
from erp.deliveries import Ending, Outcome
from erp.errors import ErpError
from erp.options import options
from erp.text import joined, plural, say
from modules.backorder_email import queries, services
from modules.backorder_email.delivery.composing import compose_lost_runs
from modules.backorder_email.delivery.transports import Envelope, Transport, configured
from modules.backorder_email.domain.mail import Outgoing, Sender, compose, parse_sender
from modules.backorder_email.errors import MailServerUnusable

Report = Callable[[int], None]

INTERRUPTED = say("Sending was interrupted after the message was handed over: the mail server may have taken it.")


@dataclass
class SendSummary:
    """How many transmissions ended in each way."""

    endings: Counter[Ending] = field(default_factory=Counter)

    @property
    def handled(self) -> int:
        """How many messages were tried."""
        return self.endings.total()

    def __str__(self) -> str:
        transient, permanent, uncertain = (
            self.endings[ending] for ending in (Ending.transient, Ending.permanent, Ending.uncertain)
        )
        others = [
            *([say("{number} to be tried again", number=transient)] if transient else []),
            *([say("{number} refused", number=permanent)] if permanent else []),
            *([say("{number} uncertain", number=uncertain)] if uncertain else []),
        ]
        sent = say("{emails} sent", emails=plural(self.endings[Ending.sent], "email"))
        return joined((sent, *others), ", ") + "."


def sender() -> Sender:
    """Return the sender of all messages; raises BadSender."""
    return parse_sender(options.backorder_email.sender, options.backorder_email.reply_to)


def build(outgoing: Outgoing, source: Sender, at: datetime | None = None) -> Envelope:
    """Return a message exactly as it leaves at that instant, or now."""
    data = compose(outgoing, source, at or clock.now())
    return Envelope(outgoing.id, source.address, outgoing.recipient, data)


def send_on_schedule() -> str:
    """Send what is as old as `send_after` says, unless only users send; return what was done."""
    if options.backorder_email.sending == "manual":
        compose_lost_runs()
        commit(services.recover)
        waiting = plural(queries.count_sendable(db.session()), "email waits", "emails wait")
        return say("Sending is manual: {waiting} for a user to send.", waiting=waiting)
    return str(send_pending(on_schedule=True))


def send_pending(
    *,
    limit: int | None = None,
    chosen: Collection[int] | None = None,
    report: Report | None = None,
    on_schedule: bool = False,
) -> SendSummary:
    """Send what is due, or what a clerk chose: take a batch, commit, connect, send one message after the other.

    First the news of runs that died is composed, and the messages of workers that died are recovered. `on_schedule`
    leaves what is younger than `send_after`. `report` is
    called with the number of messages tried so far. Raises BadSender, and MailServerUnusable after it has put the batch
    back into the queue.
    """
    source, transport = sender(), configured()
    compose_lost_runs()
    commit(services.recover)
    worker = _Worker(source, transport, report, on_schedule=on_schedule)
    try:
        for messages in worker.batches(limit) if chosen is None else worker.batches_of(chosen):
            worker.deliver(messages)
    finally:
        worker.close()
    return worker.summary


class _PreparedMessages:
    """Messages ready to leave; the next one is built while the server works on the last."""

    def __init__(self, build_one: Callable[[Outgoing], Envelope], messages: Sequence[Outgoing]) -> None:
        self._build_one = build_one
        self._messages = iter(messages)
        self._ready: deque[Envelope] = deque()

    def prepare(self) -> None:
        """Build the next message."""
        self._ready.extend(self._build_one(outgoing) for outgoing in islice(self._messages, 1))

    def take(self) -> Envelope:
        """Return the next message."""
        if not self._ready:
            self.prepare()
        return self._ready.popleft()


class _Worker:
    """A worker with its connections, and with the outcomes that it has not written to the database yet."""

    def __init__(
        self, source: Sender, transport: Transport, report: Report | None, *, on_schedule: bool = False
    ) -> None:
        start_id = services.database_start_id(db.session())
        db.session.rollback()
        self.name = f"{socket.gethostname()[:80]}:{os.getpid()}:{token_hex(4)}:{start_id}"
        self.summary = SendSummary()
        self._source = source
        self._transport = transport
        self._report = report
        self._on_schedule = on_schedule
        self._send_log = services.SendLog(db.engine, self.name)
        self._unwritten: list[tuple[int, Outcome]] = []
        self._begun = services.NO_MESSAGE
        self._seconds_apart = 60 / options.backorder_email.rate if options.backorder_email.rate else 0.0
        self._next_at = 0.0

    def close(self) -> None:
        """Close the connections to the mail server and the database."""
        self._transport.close()
        self._send_log.close()

    def batches(self, limit: int | None) -> Iterator[Sequence[Outgoing]]:
        """Take what is due, a batch at a time, until nothing is left or `limit` messages were taken."""
        left = sys.maxsize if limit is None else limit
        while left > 0:
            batch = self._take(min(options.backorder_email.batch_size, left), None)
            if not batch.considered:
                return
            yield batch.messages
            left -= len(batch.messages)

    def batches_of(self, chosen: Collection[int]) -> Iterator[Sequence[Outgoing]]:
        """Take what a clerk chose and is still pending, each message once."""
        for part in chunks(sorted(chosen), options.backorder_email.batch_size):
            yield self._take(len(part), part).messages

    def _take(self, most: int, chosen: Sequence[int] | None) -> services.TakenBatch:
        return commit(lambda session: self._taken(session, most, chosen))

    def _taken(self, session: Session, most: int, chosen: Sequence[int] | None) -> services.TakenBatch:
        return services.take_batch(
            session, self.name, limit=most, chosen=chosen, on_schedule=self._on_schedule and chosen is None
        )

    def deliver(self, messages: Sequence[Outgoing]) -> None:
        """Send the messages of a batch; where this is interrupted, those not begun go back into the queue."""
        envelopes = _PreparedMessages(self._envelope, messages)
        try:
            for outgoing in messages:
                self._deliver(outgoing, envelopes)
            self._settle()
        except MailServerUnusable as error:
            reason = str(error.facts["reason"])
            self._settle()
            postponed = commit(lambda session: services.postpone_batch(session, self.name, reason=reason))
            self.summary.endings[Ending.transient] += postponed
            raise
        except BaseException:
            self._settle()
            commit(lambda session: services.give_back(session, self.name))
            raise

    def _deliver(self, outgoing: Outgoing, envelopes: _PreparedMessages) -> None:
        envelope = envelopes.take()
        self._keep_pace()
        self._transport.open()
        try:
            outcome = self._transport.send(envelope, partial(self._begin, outgoing.id), envelopes.prepare)
        except MailServerUnusable:
            raise
        except BaseException:
            if self._begun == outgoing.id:
                self._unwritten.append((outgoing.id, Outcome(Ending.uncertain, INTERRUPTED)))
            raise
        if outcome is not None:
            self._unwritten.append((outgoing.id, outcome))
            self.summary.endings[outcome.ending] += 1
            if self._report is not None:
                self._report(self.summary.handled)

    def _envelope(self, outgoing: Outgoing) -> Envelope:
        """Return a message as it leaves, or with the problem that keeps it: it does not stop the others."""
        try:
            return build(outgoing, self._source)
        except (ValueError, MessageError, ErpError) as error:
            return Envelope(
                outgoing.id, "", "", b"", problem=say("It cannot be written as an email: {error}", error=error)
            )

    def _begin(self, message_id: int) -> bool:
        """Write that the last message was sent and that this one begins; false where it was taken from this worker."""
        if self._unwritten and self._unwritten[-1][1].ending is not Ending.sent:
            self._settle()
        sent = self._unwritten[-1][0] if self._unwritten else services.NO_MESSAGE
        is_mine = self._send_log.advance(sent, message_id)
        self._unwritten.clear()
        self._begun = message_id if is_mine else services.NO_MESSAGE
        return is_mine

    def _settle(self) -> None:
        """Write the outcomes of messages."""
        for message_id, outcome in self._unwritten:
            commit(partial(services.settle, message_id=message_id, worker=self.name, outcome=outcome))
        self._unwritten.clear()

    def _keep_pace(self) -> None:
        """Wait until the next message may leave (`rate`)."""
        if self._seconds_apart:
            now = time.monotonic()
            if self._next_at > now:
                # A worker that dies in this pause leaves no message uncertain.
                self._settle()
                time.sleep(self._next_at - now)
            self._next_at = max(now, self._next_at) + self._seconds_apart
