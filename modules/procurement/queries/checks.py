"""The invariants of purchase orders, computed again from the rows themselves for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from erp.db import total
from erp.numbers import format_quantity
from modules.inventory_lots.models import Balance
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt
from modules.procurement.queries.supply import SUPPLY_STATES, has_outstanding
from modules.procurement.states import PurchaseState


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each purchase order line or order that does not add up."""
    yield from _counters(session)
    yield from _receipts(session)
    yield from _foreign_receipts(session)
    yield from _states(session)


def _counters(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    left = line.quantity - line.received - line.cancelled
    broken = or_(
        line.quantity <= 0,
        line.received < 0,
        line.cancelled < 0,
        line.cancelled > line.quantity,
        line.allocated < 0,
        and_(line.allocated > 0, line.allocated > left),
    )
    for found in session.scalars(select(line).where(broken).options(joinedload(line.order)).order_by(line.id)):
        yield (
            f"{found}: ordered {format_quantity(found.quantity)}, received {format_quantity(found.received)}, "
            f"cancelled {format_quantity(found.cancelled)}, allocated {format_quantity(found.allocated)} "
            "do not add up."
        )


def _receipts(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    sums = select(Receipt.line_id, total(Receipt.quantity).label("arrived")).group_by(Receipt.line_id).subquery()
    rows = select(line, sums.c.arrived).outerjoin(sums, sums.c.line_id == line.id).options(joinedload(line.order))
    unequal = or_(line.received != sums.c.arrived, and_(line.received != Decimal(0), sums.c.arrived.is_(None)))
    for found, arrived in session.execute(rows.where(unequal).order_by(line.id)):
        yield (
            f"{found}: {format_quantity(found.received)} received, but its receipts add up to "
            f"{format_quantity(arrived or Decimal(0))}."
        )


def _foreign_receipts(session: Session) -> Iterator[str]:
    line = PurchaseOrderLine
    rows = (
        select(Receipt.id, line).join(line, line.id == Receipt.line_id).join(Balance, Balance.id == Receipt.balance_id)
    )
    rows = rows.where(Balance.product_id != line.product_id).options(joinedload(line.order)).order_by(Receipt.id)
    for receipt_id, found in session.execute(rows):
        yield f"{found}: receipt {receipt_id} is of another product."


def _states(session: Session) -> Iterator[str]:
    """An order on its way has something to come; one that is over has not."""
    line, order = PurchaseOrderLine, PurchaseOrder
    waits = select(line.id).where(line.order_id == order.id, has_outstanding()).exists()
    has_come = select(line.id).where(line.order_id == order.id, line.received > Decimal(0)).exists()
    broken = or_(
        and_(order.state.in_(SUPPLY_STATES), ~waits),
        and_(order.state.in_((PurchaseState.received, PurchaseState.cancelled)), waits),
        and_(order.state == PurchaseState.ordered, has_come),
        and_(order.state.in_((PurchaseState.partly_received, PurchaseState.received)), ~has_come),
        and_(order.state.in_((PurchaseState.draft, PurchaseState.cancelled)), has_come),
    )
    for found in session.scalars(select(order).where(broken).order_by(order.id)):
        yield f"{found}: the order is {found.state.replace('_', ' ')}, but its lines say otherwise."
