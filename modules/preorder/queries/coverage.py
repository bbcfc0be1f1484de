"""How well demand is covered: by order line, by order, and a product's queue of demand against its row of supply."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.states import Tracking
from modules.preorder.domain import CoverageState, coverage_state
from modules.preorder.queries.associations import purchase_lines_of
from modules.preorder.queries.purchase_allocations import (
    NOTHING,
    of_lines,
    purchase_allocated,
    purchase_allocated_by_line,
)
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import service_order
from modules.sales.states import OrderState

MOST_SHOWN = 200


def coverage_of_line(line: OrderLine, purchase_allocated: Mapping[int, Decimal]) -> CoverageState | None:
    """Say how far what stock leaves open of a line is linked; None where nothing could be."""
    waits = line.order.state == OrderState.confirmed and line.need > 0 and line.product.tracking is not Tracking.serial
    return coverage_state(line.need, purchase_allocated.get(line.id, Decimal(0))) if waits else None


def coverage_of_orders(session: Session, order_ids: Collection[int]) -> dict[int, CoverageState]:
    """Return how far what stock leaves open of each order is linked; an order that needs nothing is left out."""
    needing = (
        OrderLine.order_id.in_(order_ids),
        OrderLine.quantity > OrderLine.packed + OrderLine.cancelled + OrderLine.allocated,
    )
    purchase_allocated = purchase_allocated_by_line(of_lines(*needing))
    rows = session.execute(
        select(
            OrderLine.order_id,
            total(OrderLine.need),
            total(func.coalesce(purchase_allocated.c.purchase_allocated, NOTHING)),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .outerjoin(purchase_allocated, purchase_allocated.c.line_id == OrderLine.id)
        .where(*needing, Order.state == OrderState.confirmed, Product.tracking != Tracking.serial)
        .group_by(OrderLine.order_id)
    )
    return {order_id: coverage_state(need, quantity) for order_id, need, quantity in rows}


@dataclass(frozen=True)
class Queue:
    """A product's open demand in order of service, and all that can serve it in the order in which it does."""

    demand: Sequence[Any]
    purchase_allocated: Mapping[int, Decimal]
    allocated: Decimal
    free: Decimal
    incoming: Sequence[Any]
    is_cut: bool


def queue_of(session: Session, product_id: int) -> Queue:
    """Return a product's queue of demand and row of supply; of the demand no more than the first lines."""
    open_line = OrderLine.quantity > OrderLine.packed + OrderLine.cancelled
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
        .join(Order, Order.id == OrderLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(OrderLine.product_id == product_id, open_line, Order.state == OrderState.confirmed)
        .order_by(*service_order())
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
        select(total(Balance.allocated), total(Balance.on_hand - Balance.allocated))
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.product_id == product_id, usable_condition(clock.today()))
    ).one()
    return row[0], row[1]
