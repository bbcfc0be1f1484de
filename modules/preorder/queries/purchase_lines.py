"""Purchase order lines: what is incoming of a product, and what of it can still be allocated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import format_quantity, from_raw, is_one_of
from erp.numbers import sums
from erp.text import say
from modules.preorder.queries.arrivals import arrival_order, arrivals_now, is_overdue_too_long, is_promised_supply
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.queries import is_supply, unallocated_supply


class Available(NamedTuple):
    """The raw quantity of a purchase order line that can still be allocated, and when it is expected."""

    line_id: int
    product_id: int
    quantity: int
    expected_on: date | None


def available_lines(session: Session, product_ids: Iterable[int]) -> list[Available]:
    """Return what can still be allocated of these products, product by product in the order in which it serves demand.

    Supply that is overdue by more days than `[preorder] past_due_supply_days` is left out.
    """
    rows = unallocated_supply(session, product_ids).where(is_promised_supply())
    in_order = rows.order_by(None).order_by(PurchaseOrderLine.product_id, *arrival_order())
    return [Available._make(row) for row in session.execute(in_order)]


def available_by_product(session: Session, product_ids: Collection[int]) -> dict[int, Decimal]:
    """Return what can still be allocated of each product; a product with nothing is left out."""
    return sums((line.product_id, from_raw(line.quantity)) for line in available_lines(session, product_ids))


def available_of(line: PurchaseOrderLine) -> Decimal:
    """Return what can still be allocated of a purchase order line: nothing where it is overdue for too long."""
    return Decimal(0) if is_overdue_too_long(line.expected_on) else line.outstanding - line.allocated - line.held


@dataclass(frozen=True)
class Incoming:
    """A purchase order line of which something can still be allocated."""

    id: int
    order_id: int
    number: str
    position: int
    product_id: int
    supplier: str
    expected_on: date | None
    arrival: date | None
    outstanding: Decimal
    available: Decimal
    offered: Decimal

    @property
    def name(self) -> str:
        """The number of the order and the position of the line."""
        return f"{self.number}/{self.position}"

    def __str__(self) -> str:
        day = (
            say("expected {expected_on:%d %b %Y}", expected_on=self.expected_on)
            if self.expected_on
            else say("without a date")
        )
        return say("{available} of {name}, {day}", available=format_quantity(self.available), name=self.name, day=day)


def incoming_lines(session: Session, product_ids: Iterable[int], *, wanted: Decimal | None = None) -> list[Incoming]:
    """Return the purchase order lines of which something can still be allocated, in the order in which they serve.

    Each offers what is available of it, but no more than is `wanted`.
    """
    available = {line.line_id: from_raw(line.quantity) for line in available_lines(session, product_ids)}
    offered = {id_: quantity if wanted is None else min(quantity, wanted) for id_, quantity in available.items()}
    arrivals = arrivals_now()
    rows = session.execute(
        select(PurchaseOrderLine, PurchaseOrder, Supplier.name)
        .join(PurchaseOrderLine.order)
        .join(PurchaseOrder.supplier)
        .where(is_one_of(session, PurchaseOrderLine.id, available))
        .order_by(*arrival_order())
    )
    return [
        Incoming(
            line.id, order.id, order.name, line.position, line.product_id, supplier, line.expected_on,
            arrivals.arrival(line.expected_on), line.outstanding, available[line.id], offered[line.id],
        )
        for line, order, supplier in rows
    ]  # fmt: skip


def purchase_lines_of(session: Session, product_id: int) -> Sequence[Any]:
    """Return the purchase order lines of a product that are to come, in the order in which they serve demand."""
    return session.execute(
        select(
            PurchaseOrderLine.id,
            PurchaseOrder.id.label("order_id"),
            PurchaseOrder.number,
            PurchaseOrderLine.position,
            PurchaseOrderLine.expected_on,
            PurchaseOrderLine.outstanding.label("outstanding"),
            PurchaseOrderLine.allocated,
            PurchaseOrderLine.held,
        )
        .join(PurchaseOrderLine.order)
        .where(PurchaseOrderLine.product_id == product_id, is_supply())
        .order_by(*arrival_order())
    ).all()
