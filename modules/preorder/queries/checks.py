"""The invariants of purchase allocations, recomputed from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from erp.db import format_quantity, total
from erp.text import say
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.preorder.queries.purchase_allocations import NOTHING, purchase_allocated_by_line
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt, SupplyHold
from modules.sales.models import Allocation, Backorder, Order, OrderLine, QuotePart, quote_name
from modules.sales.queries import quotes_held_otherwise


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for what does not add up of purchase allocations, and of what receipts made of them."""
    yield from _purchase_lines(session)
    yield from _sales_lines(session)
    yield from _conversions(session)
    yield from _quotes(session)


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
        yield say(
            "Purchase order {number} line {position}: allocated is {allocated}, its purchase allocations "
            "hold {quantity}.",
            number=number,
            position=position,
            allocated=format_quantity(allocated),
            quantity=format_quantity(quantity),
        )


def _quotes(session: Session) -> Iterator[str]:
    rows = quotes_held_otherwise(SupplyHold, QuotePart.supply_kind == PURCHASE_LINE)
    for quote_id, promised, held in session.execute(rows):
        yield say(
            "Quote {quote} promises {promised} of purchase orders, {held} are held for it.",
            quote=quote_name(quote_id),
            promised=format_quantity(promised),
            held=format_quantity(held),
        )


def _sales_lines(session: Session) -> Iterator[str]:
    sums = purchase_allocated_by_line()
    waiting = func.coalesce(Backorder.open_quantity, NOTHING)
    rows = session.execute(
        select(Order.number, OrderLine.position, sums.c.purchase_allocated, waiting)
        .select_from(OrderLine)
        .join(OrderLine.order)
        .join(sums, sums.c.line_id == OrderLine.id)
        .outerjoin(OrderLine.backorders.and_(Backorder.is_open))
        .where(sums.c.purchase_allocated > waiting)
        .order_by(OrderLine.id)
    )
    for number, position, purchase_allocated, quantity in rows:
        yield say(
            "Sales order {number} line {position}: {purchase_allocated} are on purchase orders, only "
            "{quantity} are on backorder.",
            number=number,
            position=position,
            purchase_allocated=format_quantity(purchase_allocated),
            quantity=format_quantity(quantity),
        )


def _conversions(session: Session) -> Iterator[str]:
    received = _moved_beyond(Conversion.purchase_allocation_id, PurchaseAllocation.id, PurchaseAllocation.received)
    for id_, quantity, turned in session.execute(received):
        yield say(
            "Purchase allocation {id}: receipts turned {turned} of it into allocations, only {quantity} are received.",
            id=id_,
            turned=format_quantity(turned),
            quantity=format_quantity(quantity),
        )
    for id_, quantity, turned in session.execute(_moved_beyond(Conversion.receipt_id, Receipt.id, Receipt.quantity)):
        yield say(
            "Receipt {id}: {turned} of it are allocations of purchase allocations, only {quantity} came.",
            id=id_,
            turned=format_quantity(turned),
            quantity=format_quantity(quantity),
        )
    for id_, receipt_id in session.execute(_mismatched().order_by(Conversion.id)):
        yield say(
            "Conversion {id} of receipt {receipt_id}: its documents are not about the same lines and balance.",
            id=id_,
            receipt_id=receipt_id,
        )


def _moved_beyond(
    key: InstrumentedAttribute[int], id_: InstrumentedAttribute[int], quantity: InstrumentedAttribute[Decimal]
) -> Select[*tuple[Any, ...]]:
    """Select the rows of which conversions by this key moved more than a quantity of theirs: id, quantity, moved."""
    moved = select(key.label("id"), total(Conversion.quantity).label("moved")).group_by(key).subquery()
    rows = select(id_, quantity, moved.c.moved).join(moved, moved.c.id == id_)
    return rows.where(moved.c.moved > quantity).order_by(id_)


def _mismatched() -> Select[int, int]:
    """Select the conversions whose receipt, purchase allocation, allocation and backorder do not belong together."""
    return (
        select(Conversion.id, Conversion.receipt_id)
        .join(Receipt, Receipt.id == Conversion.receipt_id)
        .join(Conversion.purchase_allocation)
        .outerjoin(Conversion.allocation)
        .outerjoin(Backorder, Backorder.id == Conversion.backorder_id)
        .where(
            or_(
                Receipt.line_id != PurchaseAllocation.purchase_line_id,
                Allocation.line_id != PurchaseAllocation.line_id,
                Allocation.balance_id != Receipt.balance_id,
                Backorder.line_id != PurchaseAllocation.line_id,
            )
        )
    )
