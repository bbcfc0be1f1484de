"""Orders and what hangs on them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from erp.db import chunks
from erp.errors import NotFound
from modules.inventory_lots.hooks import BalanceAllocation
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.queries.demand import service_order, unpacked_allocations
from modules.sales.states import BackorderState


def order_by_number(session: Session, number: str) -> Order:
    """Return a sales order; raise NotFound."""
    order = session.scalar(select(Order).where(Order.number == number))
    if order is None:
        raise NotFound("sales order", number)
    return order


def order_with_lines(session: Session, order_id: int) -> Order:
    """Return an order with its lines and their products, in as many statements for one line as for a hundred."""
    lines = selectinload(Order.lines).joinedload(OrderLine.product)
    return session.scalars(select(Order).where(Order.id == order_id).options(lines)).one()


def lines_of(session: Session, order_ids: Sequence[int]) -> list[OrderLine]:
    """Return the lines of many orders with their products, by order and position."""
    rows = select(OrderLine).options(joinedload(OrderLine.product)).order_by(OrderLine.order_id, OrderLine.position)
    parts = (session.scalars(rows.where(OrderLine.order_id.in_(part))) for part in chunks(order_ids, 5000))
    return [line for part in parts for line in part]


def products_of(session: Session, order_id: int) -> list[int]:
    """Return the ids of the products on an order, without loading it."""
    rows = select(OrderLine.product_id).where(OrderLine.order_id == order_id).distinct()
    return sorted(session.scalars(rows))


def open_backorder(session: Session, line_id: int) -> Backorder | None:
    """Return a line's open backorder row, if it has one."""
    return session.scalar(select(Backorder).where(Backorder.line_id == line_id, Backorder.state == BackorderState.open))


def allocations_on_balances(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Answer who holds what of these balances, first in the queue first."""
    rows = unpacked_allocations(Allocation.balance_id.in_(balance_ids)).with_only_columns(
        Allocation.balance_id, Order.number, Order.id, Allocation.quantity - Allocation.packed
    )
    return [
        BalanceAllocation(balance_id, number or "", quantity, url=f"/sales/orders/{order_id}/")
        for balance_id, number, order_id, quantity in session.execute(rows.order_by(*service_order(), Allocation.id))
    ]


def product_has_lines(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Answer which of these products stand on sales order lines."""
    return set(session.scalars(select(OrderLine.product_id).where(OrderLine.product_id.in_(product_ids)).distinct()))
