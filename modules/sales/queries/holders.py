"""Who holds usable stock that a line needs, for a clerk who takes it from them (Take From)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.states import Tracking
from modules.sales.models import Allocation, Customer, Order, OrderLine
from modules.sales.queries.allocations import select_unpacked
from modules.sales.queries.queue import latest_served_first

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
    columns = (
        *(OrderLine.id.label("line_id"), Order.id.label("order_id"), Order.number, OrderLine.position),
        *(Customer.name.label("customer"), OrderLine.requested_on, OrderLine.promise_date),
        total(Allocation.unpacked).label("quantity"),
    )
    rows = session.execute(
        select_unpacked(*columns)
        .join(Order.customer)
        .where(OrderLine.product_id == line.product_id, OrderLine.id != line.id, usable_condition(clock.today()))
        .group_by(OrderLine.id, Order.id, Customer.id)
        .order_by(*latest_served_first())
        .limit(MOST_HOLDERS)
    )
    return [
        Holder(
            row.line_id,
            row.order_id,
            f"{row.number}/{row.position}",
            row.customer,
            row.requested_on,
            row.promise_date,
            row.quantity,
            min(row.quantity, line.need),
        )
        for row in rows
    ]
