"""Overdue purchase order lines, and the order lines that are late only because of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_, select
from sqlalchemy.orm import Session

from erp.text import plural, say
from modules.inventory_lots.models import Balance
from modules.inventory_lots.queries import usable_condition
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.late_lines import is_late_line
from modules.preorder.queries.purchase_allocations import (
    open_purchase_allocations,
    with_purchase_lines,
)
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Supplier
from modules.sales.models import Allocation, Customer, Order, OrderLine
from modules.sales.queries import service_order

MOST_GROUPED = 500


def is_late_by_overdue_supply(today: date) -> ColumnElement[bool]:
    """Return the condition of a line that is late only because purchase order lines for it are overdue.

    Had they arrived when they were expected, its promise would have been kept: all of it is covered, stock allocated to
    it may leave, nothing of it is expected after its promise date, and it was not promised for before its launch.
    """
    incoming = with_purchase_lines(PurchaseAllocation.id).where(PurchaseAllocation.line_id == OrderLine.id)
    expected = PurchaseOrderLine.expected_on
    too_late = incoming.where(or_(expected.is_(None), expected > OrderLine.promise_date))
    blocked = (
        select(Allocation.id)
        .join(Allocation.balance)
        .join(Balance.lot)
        .join(Balance.location)
        .where(Allocation.line_id == OrderLine.id, Allocation.is_unpacked, not_(usable_condition(today)))
    )
    launched_late = select(ProductPreorder.product_id).where(
        ProductPreorder.product_id == OrderLine.product_id, ProductPreorder.launch_date > OrderLine.promise_date
    )
    return and_(
        is_late_line(today),
        OrderLine.promise_date.is_not(None),
        OrderLine.uncovered <= Decimal(0),
        incoming.where(expected < today).correlate(OrderLine).exists(),
        not_(too_late.correlate(OrderLine).exists()),
        not_(blocked.correlate(OrderLine).exists()),
        not_(and_(OrderLine.is_preorder, launched_late.correlate(OrderLine).exists())),
    )


@dataclass(frozen=True)
class OverdueSupply:
    """A purchase order line that is overdue, and the lines that are late only because of that, first served first."""

    line_id: int
    order_id: int
    name: str
    supplier: str
    expected_on: date
    quantity: Decimal
    lines: Sequence[Any]
    days: int

    def __str__(self) -> str:
        return say("{name} overdue by {days}", name=self.name, days=plural(self.days, "day"))


def overdue_supply(session: Session, today: date) -> tuple[list[OverdueSupply], bool]:
    """Return the overdue purchase order lines that make lines late, the longest overdue first.

    Also return whether these are all: no more than MOST_GROUPED quantities are read. A line that waits for two of them
    stands under both.
    """
    rows = session.execute(
        open_purchase_allocations(session, PurchaseOrderLine.expected_on < today, is_late_by_overdue_supply(today))
        .join(Order.customer)
        .join(PurchaseOrder.supplier)
        .with_only_columns(
            PurchaseOrderLine.id.label("purchase_line_id"),
            PurchaseOrder.id.label("purchase_order_id"),
            PurchaseOrder.number.label("purchase_order"),
            PurchaseOrderLine.position.label("purchase_position"),
            PurchaseOrderLine.expected_on,
            Supplier.name.label("supplier"),
            Order.id.label("order_id"),
            Order.number,
            OrderLine.position,
            Customer.name.label("customer"),
            OrderLine.promise_date,
            PurchaseAllocation.outstanding.label("outstanding"),
        )
        .order_by(None)
        .order_by(PurchaseOrderLine.expected_on, PurchaseOrderLine.id, *service_order(session), PurchaseAllocation.id)
        .limit(MOST_GROUPED + 1)
    ).all()
    groups = groupby(rows[:MOST_GROUPED], key=lambda row: row.purchase_line_id)
    return [_overdue(list(lines), today) for _, lines in groups], len(rows) <= MOST_GROUPED


def _overdue(rows: Sequence[Any], today: date) -> OverdueSupply:
    first = rows[0]
    return OverdueSupply(
        line_id=first.purchase_line_id,
        order_id=first.purchase_order_id,
        name=f"{first.purchase_order}/{first.purchase_position}",
        supplier=first.supplier,
        expected_on=first.expected_on,
        quantity=sum((row.outstanding for row in rows), Decimal(0)),
        lines=rows,
        days=(today - first.expected_on).days,
    )
