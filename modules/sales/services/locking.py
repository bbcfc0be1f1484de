"""The doors of sales: locking what a deed can touch before anything is read or decided."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from erp.errors import StaleRecord
from modules.inventory_lots.services import lock_products
from modules.sales import queries
from modules.sales.models import Order


def lock_order(session: Session, order_id: int, more_products: Iterable[int] = ()) -> Order:
    """Lock the products of an order, and more, and return the order as it is now, with its lines.

    Raises StaleRecord when somebody put another product on it while the locks were waited for.
    """
    locked = {*queries.products_of(session, order_id), *more_products}
    lock_products(session, locked)
    order = queries.order_with_lines(session, order_id)
    if not {line.product_id for line in order.lines} <= locked:
        raise StaleRecord
    return order
