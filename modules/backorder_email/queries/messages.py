"""Reads of messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.deliveries import LONGEST_WAIT
from erp.options import options
from erp.registry import Waiting
from erp.text import say
from modules.backorder_email.models import Message
from modules.backorder_email.states import MessageState
from modules.sales.models import Order


def due(now: datetime) -> ColumnElement[bool]:
    """Return the condition of a pending message whose wait for the next attempt, if it had one, is over."""
    # No wait is longer than the longest: one that ends later was written while the clock was ahead.
    is_over = or_(Message.next_attempt_at <= now, Message.next_attempt_at > now + LONGEST_WAIT)
    return and_(Message.is_pending, or_(Message.next_attempt_at.is_(None), is_over))


def due_on_schedule(now: datetime) -> ColumnElement[bool]:
    """Return the condition of a message that the job sends: due, and as old as `send_after` says."""
    is_old = or_(Message.news_at <= now - options.backorder_email.send_after, Message.news_at > now + clock.SKEW)
    return and_(due(now), is_old)


def waiting(session: Session) -> Waiting:
    """Return what the job should have sent by now; where only users send, nothing has to leave."""
    if options.backorder_email.sending == "manual":
        return Waiting(count_due(session))
    due_since = func.coalesce(Message.next_attempt_at, Message.news_at)
    late = select(func.count(), func.min(due_since)).where(due_on_schedule(clock.now()))
    return Waiting(*session.execute(late).one())


def count_due(session: Session) -> int:
    """Return how many messages are due."""
    return _count(session, due(clock.now()))


def count_sendable(session: Session) -> int:
    """Return how many messages leave when a clerk sends all, those that wait for their next attempt included."""
    return _count(session, Message.is_pending)


def newest_sendable(session: Session) -> str:
    """Return the number and the order of the newest message that leaves when a clerk sends all; empty for none."""
    rows = select(Message.id, Order.number).join(Order, Order.id == Message.order_id).where(Message.is_pending)
    found = session.execute(rows.order_by(Message.id.desc()).limit(1)).first()
    return say("no. {found} about {found_}", found=found.id, found_=found.number) if found else ""


def _count(session: Session, condition: SQLColumnExpression[bool]) -> int:
    return session.scalar(select(func.count()).select_from(Message).where(condition)) or 0


def counts_by_state(session: Session) -> dict[MessageState, int]:
    """Return how many messages are in each state."""
    rows = session.execute(select(Message.state, func.count()).group_by(Message.state))
    found = dict(rows.all())
    return {state: found.get(state, 0) for state in MessageState}


def messages_of_order(session: Session, order_id: int, *, limit: int = 200) -> Sequence[Message]:
    """Return the latest messages about an order, latest first."""
    rows = select(Message).where(Message.order_id == order_id).order_by(Message.id.desc()).limit(limit)
    return session.scalars(rows).all()


def messages_of_customer(session: Session, customer_id: int, *, limit: int = 200) -> Sequence[tuple[Message, str]]:
    """Return the latest messages to a customer with their orders' numbers, latest first."""
    rows = (
        select(Message, Order.number)
        .join(Order, Order.id == Message.order_id)
        .where(Message.customer_id == customer_id)
        .order_by(Message.id.desc())
        .limit(limit)
    )
    return [(message, number or "") for message, number in session.execute(rows)]


def emails(session: Session) -> Iterator[Sequence[Any]]:
    """Yield every message for the export `emails`, oldest first."""
    columns = (
        *(Message.id, Message.recipient, Message.subject, Message.state, Order.number),
        *(Message.created_at, Message.sent_at, Message.attempts, Message.last_error),
    )
    rows = select(*columns).join(Order, Order.id == Message.order_id).order_by(Message.id)
    found: Iterable[Any] = session.execute(rows.execution_options(yield_per=1000))
    for id_, recipient, subject, state, *others in found:
        yield (id_, "" if state is MessageState.skipped else recipient, subject, state.value, *others)
