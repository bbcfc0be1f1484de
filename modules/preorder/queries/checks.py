"""The invariants of purchase allocations, recomputed from the rows for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import chain
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from erp.db import format_quantity, from_raw, total
from erp.numbers import sums
from erp.text import say
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.preorder.queries.purchase_allocations import NOTHING, purchase_allocated_by_line, with_purchase_lines
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt, SupplyHold
from modules.sales.hooks import incoming_holdings
from modules.sales.models import Allocation, Backorder, Order, OrderLine, QuotePart, quote_name
from modules.sales.queries import quotes_held_otherwise


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for what does not add up of purchase allocations, and of what receipts made of them."""
    yield from _purchase_lines(session)
    yield from _sales_lines(session)
    yield from _incoming(session)
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


def _incoming(session: Session) -> Iterator[str]:
    """Yield a sentence for each line that counts another quantity as incoming, or of which something comes later."""
    last_on = func.max(func.coalesce(PurchaseOrderLine.expected_on, date.max)).label("last_on")
    held = total(PurchaseAllocation.outstanding).label("quantity")
    of_lines = with_purchase_lines(PurchaseAllocation.line_id, held, last_on)
    held_by = of_lines.group_by(PurchaseAllocation.line_id).subquery()
    is_later = held_by.c.last_on > OrderLine.last_incoming_on
    is_other = OrderLine.incoming != func.coalesce(held_by.c.quantity, NOTHING)
    rows = session.execute(
        select(
            *(OrderLine.id, Order.number, OrderLine.position, OrderLine.incoming, OrderLine.last_incoming_on), is_later
        )
        .select_from(OrderLine)
        .join(OrderLine.order)
        .outerjoin(held_by, held_by.c.line_id == OrderLine.id)
        .where(or_(is_other, is_later))
        .order_by(OrderLine.id)
    ).all()
    # What other modules reserve counts, too.
    holdings = chain(*incoming_holdings(session, [row.id for row in rows]) if rows else ())
    reserved = sums((each.line_id, each.quantity) for each in holdings)
    for id_, number, position, incoming, last, comes_later in rows:
        of_line = {"number": number, "position": position}
        if comes_later:
            sentence = "Sales order {number} line {position}: something of what is incoming comes after {last}."
            yield say(sentence, **of_line, last=last)
        quantity = from_raw(reserved.get(id_, 0))
        if incoming != quantity:
            yield say(
                "Sales order {number} line {position}: incoming is {incoming}, {quantity} are reserved for it.",
                **of_line,
                incoming=format_quantity(incoming),
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
