"""What must always hold of links, recomputed from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from erp.db import Quantity, format_quantity, total
from modules.preorder.models import Link
from modules.preorder.queries.links import linked_sum, open_link
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import backorder_is_open


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each purchase or sales order line whose links do not add up."""
    yield from _purchase_lines(session)
    yield from _sales_lines(session)


def _purchase_lines(session: Session) -> Iterator[str]:
    links = (
        select(Link.purchase_line_id, total(Link.outstanding).label("linked"))
        .where(open_link())
        .group_by(Link.purchase_line_id)
        .subquery()
    )
    linked = func.coalesce(links.c.linked, literal(Decimal(0), Quantity()))
    rows = session.execute(
        select(PurchaseOrder.number, PurchaseOrderLine.position, PurchaseOrderLine.allocated, linked)
        .select_from(PurchaseOrderLine)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .outerjoin(links, links.c.purchase_line_id == PurchaseOrderLine.id)
        .where(PurchaseOrderLine.allocated != linked)
        .order_by(PurchaseOrderLine.id)
    )
    for number, position, allocated, quantity in rows:
        yield (
            f"Purchase order {number} line {position}: allocated is {format_quantity(allocated)}, its links hold "
            f"{format_quantity(quantity)}."
        )


def _sales_lines(session: Session) -> Iterator[str]:
    links = linked_sum()
    waiting = func.coalesce(Backorder.open_quantity, literal(Decimal(0), Quantity()))
    rows = session.execute(
        select(Order.number, OrderLine.position, links.c.linked, waiting)
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(links, links.c.line_id == OrderLine.id)
        .outerjoin(OrderLine.backorders.and_(backorder_is_open()))
        .where(links.c.linked > waiting)
        .order_by(OrderLine.id)
    )
    for number, position, linked, quantity in rows:
        yield (
            f"Sales order {number} line {position}: {format_quantity(linked)} are linked, only "
            f"{format_quantity(quantity)} are on backorder."
        )
