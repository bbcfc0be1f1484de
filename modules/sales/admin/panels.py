"""What stands below an order's lines: its allocation lines, backorder lines and packs."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Panel
from modules.sales.queries.screens import (
    allocation_rows,
    backorder_rows,
    is_allocating_purchases,
    pack_rows,
    purchase_allocated_quantities,
)
from modules.sales.states import BackorderState, OrderState


def _allocations(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = allocation_rows(session, order.id)
    return {"allocations": rows} if rows or order.state != OrderState.draft else None


def _backorders(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = backorder_rows(session, order.id)
    on_its_way = purchase_allocated_quantities(
        session, [row.line_id for row in rows if row.state == BackorderState.open]
    )
    return (
        {"backorders": rows, "purchase_allocated": on_its_way, "is_allocating_purchases": is_allocating_purchases()}
        if rows
        else None
    )


def _packs(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = pack_rows(session, order.id)
    packs = [(pack_id, list(lines)) for pack_id, lines in groupby(rows, key=lambda row: row.pack_id)]
    return {"packs": packs} if packs else None


PANELS = (
    Panel("Allocation lines", "sales/allocations.html", _allocations),
    Panel("Backorder lines", "sales/backorders.html", _backorders),
    Panel("Packs", "sales/packs.html", _packs),
)
