"""Reads of wishes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, case, exists, func, select
from sqlalchemy.orm import Session, joinedload

from erp.registry import Waiting
from erp.search import Found, Sought, rows_by_words
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.states import OrderState
from modules.sample_module.models import CustomerTerms, Wish


def wishes_of(session: Session, order_ids: Sequence[int]) -> dict[int, Wish]:
    """Return the wishes of orders, by order id."""
    return {wish.order_id: wish for wish in session.scalars(select(Wish).where(Wish.order_id.in_(order_ids)))}


def waiting(session: Session) -> list[Wish]:
    """Return the wishes that are not granted yet, with their orders, oldest first."""
    rows = select(Wish).where(Wish.granted_at.is_(None)).options(joinedload(Wish.order)).order_by(Wish.id)
    return list(session.scalars(rows))


def find_wishes(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the wishes that have every word."""
    return [Found(wish.id, wish.text, rank=rank) for wish, rank in rows_by_words(session, Wish, sought, limit)]


def waiting_wishes(session: Session) -> Waiting:
    """Return how many wishes are not granted yet, and since when the oldest waits."""
    rows = select(func.count(), func.min(Wish.made_at)).where(Wish.granted_at.is_(None))
    return Waiting(*session.execute(rows).one())


def wishes_about(session: Session, about: ColumnElement[bool]) -> list[Wish]:
    """Return the wishes of the orders for which `about` is true."""
    return list(session.scalars(select(Wish).join(Order).where(about)))


def of_backorders(backorder_ids: Sequence[int]) -> ColumnElement[bool]:
    """Return the condition that an order has one of these backorders."""
    lines = select(OrderLine.order_id).join(Backorder, Backorder.line_id == OrderLine.id)
    return Order.id.in_(lines.where(Backorder.id.in_(backorder_ids)))


def is_cancelled() -> ColumnElement[bool]:
    """Return the condition that an order was cancelled."""
    return Order.state == OrderState.cancelled


def wishes_come_last() -> ColumnElement[int]:
    """Return 0 for an order of a customer whose wishes come first, and 1 for others."""
    terms = exists().where(CustomerTerms.customer_id == Order.customer_id, CustomerTerms.wishes_first.is_(True))
    return case((terms, 0), else_=1)


def has_waiting_wish() -> ColumnElement[bool]:
    """Return the condition that the wish of an order is not granted yet."""
    return exists().where(Wish.order_id == Order.id, Wish.granted_at.is_(None))


def terms_of(session: Session, customer_ids: Sequence[int]) -> dict[int, CustomerTerms]:
    """Return the settings of customers, by customer id."""
    rows = select(CustomerTerms).where(CustomerTerms.customer_id.in_(customer_ids))
    return {terms.customer_id: terms for terms in session.scalars(rows)}


def granted_before_it_was_made(session: Session) -> Iterator[str]:
    """Yield a sentence for each wish that was granted before it was made."""
    for wish in session.scalars(select(Wish).where(Wish.granted_at < Wish.made_at)):
        yield f"Wish {wish.text!r} was granted before it was made."
