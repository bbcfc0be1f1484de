"""Lines that may be late, found set by set: from what comes too late or may not leave, not line by line.

What is on purchase orders is kept with each line, so that indexes find what it does not cover and what comes too late.

`is_late_line` asks several tables for each open line. A list of few late lines in a large book asks it only of these.
A test compares both on random books.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, not_, or_, select, union
from sqlalchemy.orm import aliased

from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.states import LocationKind, Tracking
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.purchase_allocations import with_purchase_lines
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.states import ShippingPolicy


def may_be_late(today: date) -> Select[int]:
    """Select the ids of the lines that may be late: all that are, and hardly another one."""
    promised, line = OrderLine.promise_date, OrderLine.id
    open_lines = select(line).where(OrderLine.is_open)
    orders = union(*_held_up(today)).subquery()
    found = union(
        open_lines.where(promised < today),
        open_lines.where(promised.is_(None), OrderLine.requested_on < today),
        select(line).where(OrderLine.is_uncovered, promised.is_not(None)),
        select(line).where(OrderLine.last_incoming_on > promised),
        _overdue(line, today),
        *(_in_stock(line, condition) for condition in _unusable(today)),
        _in_stock(line, Lot.expires_on.is_not(None)).where(OrderLine.is_preorder.is_(True)),
        _launching(line, today),
        open_lines.where(OrderLine.order_id.in_(select(orders.c.order_id))),
    ).subquery()
    return select(found.c.id)


def _held_up(today: date) -> list[Select[Any]]:
    """Return the orders that ship complete and have a line that may keep the others from leaving as promised."""
    order, other = OrderLine.order_id, aliased(OrderLine)
    first = select(func.min(other.promise_date)).where(other.order_id == order, other.is_open)
    first_promise = first.correlate(OrderLine).scalar_subquery()
    stock = or_(Lot.expires_on.is_not(None), *_unusable(today))
    is_serial = OrderLine.product_id.in_(select(Product.id).where(Product.tracking == Tracking.serial))
    lines = (
        select(order).where(OrderLine.is_uncovered),
        select(order).where(OrderLine.last_incoming_on > first_promise),
        _overdue(order, today),
        _in_stock(order, stock),
        _launching(order, today),
        select(order).where(OrderLine.is_open, is_serial),
    )
    complete = select(Order.id).where(Order.is_confirmed, Order.shipping_policy == ShippingPolicy.complete)
    return [rows.where(order.in_(complete)) for rows in lines]


def _overdue(column: Any, today: date) -> Select[Any]:
    """Select a column of the lines that have something on overdue purchase order lines: that arrives another day."""
    rows = with_purchase_lines(column).join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
    return rows.where(PurchaseOrderLine.has_outstanding, PurchaseOrderLine.expected_on < today)


def _in_stock(column: Any, condition: ColumnElement[bool]) -> Select[Any]:
    """Select a column of the lines that have stock allocated whose lot or location meets a condition."""
    rows = select(column).select_from(OrderLine).join(Allocation, Allocation.line_id == OrderLine.id)
    with_lot = rows.join(Allocation.balance).join(Balance.lot).join(Balance.location)
    return with_lot.where(Allocation.is_unpacked, condition)


def _unusable(today: date) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of stock that may not leave, each of which has an index."""
    return Lot.on_hold.is_(True), Lot.expires_on < today, not_(Location.kind == LocationKind.stock)


def _launching(column: Any, today: date) -> Select[Any]:
    """Select a column of the preorder lines whose product launches only after today."""
    of_product = ProductPreorder.product_id == OrderLine.product_id
    rows = select(column).join(ProductPreorder, of_product)
    return rows.where(OrderLine.is_preorder.is_(True), OrderLine.is_open, ProductPreorder.launch_date > today)
