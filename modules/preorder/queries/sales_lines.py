"""Sales order lines: what is open or not covered of them, and how they changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Row, Select, SQLColumnExpression, and_, select
from sqlalchemy.orm import Session, joinedload

from erp.db import is_one_of
from erp.models import HistoryEntry
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import Scope, service_order
from modules.sales.states import OrderState

MOST_CHANGES = 500


def lines_with_customers(session: Session, line_ids: Collection[int]) -> Sequence[Row[OrderLine, Order, str]]:
    """Return lines, with their products, their orders and the names of their customers, in order of service."""
    return session.execute(
        select(OrderLine, Order, Customer.name)
        .options(joinedload(OrderLine.product))
        .join(OrderLine.order)
        .join(Order.customer)
        .where(is_one_of(session, OrderLine.id, line_ids))
        .order_by(*service_order(session))
    ).all()


def has_open_quantity() -> ColumnElement[bool]:
    """Return the condition of a line that is neither packed nor cancelled in full."""
    return and_(OrderLine.is_open)


def in_scope(session: Session, scope: Scope) -> ColumnElement[bool]:
    """Return the condition of the lines that a run serves."""
    of_products = is_one_of(session, OrderLine.product_id, scope.product_ids)
    if scope.line_ids is None:
        return of_products
    return and_(of_products, is_one_of(session, OrderLine.id, scope.line_ids))


def confirmed_lines(*conditions: SQLColumnExpression[bool]) -> Select[OrderLine]:
    """Select lines of confirmed orders."""
    return select(OrderLine).join(OrderLine.order).where(*conditions, Order.state == OrderState.confirmed)


def history_of_line(session: Session, line: OrderLine) -> tuple[Sequence[HistoryEntry], bool]:
    """Return the changes of a line, latest first, and whether these are all of them."""
    subject = line.history_subject()
    entries = session.scalars(
        select(HistoryEntry)
        .where(
            HistoryEntry.document == subject.document,
            HistoryEntry.document_id == subject.id,
            HistoryEntry.line == subject.line,
        )
        .order_by(HistoryEntry.id.desc())
        .limit(MOST_CHANGES + 1)
    ).all()
    return entries[:MOST_CHANGES], len(entries) <= MOST_CHANGES
