"""The state of orders on which nothing is open any more."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, select, update
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
            _move(session, orders, ORDER.next(OrderState.confirmed, action))
    if by_action["cancel"]:
        publish(session, OrderCancelled(tuple(order.id for order in by_action["cancel"])))


def _move(session: Session, orders: Sequence[Order], state: OrderState) -> None:
    """Give confirmed orders another state in one statement, whatever their number."""
    history.record_all(
        session,
        [history.Change(order.history_subject(), "changed", "state", order.state, state) for order in orders],
    )
    moved = update(Order).where(is_one_of(session, Order.id, [order.id for order in orders]))
    moved = moved.values(state=state, row_version=Order.row_version + 1)
    session.execute(moved.execution_options(synchronize_session=False))
    for order in orders:
        session.expire(order, ("state", "row_version"))


def write_order(session: Session, order: Order, *, number: str, state: OrderState) -> None:
    """Give an order that was locked its number and a state, with the history of both."""
    subject = history.Subject("sales.order", order.id, number)
    before = {"number": order.number, "state": order.state}
    after = {"number": number, "state": state}
    changes = [
        history.Change(subject, "changed", name, before[name], after[name])
        for name in after
        if before[name] != after[name]
    ]
    history.record_all(session, changes)
    sets = {"number": "{given}", "number_key": "{given_key}", "state": "{after}", "row_version": "row_version + 1"}
    types = {"given": "text", "given_key": "text", "after": "text"}
    bulk_update(session, ORDER_TABLE, sets, types, [(order.id, number, identity_key(number), state.value)])
    session.expire(order, ("number", "number_key", "state", "row_version"))
