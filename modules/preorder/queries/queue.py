"""A product's open demand in order of service against its supply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.preorder.queries.purchase_allocations import purchase_allocated
from modules.preorder.queries.purchase_lines import purchase_lines_of
from modules.preorder.queries.sales_lines import has_open_quantity
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import service_order
from modules.sales.states import OrderState

MOST_SHOWN = 200


@dataclass(frozen=True)
class Queue:
    """A product's open demand in order of service, and its supply in the order in which it serves."""

    demand: Sequence[Any]
    purchase_allocated: Mapping[int, Decimal]
    allocated: Decimal
    free: Decimal
    incoming: Sequence[Any]
    is_cut: bool


def queue_of(session: Session, product_id: int) -> Queue:
    """Return a product's demand and supply; of the demand no more than the first lines."""
    rows = session.execute(
        select(
            OrderLine.id,
            Order.id.label("order_id"),
            Order.number,
            OrderLine.position,
            Customer.name.label("customer"),
            OrderLine.open_quantity.label("open_quantity"),
            OrderLine.allocated,
            OrderLine.promise_date,
        )
        .join(OrderLine.order)
        .join(Order.customer)
        .where(OrderLine.product_id == product_id, has_open_quantity(), Order.state == OrderState.confirmed)
        .order_by(*service_order(session))
        .limit(MOST_SHOWN + 1)
    ).all()
    shown = rows[:MOST_SHOWN]
    allocated, free = _stock(session, product_id)
    return Queue(
        shown,
        purchase_allocated(session, [row.id for row in shown]),
        allocated,
        free,
        purchase_lines_of(session, product_id),
        len(rows) > len(shown),
    )


def _stock(session: Session, product_id: int) -> tuple[Decimal, Decimal]:
    row = session.execute(
        select(total(Balance.allocated), total(Balance.unallocated))
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.product_id == product_id, usable_condition(clock.today()))
    ).one()
    return row[0], row[1]
