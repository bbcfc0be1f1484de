"""Allocations out: the allocations of each line on lots, and its purchase allocations."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

from sqlalchemy import literal, null
from sqlalchemy.orm import Session

from erp.exchange import ExportKind
from modules.inventory_lots.models import Location, Lot, Product
from modules.sales.hooks import AllocationRow, incoming_allocations
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import select_allocations

BATCH = 5000


def _rows(session: Session) -> Iterator[Sequence[object]]:
    sources = [_lots(session), *incoming_allocations(session)]
    # Equal keys keep the order of the sources: lots before purchase.
    for row in heapq.merge(*sources, key=lambda row: (row.order_id, row.line)):
        yield row[1:]


def _lots(session: Session) -> Iterator[AllocationRow]:
    rows = session.execute(
        select_allocations(
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
