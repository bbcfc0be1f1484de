"""Columns and panels that several screens of stock show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import ExtraColumns
from modules.inventory_lots import queries
from modules.inventory_lots.queries.screens import NOTHING, Totals

Read = Callable[[Session, Iterable[int]], Mapping[int, Totals]]


ALLOCATIONS_SHOWN = 100


def allocations_shown(session: Session, places: Mapping[int, str]) -> dict[str, Any]:
    """Return what the panel of claims shows of balances: who holds what, and where (`places`, by balance id)."""
    held = queries.allocations(session, list(places))
    return {"allocations": held[:ALLOCATIONS_SHOWN], "more": len(held) - ALLOCATIONS_SHOWN, "places": places}


def totals_columns(read: Read) -> tuple[ExtraColumns]:
    """Return the columns on hand, allocated and available."""

    def values(session: Session, rows: Sequence[Any]) -> Mapping[int, Totals]:
        found = read(session, [row.id for row in rows])
        return {row.id: found.get(row.id, NOTHING) for row in rows}

    labels = (("on_hand", "On hand"), ("allocated", "Allocated"), ("available", "Available"))
    return (ExtraColumns(labels, values),)
