"""Ending orders that have nothing left to do."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import is_one_of, total
from modules.sales.models import Order, OrderLine
from modules.sales.states import ORDER, OrderState


def close_orders(session: Session, order_ids: Collection[int]) -> None:
    """End the confirmed orders among these on which nothing is open: done if something was packed, else cancelled."""
    session.flush()
    packed = total(OrderLine.packed).label("packed")
    ended = session.execute(
        select(Order, packed)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(is_one_of(session, Order.id, order_ids), Order.state == OrderState.confirmed)
        .group_by(Order.id)
        .having(total(OrderLine.open_quantity) == Decimal(0))
    ).all()
    for order, packed_quantity in ended:
        order.state = ORDER.next(order.state, "complete" if packed_quantity else "cancel")
    session.flush()
