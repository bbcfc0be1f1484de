"""What must be true of news and messages after every commit."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, not_, select
from sqlalchemy.orm import Session

from modules.backorder_email.models import Message, News
from modules.backorder_email.states import MessageState
from modules.sales.models import Order


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each breach (`erp check`)."""
    yield from _strange_news(session)
    yield from _hollow_messages(session)


def _strange_news(session: Session) -> Iterator[str]:
    rows = (
        select(Message.id, Order.number)
        .join(News, News.message_id == Message.id)
        .join(Order, Order.id == News.order_id)
        .where(News.order_id != Message.order_id)
        .distinct()
        .order_by(Message.id)
    )
    for message_id, number in session.execute(rows):
        yield f"Email {message_id} tells news of sales order {number}, which it is not about."


def _hollow_messages(session: Session) -> Iterator[str]:
    notifies = exists().where(News.message_id == Message.id)
    rows = (
        select(Message.id, Order.number)
        .join(Order, Order.id == Message.order_id)
        .where(
            Message.state == MessageState.pending,
            Message.is_edited.is_(False),
            notifies,
            not_(notifies.where(News.dropped.is_(None))),
        )
        .order_by(Message.id)
    )
    for message_id, number in session.execute(rows):
        yield f"Email {message_id} to the customer of sales order {number} is pending, but all its news was dropped."
