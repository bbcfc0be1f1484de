"""Allocations out: what each line holds in stock, and what is on its way for it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from sqlalchemy import literal, null, select
from sqlalchemy.orm import Session

from erp.exchange import ExportKind
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.sales.hooks import AllocationRow, incoming_allocations
from modules.sales.models import Allocation, Order, OrderLine

BATCH = 5000


def _rows(session: Session) -> Iterator[Sequence[object]]:
    sources = [_lots(session), *incoming_allocations(session)]
    # Equal keys keep the order of the sources: lots before purchase.
    for row in heapq.merge(*sources, key=lambda row: (row.order_id, row.line)):
        yield row[1:]


def _lots(session: Session) -> Iterator[AllocationRow]:
    rows = session.execute(
        select(
            Order.id,
            Order.number,
            OrderLine.position,
            Product.sku,
            literal("lot"),
            Lot.number,
            Location.path,
            null(),
            null(),
            Allocation.quantity,
            Allocation.packed,
            OrderLine.promise_date,
        )
        .select_from(Allocation)
        .join(OrderLine, OrderLine.id == Allocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .join(Balance, Balance.id == Allocation.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .order_by(Order.id, OrderLine.position, Allocation.id)
        .execution_options(yield_per=BATCH)
    )
    return (AllocationRow._make(row) for row in rows)


ALLOCATIONS = ExportKind(
    name="allocations",
    title="Allocations",
    permission="sales.view",
    columns=AllocationRow._fields[1:],
    rows=_rows,
)
