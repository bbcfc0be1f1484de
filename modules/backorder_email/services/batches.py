"""The batches that workers send: take one, settle its messages, give back the others.

A worker takes a batch and commits before it connects. It marks each message as begun, and commits, before it
transmits it, and settles it afterwards (in the usual case by `send_log`). So a worker that dies leaves at most one
message uncertain, and what it took but did not begin goes back into the queue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Update, and_, case, func, not_, or_, select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of
from erp.deliveries import Ending, Outcome, back_off, is_last_attempt
from erp.options import options
from erp.text import say
from modules.backorder_email.domain.mail import Outgoing
from modules.backorder_email.models import Message
from modules.backorder_email.queries import due, due_on_schedule
from modules.backorder_email.services.composition import refresh
from modules.backorder_email.services.reconciliation import reconcile
from modules.backorder_email.services.send_log import database_start_id
from modules.backorder_email.states import MESSAGE, MessageState

DIED = say("The worker stopped while it handed the message over: the mail server may have taken it.")


@dataclass(frozen=True)
class TakenBatch:
    """The messages that a worker is to send, and how many were considered for it: 0 means that none is left."""

    messages: tuple[Outgoing, ...]
    considered: int


def take_batch(
    session: Session, worker: str, *, limit: int, chosen: Collection[int] | None = None, on_schedule: bool = False
) -> TakenBatch:
    """Take up to `limit` messages for a worker, in the order of the queue; no other worker gets them.

    The news of each is checked again: a message whose news no longer holds leaves the queue, and one whose facts or
    address have changed is composed again. `chosen` are messages that a clerk sends by hand, whether due or not;
    `on_schedule` leaves those that are younger than `send_after`.
    """
    is_due = due_on_schedule(clock.now()) if on_schedule else due(clock.now())
    is_wanted = is_due if chosen is None else and_(Message.is_pending, is_one_of(session, Message.id, chosen))
    rows = select(Message.id).where(is_wanted).order_by(Message.id).limit(limit)
    ids = list(session.scalars(rows.with_for_update(skip_locked=True)))
    reconcile(session, ids)
    refresh(session, ids)
    change = update(Message).where(is_one_of(session, Message.id, ids), Message.is_pending)
    state = MESSAGE.next(MessageState.pending, "send")
    _execute(session, change.values(state=state, taken_by=worker, taken_at=clock.now(), begun_at=None))
    session.expire_all()
    return TakenBatch(tuple(_taken(session, ids, worker)), len(ids))


def _taken(session: Session, ids: Collection[int], worker: str) -> Sequence[Outgoing]:
    columns = (Message.id, Message.recipient, Message.subject, Message.text, Message.html, Message.created_at)
    mine = (is_one_of(session, Message.id, ids), Message.state == MessageState.sending, Message.taken_by == worker)
    return [Outgoing(*row) for row in session.execute(select(*columns).where(*mine).order_by(Message.id))]


def settle(session: Session, message_id: int, *, worker: str, outcome: Outcome) -> None:
    """Write how a transmission ended that this worker began."""
    open_states = [MessageState.sending]
    if outcome.ending is Ending.sent:
        open_states.append(MessageState.uncertain)
    mine = (Message.id == message_id, Message.state.in_(open_states), Message.taken_by == worker)
    # The attempt of an uncertain message is already counted.
    attempts = case((Message.state == MessageState.sending, Message.attempts + 1), else_=Message.attempts)
    change = update(Message).where(*mine).values(attempts=attempts)
    if outcome.ending is Ending.sent:
        sent = MESSAGE.next(MessageState.sending, "deliver")
        _execute(session, change.values(state=sent, sent_at=clock.now(), last_error="", next_attempt_at=None))
    elif outcome.ending is Ending.transient:
        before = session.scalar(select(Message.attempts).where(Message.id == message_id)) or 0
        _postpone(session, before + 1, change, outcome.reason)
    else:
        action = "fail" if outcome.ending is Ending.permanent else "doubt"
        state = MESSAGE.next(MessageState.sending, action)
        _execute(session, change.values(state=state, last_error=outcome.reason, next_attempt_at=None))


def _postpone(session: Session, attempts: int, change: Update, reason: str) -> None:
    """Make messages wait for their next attempt; after the last one they fail."""
    if is_last_attempt(attempts, options.backorder_email.max_attempts):
        state = MESSAGE.next(MessageState.sending, "fail")
        error = say("Failed after {attempts} attempts: {reason}", attempts=attempts, reason=reason)
        _execute(session, change.values(state=state, last_error=error, next_attempt_at=None))
        return
    again = clock.now() + back_off(attempts, options.backorder_email.retry_after)
    state = MESSAGE.next(MessageState.sending, "postpone")
    values = {"state": state, "last_error": reason, "next_attempt_at": again, "begun_at": None, "taken_by": ""}
    _execute(session, change.values(values))


def postpone_batch(session: Session, worker: str, *, reason: str) -> int:
    """Count a failed attempt for each message that a worker took and has not settled; return how many."""
    mine = (Message.state == MessageState.sending, Message.taken_by == worker)
    by_attempts = select(Message.attempts, func.count()).where(*mine).group_by(Message.attempts)
    counts = [(row[0], row[1]) for row in session.execute(by_attempts)]
    for attempts, _ in counts:
        change = update(Message).where(*mine, Message.attempts == attempts)
        _postpone(session, attempts + 1, change.values(attempts=attempts + 1), reason)
    return sum(count for _, count in counts)


def give_back(session: Session, worker: str) -> int:
    """Put what a worker took and did not begin back into the queue; return how many messages."""
    mine = (Message.state == MessageState.sending, Message.taken_by == worker, Message.begun_at.is_(None))
    return _execute(session, _to_queue(update(Message).where(*mine)))


def recover(session: Session) -> int:
    """Recover the messages of workers that died; return how many.

    What they had not begun is pending again. What they had begun is uncertain, so that nothing is sent twice. So is
    everything that they took before the last start of the database, which may have lost entries of the send log.
    """
    silent_since = clock.now() - options.backorder_email.worker_timeout
    last_at = func.coalesce(Message.begun_at, Message.taken_at)
    # What was taken while the clock was ahead would never grow old.
    is_stale = or_(last_at < silent_since, last_at > clock.now() + clock.SKEW)
    stale = (Message.state == MessageState.sending, is_stale)
    is_since_start = Message.taken_by.endswith(database_start_id(session), autoescape=True)
    uncertain = MESSAGE.next(MessageState.sending, "doubt")
    begun = update(Message).where(*stale, or_(Message.begun_at.is_not(None), not_(is_since_start)))
    count = _execute(session, begun.values(state=uncertain, last_error=DIED, attempts=Message.attempts + 1))
    return count + _execute(session, _to_queue(update(Message).where(*stale)))


def _to_queue(change: Update) -> Update:
    state = MESSAGE.next(MessageState.sending, "postpone")
    return change.values(state=state, taken_by="", taken_at=None)


def _execute(session: Session, change: Update) -> int:
    result = session.execute(change.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]
