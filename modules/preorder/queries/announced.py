"""What programs are told of facts of preorder, as JSON has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from erp.api import Announcement, Said
from erp.db import format_quantity, is_one_of
from modules.inventory_lots.models import Product
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Customer, Order, OrderLine


def say_purchase_allocated(session: Session, fact: PurchaseAllocated) -> list[Said]:
    """Return the purchase allocations that were made: for which line, how much, and when it is expected."""
    columns = (
        *(Order.number, Customer.code, OrderLine.position, Product.sku, PurchaseAllocation.quantity),
        *(PurchaseOrder.number, PurchaseOrderLine.position, PurchaseOrderLine.expected_on),
    )
    rows = (
        select(*columns)
        .select_from(PurchaseAllocation)
        .join(PurchaseAllocation.line)
        .join(OrderLine.order)
        .join(Order.customer)
        .join(OrderLine.product)
        .join(PurchaseAllocation.purchase_line)
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, PurchaseAllocation.id, fact.purchase_allocation_ids))
        .order_by(PurchaseAllocation.id)
    )
    return [
        Said(
            {
                "order": order,
                "customer": customer,
                "line": line,
                "sku": sku,
                "quantity": format_quantity(quantity),
                "purchase_order": number,
                "purchase_line": position,
                "expected_on": expected_on and expected_on.isoformat(),
            }
        )
        for order, customer, line, sku, quantity, number, position, expected_on in session.execute(rows)
    ]


def say_purchase_allocations_removed(session: Session, fact: PurchaseAllocationRemoved) -> list[Said]:
    """Return each line of which nothing is outstanding any more on an incoming line, with that line."""
    names = ("order", "customer", "line", "sku", "purchase_order", "purchase_line")
    columns = (Order.number, Customer.code, OrderLine.position, Product.sku)
    rows = (
        select(OrderLine.id, PurchaseOrderLine.id, *columns, PurchaseOrder.number, PurchaseOrderLine.position)
        .select_from(OrderLine)
        .join(OrderLine.order)
        .join(Order.customer)
        .join(OrderLine.product)
        .join(PurchaseOrderLine, PurchaseOrderLine.product_id == OrderLine.product_id)
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, OrderLine.id, {pair.line_id for pair in fact.pairs}))
        .where(is_one_of(session, PurchaseOrderLine.id, {pair.purchase_line_id for pair in fact.pairs}))
        .order_by(OrderLine.id, PurchaseOrderLine.id)
    )
    concerned = set(fact.pairs)
    return [
        Said(dict(zip(names, shown, strict=True)))
        for line_id, purchase_line_id, *shown in session.execute(rows)
        if (line_id, purchase_line_id) in concerned
    ]


def is_purchase_allocated(session: Session, data: Mapping[str, Any]) -> bool:
    """Say whether a line still has something of the incoming goods that were to be told of, or got it."""
    rows = (
        select(PurchaseAllocation.id)
        .join(PurchaseAllocation.line)
        .join(OrderLine.order)
        .join(PurchaseAllocation.purchase_line)
        .join(PurchaseOrderLine.order)
        .where(
            *(Order.number == data["order"], OrderLine.position == data["line"]),
            *(PurchaseOrder.number == data["purchase_order"], PurchaseOrderLine.position == data["purchase_line"]),
            or_(PurchaseAllocation.is_open, PurchaseAllocation.received > 0),
        )
    )
    return session.scalar(rows.limit(1)) is not None


PURCHASE_ALLOCATED = Announcement(
    "purchase-allocated",
    "Incoming goods were allocated to a line",
    PurchaseAllocated,
    say_purchase_allocated,
    is_purchase_allocated,
)


def is_not_purchase_allocated(session: Session, data: Mapping[str, Any]) -> bool:
    """Say whether a line has still nothing of the incoming goods that were taken from it."""
    return not is_purchase_allocated(session, data)


PURCHASE_ALLOCATION_REMOVED = Announcement(
    "purchase-allocation-removed",
    "Incoming goods were taken from a line",
    PurchaseAllocationRemoved,
    say_purchase_allocations_removed,
    is_not_purchase_allocated,
)


def announcements_of_preorder(_session: Session) -> list[Announcement]:
    """Answer of which facts of preorder programs can be told."""
    return [PURCHASE_ALLOCATED, PURCHASE_ALLOCATION_REMOVED]
