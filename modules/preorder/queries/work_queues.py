"""Work queues as conditions in SQL: what could be served now, what was never promised, and for whom goods arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, not_, or_, select, union
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_found, is_one_of
from modules.inventory_lots.models import Balance
from modules.inventory_lots.queries import usable_condition, with_lot_and_location
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.preorder.queries.arrivals import is_in_time
from modules.preorder.queries.purchase_allocations import purchase_allocated
from modules.preorder.queries.unallocated_lines import is_of_serial_product
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.queries import is_in_confirmed_order, is_scheduled


def could_be_served() -> ColumnElement[bool]:
    """Return the condition of an open line with need for which usable stock, or a purchase order line, is free.

    Held lines are among them: a clerk may serve them. Scheduled lines and those with serial numbers are not.
    """
    stock = with_lot_and_location(select(Balance.id).select_from(Balance)).where(
        Balance.product_id == OrderLine.product_id,
        Balance.has_unallocated,
        Balance.unallocated > Decimal(0),
        usable_condition(clock.today()),
    )
    supply = (
        select(PurchaseOrderLine.id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(
            PurchaseOrderLine.product_id == OrderLine.product_id,
            PurchaseOrderLine.has_unallocated,
            PurchaseOrderLine.is_open,
            is_in_time(),
        )
    )
    uncovered = OrderLine.is_uncovered
    free = or_(stock.correlate(OrderLine).exists(), and_(uncovered, supply.correlate(OrderLine).exists()))
    return and_(
        OrderLine.is_open,  # follows from the need; by it the index of open lines is found
        OrderLine.has_need,
        free,
        is_in_confirmed_order(),
        not_(is_of_serial_product()),
        not_(is_scheduled()),
    )


def may_be_served(session: Session) -> Select[int]:
    """Select the ids of the lines with need of the products of which stock or a purchase order line is free."""
    stock = select(Balance.product_id).where(Balance.has_unallocated)
    line = PurchaseOrderLine
    supply = select(line.product_id).where(line.has_outstanding, line.outstanding > line.allocated)
    return select(OrderLine.id).where(OrderLine.has_need, is_found(session, OrderLine.product_id, union(stock, supply)))


def is_never_promised() -> ColumnElement[bool]:
    """Return the condition of an open line without a promise date; scheduled ones and serial ones are left out."""
    return and_(_has_no_promise(), is_in_confirmed_order())


def _has_no_promise() -> ColumnElement[bool]:
    waits = not_(or_(is_of_serial_product(), is_scheduled()))
    return and_(OrderLine.is_open, OrderLine.promise_date.is_(None), waits)


def first_never_promised(most: int, *, descending: bool) -> Select[int]:
    """Select the ids of the first lines that were never promised, by their ids.

    The orders are joined: of a subquery PostgreSQL believes that hardly any is confirmed, and would sort all lines.
    """
    line = OrderLine.id
    rows = select(line).join(OrderLine.order).where(_has_no_promise(), Order.is_confirmed)
    return rows.order_by(line.desc() if descending else line).limit(most)


def on_purchase_orders(session: Session, lines: Sequence[Any]) -> Mapping[int, Decimal]:
    """Return what each of these lines has on purchase orders, by id."""
    found = purchase_allocated(session, [line.id for line in lines])
    return {line.id: found.get(line.id, Decimal(0)) for line in lines}


def orders_of_conversions(session: Session, conversion_ids: Collection[int]) -> dict[int, int]:
    """Return the sales orders for which goods arrived, by the id of the conversion."""
    rows = select(Conversion.id, OrderLine.order_id).join(Conversion.purchase_allocation).join(PurchaseAllocation.line)
    rows = rows.where(is_one_of(session, Conversion.id, conversion_ids)).order_by(Conversion.id)
    return dict(session.execute(rows).all())
