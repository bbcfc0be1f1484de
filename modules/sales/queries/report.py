"""What an allocation did for an order, line by line: taken from where, backordered, linked, and why the rest is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import format_quantity
from erp.options import options
from modules.inventory_lots.states import Tracking
from modules.sales.hooks import SupplyNote, purchase_allocation_notes
from modules.sales.models import OrderLine
from modules.sales.queries.screens import Supply, allocated_in_run, backordered, supplies


@dataclass(frozen=True)
class LineReport:
    """What one line got. `taken` are this run's allocations; `remainder` is what stock and links do not cover."""

    line_id: int
    position: int
    product: str
    unit: str
    open_quantity: Decimal
    allocated: Decimal
    taken: Sequence[Any]
    backordered: Decimal
    purchase_allocations: Sequence[SupplyNote]
    remainder: Decimal
    why: str


def allocation_report(session: Session, order_id: int, run_id: int | None) -> list[LineReport]:
    """Return what a run did for each line of an order that is still open or got something."""
    rows = select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.position)
    lines = session.scalars(rows.options(joinedload(OrderLine.product))).all()
    ids = [line.id for line in lines]
    taken = allocated_in_run(session, order_id, run_id)
    waiting = backordered(session, ids)
    purchase_allocations = purchase_allocations_of(session, ids)
    stock = supplies(session, {line.product_id for line in lines})
    reports = [
        _report(
            line, taken.get(line.id, []), waiting.get(line.id, Decimal(0)), purchase_allocations.get(line.id, []), stock
        )
        for line in lines
    ]
    return [report for report in reports if report.open_quantity or report.taken]


def purchase_allocations_of(session: Session, line_ids: Sequence[int]) -> dict[int, list[SupplyNote]]:
    """Return the incoming supply that is linked to each of these lines."""
    notes: dict[int, list[SupplyNote]] = {}
    for answer in purchase_allocation_notes(session, line_ids):
        for line_id, found in answer.items():
            notes.setdefault(line_id, []).extend(found)
    return notes


def _report(
    line: OrderLine,
    taken: Sequence[Any],
    waiting: Decimal,
    purchase_allocations: Sequence[SupplyNote],
    stock: Mapping[int, Supply],
) -> LineReport:
    purchase_allocated = sum((note.quantity for note in purchase_allocations), Decimal(0))
    return LineReport(
        line_id=line.id,
        position=line.position,
        product=str(line.product),
        unit=line.product.unit,
        open_quantity=line.open_quantity,
        allocated=line.allocated,
        taken=taken,
        backordered=waiting,
        purchase_allocations=purchase_allocations,
        remainder=line.need - purchase_allocated,
        why=_why(line, waiting, stock.get(line.product_id, Supply())),
    )


def _why(line: OrderLine, waiting: Decimal, stock: Supply) -> str:
    """Say why stock does not cover all of a line; empty where it does."""
    if not line.need:
        return ""
    if line.product.tracking is Tracking.serial:
        return "Serial numbers are not allocated: they are asked for when the order is packed."
    unwritten = not options.sales.backorders and waiting < line.need
    return _shortage(stock) + (
        " Backorders are switched off, so the shortage is not written down." if unwritten else ""
    )


def _shortage(stock: Supply) -> str:
    parts = [f"{format_quantity(stock.allocated)} allocated to orders"] if stock.allocated else []
    parts += [f"{format_quantity(free)} {why}" for why, free in sorted((stock.unusable or {}).items())]
    if stock.available:
        return f"{format_quantity(stock.available)} are free and wait for the next run."
    return f"No usable stock is left: {', '.join(parts)}." if parts else "There is no stock of it."
