"""The queue as a worker sees it: claim, begin, settle, give back.

A worker claims messages and commits before it connects. It marks each message as begun, and commits, before it
transmits it, and settles it afterwards (in the usual case by `send_log`). So whoever dies leaves at most one message in
doubt, and what was claimed but not begun goes back into the queue.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Update, and_, case, func, not_, or_, select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of
from erp.options import options
from modules.backorder_email.domain.delivery import Ending, Outcome, back_off, is_given_up
from modules.backorder_email.domain.mail import Outgoing
from modules.backorder_email.models import Message
from modules.backorder_email.queries import due
from modules.backorder_email.services.composing import refresh
from modules.backorder_email.services.queue import is_pending
from modules.backorder_email.services.send_log import life_of_database
from modules.backorder_email.services.superseding import put_right
from modules.backorder_email.states import MESSAGE, MessageState

DIED = "The worker stopped while it handed the message over: the mail server may have taken it."


@dataclass(frozen=True)
class TakenBatch:
    """What a worker got to send, and how many messages were looked at for it: 0 means that the queue is done."""

    messages: tuple[Outgoing, ...]
    looked_at: int


def take_batch(session: Session, worker: str, *, limit: int, chosen: Collection[int] | None = None) -> TakenBatch:
    """Take up to `limit` messages for a worker, in the order of the queue; nobody else gets them.

    What each tells is checked once more: news that holds no more takes its message out of the queue, changed facts
    and addresses are written into it. `chosen` are messages that a clerk sends by hand, whether due or not.
    """
    is_wanted = due(clock.now()) if chosen is None else and_(is_pending, is_one_of(session, Message.id, chosen))
    rows = select(Message.id).where(is_wanted).order_by(Message.id).limit(limit)
    ids = list(session.scalars(rows.with_for_update(skip_locked=True)))
    for_the_clerk = put_right(session, ids)
    refresh(session, ids)
    claimed = (
        update(Message)
        .where(is_one_of(session, Message.id, set(ids) - for_the_clerk), is_pending)
        .values(state=MESSAGE.next(MessageState.pending, "send"), taken_by=worker, taken_at=clock.now(), begun_at=None)
        .execution_options(synchronize_session=False)
    )
    session.execute(claimed)
    session.expire_all()
    return TakenBatch(tuple(_claimed(session, ids, worker)), len(ids))


def _claimed(session: Session, ids: Collection[int], worker: str) -> Sequence[Outgoing]:
    columns = (Message.id, Message.recipient, Message.subject, Message.text, Message.html, Message.created_at)
    mine = (is_one_of(session, Message.id, ids), Message.state == MessageState.sending, Message.taken_by == worker)
    return [Outgoing(*row) for row in session.execute(select(*columns).where(*mine).order_by(Message.id))]


def settle(session: Session, message_id: int, worker: str, outcome: Outcome) -> None:
    """Write what became of a transmission that this worker began."""
    open_states = [MessageState.sending]
    if outcome.ending is Ending.sent:
        open_states.append(MessageState.uncertain)
    mine = (Message.id == message_id, Message.state.in_(open_states), Message.taken_by == worker)
    # A doubt has counted its attempt.
    attempts = case((Message.state == MessageState.sending, Message.attempts + 1), else_=Message.attempts)
    change = update(Message).where(*mine).values(attempts=attempts)
    if outcome.ending is Ending.sent:
        sent = MESSAGE.next(MessageState.sending, "deliver")
        _changed(session, change.values(state=sent, sent_at=clock.now(), last_error="", next_attempt_at=None))
    elif outcome.ending is Ending.transient:
        before = session.scalar(select(Message.attempts).where(Message.id == message_id)) or 0
        _postpone(session, before + 1, change, outcome.reason)
    else:
        action = "fail" if outcome.ending is Ending.permanent else "doubt"
        state = MESSAGE.next(MessageState.sending, action)
        _changed(session, change.values(state=state, last_error=outcome.reason, next_attempt_at=None))


def _postpone(session: Session, attempts: int, change: Update, reason: str) -> None:
    """Let messages wait for their next attempt, or give them up after the last one."""
    if is_given_up(attempts, options.backorder_email.max_attempts):
        state = MESSAGE.next(MessageState.sending, "fail")
        words = f"Given up after {attempts} attempts: {reason}"
        _changed(session, change.values(state=state, last_error=words, next_attempt_at=None))
        return
    again = clock.now() + back_off(attempts, options.backorder_email.retry_after)
    state = MESSAGE.next(MessageState.sending, "postpone")
    values = {"state": state, "last_error": reason, "next_attempt_at": again, "begun_at": None, "taken_by": ""}
    _changed(session, change.values(values))


def postpone_claimed(session: Session, worker: str, reason: str) -> int:
    """Count an attempt for all that a worker claimed and the server did not take, when it could not connect."""
    mine = (Message.state == MessageState.sending, Message.taken_by == worker)
    by_attempts = select(Message.attempts, func.count()).where(*mine).group_by(Message.attempts)
    counts = [(row[0], row[1]) for row in session.execute(by_attempts)]
    for attempts, _ in counts:
        change = update(Message).where(*mine, Message.attempts == attempts)
        _postpone(session, attempts + 1, change.values(attempts=attempts + 1), reason)
    return sum(count for _, count in counts)


def give_back(session: Session, worker: str) -> int:
    """Put back what a worker claimed and did not begin."""
    mine = (Message.state == MessageState.sending, Message.taken_by == worker, Message.begun_at.is_(None))
    return _changed(session, _back(update(Message).where(*mine)))


def recover(session: Session) -> int:
    """Take back what workers that died had claimed; return how many messages.

    What they had not begun is pending again. What they had begun is uncertain: nothing is sent twice. So is all that
    they had claimed before the database started anew, for it may have lost their marks.
    """
    silent_since = clock.now() - options.backorder_email.worker_timeout
    stale = (
        Message.state == MessageState.sending,
        func.coalesce(Message.begun_at, Message.taken_at) < silent_since,
    )
    is_of_this_life = Message.taken_by.endswith(life_of_database(session), autoescape=True)
    doubt = MESSAGE.next(MessageState.sending, "doubt")
    begun = update(Message).where(*stale, or_(Message.begun_at.is_not(None), not_(is_of_this_life)))
    in_doubt = _changed(session, begun.values(state=doubt, last_error=DIED, attempts=Message.attempts + 1))
    return in_doubt + _changed(session, _back(update(Message).where(*stale)))


def _back(change: Update) -> Update:
    state = MESSAGE.next(MessageState.sending, "postpone")
    return change.values(state=state, taken_by="", taken_at=None)


def _changed(session: Session, change: Update) -> int:
    result = session.execute(change.execution_options(synchronize_session=False))
    return int(result.rowcount)  # type: ignore[attr-defined]
