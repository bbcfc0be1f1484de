"""Backorders out, closed ones too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import ExportKind
from modules.inventory_lots.models import Product
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries.screens import purchase_allocated_quantities
from modules.sales.states import BackorderState

BATCH = 5000


def _rows(session: Session) -> Iterator[Sequence[object]]:
    rows = session.execute(
        select(
            Backorder.line_id,
            Order.number,
            OrderLine.position,
            Product.sku,
            Backorder.kind,
            Backorder.quantity,
            Backorder.open_quantity,
            Backorder.state,
            Backorder.created_at,
        )
        .join(OrderLine, OrderLine.id == Backorder.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .order_by(Order.id, OrderLine.position, Backorder.id)
        .execution_options(yield_per=BATCH)
    )
    for part in rows.partitions():
        # What is on its way for a line stands beside its open row: the closed ones want nothing more.
        waiting = [row.line_id for row in part if row.state == BackorderState.open]
        on_its_way = purchase_allocated_quantities(session, waiting)
        for line_id, *columns, state, created_at in part:
            purchase_allocated = on_its_way.get(line_id, Decimal(0)) if state == BackorderState.open else Decimal(0)
            yield (*columns, state, purchase_allocated, created_at)


BACKORDERS = ExportKind(
    name="backorders",
    title="Backorders",
    permission="sales.view",
    columns=(
        "order", "line", "sku", "kind", "quantity", "open_quantity", "state", "purchase_allocated", "created_at",
    ),
    rows=_rows,
)  # fmt: skip
