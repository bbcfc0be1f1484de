"""The invariants of purchase allocations, recomputed from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import format_quantity, total
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import NOTHING, purchase_allocated_by_line
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import backorder_is_open


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each purchase or sales order line whose purchase allocations do not add up."""
    yield from _purchase_lines(session)
    yield from _sales_lines(session)


def _purchase_lines(session: Session) -> Iterator[str]:
    sums = (
        select(PurchaseAllocation.purchase_line_id, total(PurchaseAllocation.outstanding).label("purchase_allocated"))
        .where(PurchaseAllocation.is_open)
        .group_by(PurchaseAllocation.purchase_line_id)
        .subquery()
    )
    held = func.coalesce(sums.c.purchase_allocated, NOTHING)
    rows = session.execute(
        select(PurchaseOrder.number, PurchaseOrderLine.position, PurchaseOrderLine.allocated, held)
        .select_from(PurchaseOrderLine)
        .join(PurchaseOrderLine.order)
        .outerjoin(sums, sums.c.purchase_line_id == PurchaseOrderLine.id)
        .where(PurchaseOrderLine.allocated != held)
        .order_by(PurchaseOrderLine.id)
    )
    for number, position, allocated, quantity in rows:
        yield (
            f"Purchase order {number} line {position}: allocated is {format_quantity(allocated)}, its purchase "
            f"allocations hold {format_quantity(quantity)}."
        )


def _sales_lines(session: Session) -> Iterator[str]:
    sums = purchase_allocated_by_line()
    waiting = func.coalesce(Backorder.open_quantity, NOTHING)
    rows = session.execute(
        select(Order.number, OrderLine.position, sums.c.purchase_allocated, waiting)
        .select_from(OrderLine)
        .join(OrderLine.order)
        .join(sums, sums.c.line_id == OrderLine.id)
        .outerjoin(OrderLine.backorders.and_(backorder_is_open()))
        .where(sums.c.purchase_allocated > waiting)
        .order_by(OrderLine.id)
    )
    for number, position, purchase_allocated, quantity in rows:
        yield (
            f"Sales order {number} line {position}: {format_quantity(purchase_allocated)} are on purchase orders, only "
            f"{format_quantity(quantity)} are on backorder."
        )
