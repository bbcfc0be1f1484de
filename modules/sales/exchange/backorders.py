"""Backorders out, closed ones too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.exchange import ExportKind
from modules.inventory_lots.models import Product
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import purchase_allocated_quantities, select_lines
from modules.sales.states import BackorderState

BATCH = 5000


def _rows(session: Session) -> Iterator[Sequence[object]]:
    rows = session.execute(
        select_lines(
            Backorder.line_id,
            Order.number,
            OrderLine.position,
            Product.sku,
            Backorder.kind,
            Backorder.quantity,
            Backorder.open_quantity,
            Backorder.state,
            Backorder.created_at,
            through=Backorder.line,
        )
        .order_by(Order.id, OrderLine.position, Backorder.id)
        .execution_options(yield_per=BATCH)
    )
    for part in rows.partitions():
        # What a line has on purchase orders is shown with its open row: the closed ones wait for nothing more.
        waiting = [row.line_id for row in part if row.state == BackorderState.open]
        covered = purchase_allocated_quantities(session, waiting)
        for line_id, *columns, state, created_at in part:
            quantity = covered.get(line_id, Decimal(0)) if state == BackorderState.open else Decimal(0)
            yield (*columns, state, quantity, created_at)


BACKORDERS = ExportKind(
    name="backorders",
    title="Backorders",
    permission="sales.view",
    columns=(
        "order", "line", "sku", "kind", "quantity", "open_quantity", "state", "purchase_allocated", "created_at",
    ),
    rows=_rows,
)  # fmt: skip
