"""What the pages of links show: who is linked to a purchase order line, who could be, and to what."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import from_raw, is_one_of
from erp.models import HistoryEntry, RunEntry
from erp.options import options
from modules.inventory_lots.models import Product
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import (
    NOTHING,
    of_lines,
    open_purchase_allocations,
    purchase_allocated_by_line,
    purchase_allocated_to,
)
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.queries import is_supply, supply_order, unallocated_supply
from modules.sales.models import Backorder, Customer, Order, OrderLine
from modules.sales.queries import backorder_is_open, service_order
from modules.sales.states import OrderState

MOST_SHOWN = 500


_SHOWN = (
    PurchaseAllocation.id,
    PurchaseAllocation.line_id,
    PurchaseAllocation.purchase_line_id,
    Order.id.label("order_id"),
    Order.number,
    OrderLine.position,
    Customer.name.label("customer"),
    Order.ordered_at,
    Product.id.label("product_id"),
    Product.sku,
    Product.name.label("product"),
    PurchaseOrder.id.label("purchase_order_id"),
    PurchaseOrder.number.label("purchase_order"),
    PurchaseOrderLine.position.label("purchase_position"),
    PurchaseOrderLine.expected_on,
    PurchaseAllocation.quantity,
    PurchaseAllocation.received,
    PurchaseAllocation.outstanding.label("outstanding"),
    OrderLine.promise_date,
    OrderLine.is_promise_pinned,
    PurchaseAllocation.source,
    PurchaseAllocation.user_name,
    PurchaseAllocation.created_at,
    RunEntry.name.label("run_name"),
)


def purchase_allocations_to(
    session: Session, *conditions: ColumnElement[bool], limit: int | None = None
) -> Sequence[Any]:
    """Return open links that meet `conditions` on Link, in order of service, with both sides and how they came.

    With `limit`, no more than the first.
    """
    rows = (
        open_purchase_allocations(*conditions)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Product, Product.id == OrderLine.product_id)
        .join(RunEntry, RunEntry.id == PurchaseAllocation.run_id)
        .with_only_columns(*_SHOWN)
    )
    return session.execute(rows.limit(limit)).all()


def _waiting(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Select open backorders that links do not cover, in order of service."""
    purchase_allocated = purchase_allocated_by_line(of_lines(*conditions))
    on_its_way = func.coalesce(purchase_allocated.c.purchase_allocated, NOTHING)
    return (
        select(
            Backorder.id,
            OrderLine.id.label("line_id"),
            Order.id.label("order_id"),
            Order.number,
            OrderLine.position,
            Customer.name.label("customer"),
            Order.ordered_at,
            OrderLine.requested_on,
            OrderLine.promise_date,
            OrderLine.hold_allocation,
            Backorder.kind,
            Backorder.open_quantity.label("waiting"),
            on_its_way.label("purchase_allocated"),
            (Backorder.open_quantity - on_its_way).label("remainder"),
        )
        .select_from(Backorder)
        .join(OrderLine, and_(OrderLine.id == Backorder.line_id, backorder_is_open()))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .outerjoin(purchase_allocated, purchase_allocated.c.line_id == OrderLine.id)
        .where(Order.state == OrderState.confirmed, Backorder.open_quantity > on_its_way, *conditions)
        .order_by(*service_order())
    )


def waiting_lines(session: Session, product_id: int) -> Sequence[Any]:
    """Return the open backorders of a product that links do not cover, the first of them, in order of service.

    Lines on hold are among them: a person may link what automatic runs leave alone.
    """
    return session.execute(_waiting(OrderLine.product_id == product_id).limit(MOST_SHOWN)).all()


def is_unallocated() -> ColumnElement[bool]:
    """Return the condition of an open backorder that links do not cover."""
    return and_(backorder_is_open(), Backorder.open_quantity > purchase_allocated_to(Backorder.line_id))


