"""Columns and panels that several screens of stock show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ExtraColumn
from modules.inventory_lots import queries
from modules.inventory_lots.queries.screens import NOTHING, Totals

Read = Callable[[Session, Iterable[int]], Mapping[int, Totals]]


ALLOCATIONS_SHOWN = 100


def allocations_shown(session: Session, places: Mapping[int, str]) -> dict[str, Any]:
    """Return what the panel of claims shows of balances: who holds what, and where (`places`, by balance id)."""
    held = queries.allocations(session, list(places))
    return {"allocations": held[:ALLOCATIONS_SHOWN], "more": len(held) - ALLOCATIONS_SHOWN, "places": places}


def totals_columns(read: Read) -> tuple[ExtraColumn, ...]:
    """Return the columns on hand, allocated and available."""

    def column(name: str, label: str) -> ExtraColumn:
        def values(session: Session, rows: Sequence[Any]) -> Mapping[int, Any]:
            found = read(session, [row.id for row in rows])
            return {row.id: getattr(found.get(row.id, NOTHING), name) for row in rows}

        return ExtraColumn(name, label, values)

    return column("on_hand", "On hand"), column("allocated", "Allocated"), column("available", "Available")
