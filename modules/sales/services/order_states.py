"""The state of orders on which nothing is open any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from erp import history
from erp.db import bulk_update, is_one_of, total
from erp.events import publish
from erp.identity import identity_key
from modules.sales.events import OrderCancelled
from modules.sales.models import Order, OrderLine
from modules.sales.states import ORDER, OrderState

ORDER_TABLE = cast(Table, Order.__table__)


def close_orders(session: Session, order_ids: Collection[int]) -> None:
    """End the confirmed orders among these on which nothing is open: done if something was packed, else cancelled.

    Announces those that are cancelled.
    """
    session.flush()
    ended = session.execute(
        select(Order, total(OrderLine.packed))
        .join(Order.lines)
        .where(is_one_of(session, Order.id, order_ids), Order.is_confirmed)
        .group_by(Order.id)
        .having(total(OrderLine.open_quantity) == Decimal(0))
    ).all()
    by_action: dict[str, list[Order]] = {"complete": [], "cancel": []}
    for order, packed in ended:
        by_action["complete" if packed else "cancel"].append(order)
    for action, orders in by_action.items():
        if orders:
            state = ORDER.next(OrderState.confirmed, action)
            write_orders(session, [(order, order.number, state) for order in orders])
    if by_action["cancel"]:
        publish(session, OrderCancelled(tuple(order.id for order in by_action["cancel"])))


def write_orders(session: Session, written: Sequence[tuple[Order, str | None, OrderState]]) -> None:
    """Give orders that were locked their numbers and states in one statement, with the history of both."""
    changes = [
        history.Change(history.Subject("sales.order", order.id, number or order.name), "changed", name, before, after)
        for order, number, state in written
        for name, before, after in (("number", order.number, number), ("state", order.state, state))
        if before != after
    ]
    history.record_all(session, changes)
    sets = {"number": "{given}", "number_key": "{given_key}", "state": "{after}", "row_version": "row_version + 1"}
    types = {"given": "text", "given_key": "text", "after": "text"}
    rows = [(order.id, number, number and identity_key(number), state.value) for order, number, state in written]
    bulk_update(session, ORDER_TABLE, sets, types, rows)
    for order, _, _ in written:
        session.expire(order, ("number", "number_key", "state", "row_version"))
