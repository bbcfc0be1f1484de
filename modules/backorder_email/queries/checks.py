"""The invariants of news and messages."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import exists, not_, select
from sqlalchemy.orm import Session

from erp.text import say
from modules.backorder_email.models import Message, News
from modules.sales.models import Order


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each breach (`erp check`)."""
    yield from _misplaced_news(session)
    yield from _messages_without_news(session)


def _misplaced_news(session: Session) -> Iterator[str]:
    rows = (
        select(Message.id, Order.number)
        .join(News, News.message_id == Message.id)
        .join(Order, Order.id == News.order_id)
        .where(News.order_id != Message.order_id)
        .distinct()
        .order_by(Message.id)
    )
    for message_id, number in session.execute(rows):
        yield say(
            "Email {message_id} has news of sales order {number}, which it is not about.",
            message_id=message_id,
            number=number,
        )


def _messages_without_news(session: Session) -> Iterator[str]:
    has_news = exists().where(News.message_id == Message.id)
    rows = (
        select(Message.id, Order.number)
        .join(Order, Order.id == Message.order_id)
        .where(
            Message.is_pending,
            Message.is_edited.is_(False),
            has_news,
            not_(has_news.where(News.dropped.is_(None))),
        )
        .order_by(Message.id)
    )
    for message_id, number in session.execute(rows):
        yield say(
            "Email {message_id} to the customer of sales order {number} is pending, but all its news was dropped.",
            message_id=message_id,
            number=number,
        )
