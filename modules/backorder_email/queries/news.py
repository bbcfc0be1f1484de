"""Reads of news, and of what is true now of what it says."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from erp import clock
from erp.db import is_one_of
from erp.models import RunEntry
from modules.backorder_email.domain.news import NewsStatus
from modules.backorder_email.models import Message, News
from modules.backorder_email.states import Cause, DropReason
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import Customer, Order, OrderLine

# A run that has not ended and has written no news for so long has died.
SILENCE = timedelta(minutes=1)

_OF_ALLOCATIONS = (Cause.purchase_allocated, Cause.status_changed)


def _later_news() -> ColumnElement[bool]:
    """Return, in SQL, whether later news of the same line supersedes a row of News.

    Later news of the same purchase order line does, and so does a later date after a date. News of an allocation or
    status and news of a date supersede each other only from one run to the next: of one run, the customer gets both.
    """
    later = aliased(News)
    of_allocation = later.cause.in_(_OF_ALLOCATIONS)
    of_date = later.cause == Cause.date_changed
    other_run = later.run_id != News.run_id
    supersedes = or_(
        later.purchase_line_id == News.purchase_line_id,
        and_(of_date, News.cause == Cause.date_changed),
        and_(other_run, of_date, News.cause.in_(_OF_ALLOCATIONS)),
        and_(other_run, of_allocation, News.cause == Cause.date_changed),
    )
    is_not_removed = or_(later.dropped.is_(None), later.dropped != DropReason.removed)
    return exists().where(later.line_id == News.line_id, later.id > News.id, is_not_removed, supersedes)


def _is_allocated() -> ColumnElement[bool]:
    """Return, in SQL, whether a purchase allocation of the pair of a row of News exists, or of its line where a date is
    the news; one that was received still does."""
    return exists().where(
        PurchaseAllocation.line_id == News.line_id,
        case(
            (News.cause.in_(_OF_ALLOCATIONS), PurchaseAllocation.purchase_line_id == News.purchase_line_id),
            else_=True,
        ),
    )


@cache
def _news_statuses() -> Any:
    # Cached: building this statement takes longer than running it for a batch of messages.
    columns = (
        News.id,
        News.cause,
        _is_allocated(),
        _later_news(),
        News.status_id,
        PurchaseOrderLine.status_id,
        News.old_date,
        News.new_date,
    )
    rows = select(*columns).outerjoin(PurchaseOrderLine, PurchaseOrderLine.id == News.purchase_line_id)
    return rows.order_by(News.id)


def news_statuses(session: Session, news_ids: Collection[int]) -> Iterator[NewsStatus]:
    """Yield each piece of news with what is true now."""
    for row in session.execute(_news_statuses().where(is_one_of(session, News.id, news_ids))):
        yield NewsStatus(*row)


def uncomposed(session: Session, condition: ColumnElement[bool], *, is_locked: bool = False) -> list[tuple[int, int]]:
    """Return (order, news) ids of the uncomposed news; `is_locked` locks it, and leaves what others have locked."""
    rows = select(News.order_id, News.id).where(News.is_uncomposed, condition).order_by(News.order_id, News.id)
    found = session.execute(rows.with_for_update(skip_locked=True) if is_locked else rows)
    return [(order_id, news_id) for order_id, news_id in found]


def runs_to_compose(session: Session) -> list[int]:
    """Return the runs that left uncomposed news: ended, or silent for so long that they must have died."""
    silent_since, last_at = clock.now() - SILENCE, func.max(News.created_at)
    rows = (
        select(News.run_id)
        .join(RunEntry, RunEntry.id == News.run_id)
        .where(News.is_uncomposed)
        .group_by(News.run_id, RunEntry.ended_at)
        .having(or_(RunEntry.ended_at.is_not(None), last_at < silent_since, last_at > clock.now() + clock.SKEW))
        .order_by(News.run_id)
    )
    return list(session.scalars(rows))


def unsent_messages_of_lines(session: Session, line_ids: Collection[int]) -> list[int]:
    """Return the ids of the unsent messages that have news of these order lines, and lock them in id order.

    What another module announced holds whatever else happens to the lines.
    """
    is_of_lines = and_(is_one_of(session, News.line_id, line_ids), News.cause != Cause.announced)
    message_ids = select(News.message_id).where(is_of_lines, News.message_id.is_not(None), News.dropped.is_(None))
    rows = select(Message.id).where(Message.id.in_(message_ids), Message.is_unsent)
    return list(session.scalars(rows.order_by(Message.id).with_for_update()))


def news_of_messages(session: Session, message_ids: Collection[int]) -> list[tuple[int, int, int, int | None]]:
    """Return (message, news, line, purchase line) ids of the news that messages have and that was not dropped."""
    columns = (News.message_id, News.id, News.line_id, News.purchase_line_id)
    is_in_messages = is_one_of(session, News.message_id, message_ids)
    rows = select(*columns).where(is_in_messages, News.dropped.is_(None)).order_by(News.id)
    return [(message or 0, news, line, purchase) for message, news, line, purchase in session.execute(rows)]


def known_dates(session: Session, line_ids: Collection[int]) -> dict[int, date | None]:
    """Return, by line, the promise date that its customer knows, where news of a later one has not left yet."""
    rows = (
        select(News.line_id, News.old_date)
        .outerjoin(Message, Message.id == News.message_id)
        .where(
            is_one_of(session, News.line_id, line_ids),
            News.cause == Cause.date_changed,
            News.dropped.is_(None),
            or_(Message.id.is_(None), Message.is_unsent),
        )
        .order_by(News.id.desc())
    )
    # The oldest comes last and is the one that is kept.
    return dict(session.execute(rows).all())


def orders_with_news(session: Session, run_id: int | None) -> set[int]:
    """Return the orders of which a run has written news that became no message yet."""
    rows = select(News.order_id).where(News.run_id == run_id, News.is_uncomposed).distinct()
    return set() if run_id is None else set(session.scalars(rows))


def uncomposed_news(session: Session, order_ids: Collection[int]) -> Mapping[str, Mapping[str, Any]]:
    """Return the news of orders that became no message yet, each once: what a customer will hear of which line."""
    columns = (
        *(Order.number, News.cause, Customer.email, OrderLine.position),
        *(News.purchase_line_id, News.old_date, News.new_date, News.quantity),
    )
    rows = select(*columns).join(News.order).join(Order.customer).join(News.line)
    of_orders = rows.where(is_one_of(session, News.order_id, order_ids), News.is_uncomposed)
    names = ("order", "cause", "recipient", "position", "purchase_line_id", "old_date", "new_date", "quantity")
    found = [dict(zip(names, row, strict=True)) for row in session.execute(of_orders)] if order_ids else []
    return {repr(list(each.values())): each for each in found}
