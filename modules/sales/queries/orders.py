"""Sales orders, their status and what of them waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import bounded_count, fresh_rows, given, is_one_of, total
from erp.errors import NotFound, StaleRecord
from erp.identity import identity_key
from erp.numbers import sums
from erp.registry import revision_column
from erp.text import say
from modules.inventory_lots.models import Product
from modules.sales.domain import Progress, fulfilment
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries.scheduled import scheduled_quantities
from modules.sales.states import Fulfilment, OrderState


def order_by_number(session: Session, number: str) -> Order:
    """Return a sales order; raise NotFound."""
    order = session.scalar(select(Order).where(Order.number_key == identity_key(number)))
    if order is None:
        raise NotFound(say("sales order"), number)
    return order


def order_with_lines(session: Session, order_id: int) -> Order:
    """Return an order with its lines and their products, in as many statements for one line as for a hundred."""
    lines = joinedload(Order.lines).joinedload(OrderLine.product)
    return session.scalars(select(Order).where(Order.id == order_id).options(lines)).unique().one()


def locked_order(session: Session, order_id: int) -> tuple[Order, int]:
    """Lock an order; return it as `order_with_lines` does, and the revision of modules and options.

    The products of its lines are locked before. Raises StaleRecord where the order is gone.
    """
    found = fresh_rows(session, _locking, (Order, OrderLine, Product), order_id=order_id)
    if not found:
        raise StaleRecord
    revision, order, _, _ = found[0]
    lines = [line for *_, line, _ in found if line is not None]
    for *_, line, product in found if lines else ():
        set_committed_value(line, "order", order)
        set_committed_value(line, "product", product)
    set_committed_value(order, "lines", lines)
    return order, revision


def _locking(_session: Session) -> Select[*tuple[Any, ...]]:
    rows = select(revision_column()).select_from(Order).outerjoin(Order.lines).outerjoin(OrderLine.product)
    wanted = rows.where(Order.id == given("order_id", BigInteger())).order_by(OrderLine.position)
    return wanted.with_for_update(key_share=True, of=Order)


def orders_with_lines(session: Session, order_ids: Sequence[int]) -> list[Order]:
    """Return orders with their lines, the products of these and the customers, by id."""
    options = (selectinload(Order.lines).joinedload(OrderLine.product), joinedload(Order.customer))
    rows = select(Order).where(is_one_of(session, Order.id, order_ids)).order_by(Order.id).options(*options)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def customer_orders(session: Session, customer_id: int, limit: int) -> Sequence[Order]:
    """Return a customer's latest orders."""
    rows = select(Order).where(Order.customer_id == customer_id).order_by(Order.id.desc()).limit(limit)
    return session.scalars(rows).all()


@dataclass(frozen=True)
class OrderStatus:
    """How many lines an order has and how far it is."""

    lines: int
    fulfilment: Fulfilment


def order_statuses(session: Session, order_ids: Sequence[int]) -> dict[int, OrderStatus]:
    """Return the status of each of these orders that has lines."""
    counters = (OrderLine.quantity, OrderLine.packed, OrderLine.cancelled, OrderLine.allocated)
    of_orders = OrderLine.order_id.in_(order_ids)
    scheduled = sums(scheduled_quantities(session, of_orders).values())
    rows = session.execute(
        select(OrderLine.order_id, func.count(), *map(total, counters)).where(of_orders).group_by(OrderLine.order_id)
    )
    return {
        order_id: OrderStatus(count, fulfilment([Progress(*(*totals, scheduled.get(order_id, Decimal(0))))]))
        for order_id, count, *totals in rows
    }


def line_progress(session: Session, lines: Sequence[OrderLine]) -> dict[int, Progress]:
    """Return what is packed, cancelled, allocated and scheduled of each of these lines, by line id."""
    scheduled = scheduled_quantities(session, OrderLine.id.in_([line.id for line in lines]))
    nothing = (0, Decimal(0))
    return {
        line.id: Progress(
            line.quantity, line.packed, line.cancelled, line.allocated, scheduled.get(line.id, nothing)[1]
        )
        for line in lines
    }


@dataclass(frozen=True)
class WaitingWork:
    """How many documents of sales wait for a clerk; each a bounded count."""

    drafts: int
    confirmed: int
    open_lines: int
    open_backorders: int


def waiting_work(session: Session) -> WaitingWork:
    """Count the documents that wait, in one statement."""
    counted = (
        select(Order.id).where(Order.state == OrderState.draft),
        select(Order.id).where(Order.is_confirmed),
        _open_lines(),
        select(Backorder.id).where(Backorder.is_open),
    )
    return WaitingWork(*session.execute(select(*map(bounded_count, counted))).one())


def _open_lines() -> Select[int]:
    return select(OrderLine.id).join(OrderLine.order).where(Order.is_confirmed, OrderLine.is_open)
