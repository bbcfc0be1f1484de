"""Who holds usable stock that a line needs, for a clerk who takes it from them (Take From)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of, raw, total
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.states import Tracking
from modules.sales.domain import HeldStock
from modules.sales.models import Allocation, Customer, Order, OrderLine
from modules.sales.queries.allocations import run_order, select_unpacked
from modules.sales.queries.queue import is_waiting
from modules.sales.queries.service_order import latest_served_first

MOST_HOLDERS = 100


@dataclass(frozen=True)
class Holder:
    """A line that has unpacked allocations on usable stock: how much, how much of it another line needs, and what its
    customer was promised."""

    id: int
    order_id: int
    name: str
    customer: str
    requested_on: date | None
    promise_date: date | None
    quantity: Decimal
    offered: Decimal


def can_take(line: OrderLine) -> bool:
    """Return whether stock of others may be taken for a line: it needs some, and its order is confirmed."""
    return line.order.is_confirmed and line.has_need and line.product.tracking is not Tracking.serial


def holders_for(session: Session, line: OrderLine) -> list[Holder]:
    """Return the other lines that have usable stock of a line's product, latest in the queue first.

    There are none for a line for which nothing may be taken.
    """
    if not can_take(line):
        return []
    return holders_of(session, {line.product_id: line.need}, without=line.id).get(line.product_id, [])


def holders_of(
    session: Session, needed: Mapping[int, Decimal], *, without: int | None = None, most: int = MOST_HOLDERS
) -> dict[int, list[Holder]]:
    """Return the lines that have usable stock of products, `without` one of them, latest in the queue first.

    `needed` is how much is needed of each product, and `most` how many of its lines are returned, by product.
    """
    place = func.row_number().over(partition_by=OrderLine.product_id, order_by=latest_served_first(session))
    columns = (
        *(OrderLine.product_id, OrderLine.id.label("line_id"), Order.id.label("order_id"), Order.number),
        *(OrderLine.position, Customer.name.label("customer"), OrderLine.requested_on, OrderLine.promise_date),
        *(total(Allocation.unpacked).label("quantity"), place.label("place")),
    )
    of_products = is_one_of(session, OrderLine.product_id, needed)
    ranked = (
        select_unpacked(*columns)
        .join(Order.customer)
        .where(of_products, OrderLine.id != (without or 0), usable_condition(clock.today()))
        .group_by(OrderLine.id, Order.id, Customer.id)
        .subquery()
    )
    rows = select(ranked).where(ranked.c.place <= most).order_by(ranked.c.product_id, ranked.c.place)
    found: dict[int, list[Holder]] = {}
    for row in session.execute(rows):
        name, offered = f"{row.number}/{row.position}", min(row.quantity, needed[row.product_id])
        dates = row.requested_on, row.promise_date
        holder = Holder(row.line_id, row.order_id, name, row.customer, *dates, row.quantity, offered)
        found.setdefault(row.product_id, []).append(holder)
    return found


def held_stock(session: Session, *conditions: ColumnElement[bool]) -> list[HeldStock]:
    """Return what lines have unpacked on balances, where it meets conditions, in the order of a run."""
    columns = (OrderLine.id, Allocation.balance_id, raw(Allocation.unpacked), is_waiting(session))
    return [
        HeldStock._make(row)
        for row in session.execute(select_unpacked(*columns).where(*conditions).order_by(*run_order(session)))
    ]
