"""What must always hold of links, recomputed from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from erp.db import Quantity, format_quantity, total
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import is_open_purchase_allocation, purchase_allocated_by_line
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import backorder_is_open


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each purchase or sales order line whose links do not add up."""
    yield from _purchase_lines(session)
    yield from _sales_lines(session)


def _purchase_lines(session: Session) -> Iterator[str]:
    purchase_allocations = (
        select(PurchaseAllocation.purchase_line_id, total(PurchaseAllocation.outstanding).label("purchase_allocated"))
        .where(is_open_purchase_allocation())
        .group_by(PurchaseAllocation.purchase_line_id)
        .subquery()
    )
    purchase_allocated = func.coalesce(purchase_allocations.c.purchase_allocated, literal(Decimal(0), Quantity()))
    rows = session.execute(
        select(PurchaseOrder.number, PurchaseOrderLine.position, PurchaseOrderLine.allocated, purchase_allocated)
        .select_from(PurchaseOrderLine)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .outerjoin(purchase_allocations, purchase_allocations.c.purchase_line_id == PurchaseOrderLine.id)
        .where(PurchaseOrderLine.allocated != purchase_allocated)
        .order_by(PurchaseOrderLine.id)
    )
    for number, position, allocated, quantity in rows:
        yield (
            f"Purchase order {number} line {position}: allocated is {format_quantity(allocated)}, its links hold "
            f"{format_quantity(quantity)}."
        )


def _sales_lines(session: Session) -> Iterator[str]:
    purchase_allocations = purchase_allocated_by_line()
    waiting = func.coalesce(Backorder.open_quantity, literal(Decimal(0), Quantity()))
    rows = session.execute(
        select(Order.number, OrderLine.position, purchase_allocations.c.purchase_allocated, waiting)
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(purchase_allocations, purchase_allocations.c.line_id == OrderLine.id)
        .outerjoin(OrderLine.backorders.and_(backorder_is_open()))
        .where(purchase_allocations.c.purchase_allocated > waiting)
        .order_by(OrderLine.id)
    )
    for number, position, purchase_allocated, quantity in rows:
        yield (
            f"Sales order {number} line {position}: {format_quantity(purchase_allocated)} are linked, only "
            f"{format_quantity(quantity)} are on backorder."
        )
