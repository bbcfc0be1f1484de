"""What is to be picked: where each allocated quantity lies, in the order of a walk through the warehouses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import SQLCoreOperations

from erp import clock
from erp.db import is_one_of
from modules.inventory_lots.models import Location, Lot, Product, Warehouse
from modules.inventory_lots.queries import usable_condition
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries.allocations import select_unpacked


def picks_of_order(session: Session, order_id: int) -> Sequence[Any]:
    """Return what of an order is allocated on stock that may leave, and not packed."""
    return _picks(session, OrderLine.order_id == order_id)


def picks_of_lines(session: Session, line_ids: Sequence[int]) -> Sequence[Any]:
    """Return the same of order lines, of whatever orders."""
    return _picks(session, is_one_of(session, OrderLine.id, line_ids))


def _picks(session: Session, condition: SQLCoreOperations[bool]) -> Sequence[Any]:
    columns = (
        Allocation.id,
        Allocation.unpacked.label("quantity"),
        Warehouse.code.label("warehouse"),
        Location.path.label("location"),
        Lot.number.label("lot"),
        Product.sku,
        Product.name,
        Product.unit,
        Order.number.label("order"),
        OrderLine.position,
    )
    rows = select_unpacked(*columns).join(Location.warehouse).where(condition, usable_condition(clock.today()))
    walk = (Warehouse.code, Location.path, Product.sku, Lot.number, Allocation.id)
    return session.execute(rows.order_by(*walk)).all()
