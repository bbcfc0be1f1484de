"""Entry points of sales: they lock all products that an operation can touch before anything is read or decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, Select, select
from sqlalchemy.orm import Session

from erp.db import given
from erp.errors import NotFound, StaleRecord
from erp.registry import check_revision
from erp.text import say
from modules.inventory_lots.services import lock_products, lock_selected_products
from modules.sales import queries
from modules.sales.errors import NothingOpen
from modules.sales.models import Backorder, Order, OrderLine


def lock_order(session: Session, order_id: int, more_products: Iterable[int] = ()) -> Order:
    """Lock the products of an order, and more, then the order, and return it as it is now, with its lines.

    Raises StaleRecord when another product was put on it while the locks were waited for.
    """
    if more := set(more_products):
        locked = {*session.scalars(select(OrderLine.product_id).where(OrderLine.order_id == order_id)), *more}
        lock_products(session, locked)
    else:
        # Modules and options are checked with what is read next.
        locked = lock_selected_products(session, _products_of, is_checked=False, order_id=order_id)
    order, revision = queries.locked_order(session, order_id)
    check_revision(session, revision)
    if not {line.product_id for line in order.lines} <= locked:
        raise StaleRecord
    return order


def _products_of(_session: Session) -> Select[*tuple[Any, ...]]:
    return select(OrderLine.product_id).where(OrderLine.order_id == given("order_id", BigInteger()))


def lock_line(session: Session, line_id: int) -> OrderLine:
    """Lock the whole order of a line, whose state depends on its other lines too, and return the line.

    Raises NotFound.
    """
    order_id = session.scalar(select(OrderLine.order_id).where(OrderLine.id == line_id))
    lines = [] if order_id is None else lock_order(session, order_id).lines
    for line in lines:
        if line.id == line_id:
            return line
    raise NotFound(say("sales order line"), line_id)


def lock_backorder(session: Session, backorder_id: int) -> Backorder:
    """Lock the whole order of an open backorder row and return the row. Raises NotFound and NothingOpen."""
    order_id = session.scalar(
        select(OrderLine.order_id).select_from(Backorder).join(Backorder.line).where(Backorder.id == backorder_id)
    )
    if order_id is None:
        raise NotFound("backorder", backorder_id)
    lock_order(session, order_id)
    row = session.get(Backorder, backorder_id)
    if row is None or not row.is_open:
        raise NothingOpen(what=say("Backorder {backorder_id}", backorder_id=backorder_id))
    return row