def unallocated_incoming(session: Session, product_ids: Collection[int]) -> dict[int, Decimal]:
    """Return what may still be linked of each product that has any on its way."""
    available: dict[int, Decimal] = {}
    offered = session.execute(unallocated_supply(session, product_ids, options.preorder.past_due_supply_days))
    for _, product_id, quantity, _ in offered:
        available[product_id] = available.get(product_id, Decimal(0)) + from_raw(quantity)
    return available


def uncovered_remainder(session: Session, line: OrderLine) -> Decimal:
    """Return what of a sales order line neither stock nor links cover."""
    purchase_allocated = session.scalar(
        select(purchase_allocated_by_line(PurchaseAllocation.line_id == line.id).c.purchase_allocated)
    )
    return line.need - (purchase_allocated or Decimal(0))


def history_of_line(session: Session, line: OrderLine) -> tuple[Sequence[HistoryEntry], bool]:
    """Return the changes of a sales order line, latest first, and whether these are all of them."""
    subject = line.history_subject()
    entries = session.scalars(
        select(HistoryEntry)
        .where(
            HistoryEntry.document == subject.document,
            HistoryEntry.document_id == subject.id,
            HistoryEntry.line == subject.line,
        )
        .order_by(HistoryEntry.id.desc())
        .limit(MOST_SHOWN + 1)
    ).all()
    return entries[:MOST_SHOWN], len(entries) <= MOST_SHOWN


@dataclass(frozen=True)
class Incoming:
    """A purchase order line that still has something to link."""

    id: int
    order_id: int
    number: str
    position: int
    supplier: str
    expected_on: date | None
    outstanding: Decimal
    available: Decimal
    offered: Decimal

    @property
    def name(self) -> str:
        """What people call it."""
        return f"{self.number}/{self.position}"


def incoming_lines(session: Session, product_id: int, wanted: Decimal) -> list[Incoming]:
    """Return the purchase order lines of a product with something to link, in the order in which they serve demand.

    Each offers what it has, but no more than is wanted.
    """
    offered = session.execute(unallocated_supply(session, [product_id], options.preorder.past_due_supply_days))
    available = {line_id: from_raw(quantity) for line_id, _, quantity, _ in offered}
    rows = session.execute(
        select(PurchaseOrderLine, PurchaseOrder, Supplier.name)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .join(Supplier, Supplier.id == PurchaseOrder.supplier_id)
        .where(is_one_of(session, PurchaseOrderLine.id, available))
        .order_by(*supply_order())
    )
    return [
        Incoming(
            line.id, order.id, order.name, line.position, supplier, line.expected_on, line.outstanding,
            available[line.id], min(available[line.id], wanted),
        )
        for line, order, supplier in rows
    ]  # fmt: skip


def available_of(line: PurchaseOrderLine) -> Decimal:
    """Return what of a purchase order line may still be linked: nothing of one that is overdue for too long."""
    return Decimal(0) if is_overdue_too_long(line.expected_on) else line.outstanding - line.allocated


def is_overdue_too_long(expected_on: date | None) -> bool:
    """Say whether supply is overdue by more days than `[preorder] past_due_supply_days` allows."""
    days = options.preorder.past_due_supply_days
    return days is not None and expected_on is not None and expected_on < clock.today() - timedelta(days=days)


def purchase_lines_of(session: Session, product_id: int) -> Sequence[Any]:
    """Return what is on its way of a product, line by line in the order in which it serves demand."""
    return session.execute(
        select(
            PurchaseOrderLine.id,
            PurchaseOrder.id.label("order_id"),
            PurchaseOrder.number,
            PurchaseOrderLine.position,
            PurchaseOrderLine.expected_on,
            PurchaseOrderLine.outstanding.label("outstanding"),
            PurchaseOrderLine.allocated,
        )
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(PurchaseOrderLine.product_id == product_id, is_supply())
        .order_by(*supply_order())
    ).all()
