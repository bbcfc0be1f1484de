"""The invariants of purchase orders, computed again from the rows themselves for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Subquery, and_, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.elements import SQLCoreOperations

from erp.db import Quantity, total
from erp.numbers import format_quantity
from erp.text import say, word
from modules.inventory_lots.models import Balance
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt, ReceiptReversal
from modules.procurement.states import PurchaseState


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each purchase order or line that breaks an invariant."""
    yield from _counters(session)
    yield from _receipts(session)
    yield from _reversals(session)
    yield from _foreign_receipts(session)
    yield from _states(session)


def _counters(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    broken = or_(
        line.quantity <= 0,
        line.received < 0,
        line.cancelled < 0,
        line.cancelled > line.quantity,
        line.allocated < 0,
        and_(line.taken > 0, line.unallocated < 0),
    )
    for found in session.scalars(select(line).where(broken).options(joinedload(line.order)).order_by(line.id)):
        yield say(
            "{found}: ordered {quantity}, received {received}, cancelled {cancelled}, allocated {allocated} "
            "do not add up.",
            found=str(found),
            quantity=format_quantity(found.quantity),
            received=format_quantity(found.received),
            cancelled=format_quantity(found.cancelled),
            allocated=format_quantity(found.allocated),
        )


def _sums(key: Any, quantity: SQLCoreOperations[Decimal], name: str) -> Subquery:
    """Return the sums of a quantity by a key, as a subquery with the column `name`."""
    return select(key, total(quantity).label(name)).group_by(key).subquery()


def _receipts(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    sums = _sums(Receipt.line_id, Receipt.quantity - Receipt.reversed, "receipts")
    rows = select(line, sums.c.receipts).outerjoin(sums, sums.c.line_id == line.id).options(joinedload(line.order))
    unequal = or_(line.received != sums.c.receipts, and_(line.received != Decimal(0), sums.c.receipts.is_(None)))
    for found, receipts in session.execute(rows.where(unequal).order_by(line.id)):
        yield say(
            "{found}: {received} received, but its receipts add up to {receipts}.",
            found=str(found),
            received=format_quantity(found.received),
            receipts=format_quantity(receipts or Decimal(0)),
        )


def _reversals(session: Session) -> Iterator[str]:
    sums = _sums(ReceiptReversal.receipt_id, ReceiptReversal.quantity, "reversals")
    reversals = func.coalesce(sums.c.reversals, literal(Decimal(0), Quantity()))
    rows = select(Receipt, reversals).outerjoin(sums, sums.c.receipt_id == Receipt.id).order_by(Receipt.id)
    for receipt, quantity in session.execute(rows.where(Receipt.reversed != reversals)):
        yield say(
            "{receipt}: {reversed} reversed, but its reversals add up to {quantity}.",
            receipt=str(receipt),
            reversed=format_quantity(receipt.reversed),
            quantity=format_quantity(quantity),
        )


def _foreign_receipts(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    rows = (
        select(Receipt.id, line).join(line, line.id == Receipt.line_id).join(Balance, Balance.id == Receipt.balance_id)
    )
    rows = rows.where(Balance.product_id != line.product_id).options(joinedload(line.order)).order_by(Receipt.id)
    for receipt_id, found in session.execute(rows):
        yield say("{found}: receipt {receipt_id} is of another product.", found=str(found), receipt_id=receipt_id)


def _states(session: Session) -> Iterator[str]:
    """An open order has something outstanding; one that is received or cancelled has not."""
    line, order = PurchaseOrderLine, PurchaseOrder
    has_outstanding = select(line.id).where(line.order_id == order.id, line.has_outstanding).exists()
    has_received = select(line.id).where(line.order_id == order.id, line.received > Decimal(0)).exists()
    broken = or_(
        and_(order.is_open, ~has_outstanding),
        and_(order.state.in_((PurchaseState.received, PurchaseState.cancelled)), has_outstanding),
        and_(order.state == PurchaseState.ordered, has_received),
        and_(order.state.in_((PurchaseState.partly_received, PurchaseState.received)), ~has_received),
        and_(order.state.in_((PurchaseState.draft, PurchaseState.cancelled)), has_received),
    )
    for found in session.scalars(select(order).where(broken).order_by(order.id)):
        yield say(
            "{found}: the order is {state}, but its lines say otherwise.", found=str(found), state=word(found.state)
        )
