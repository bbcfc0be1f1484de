"""Panels and columns that several screens of stock show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from erp.admin import ExtraColumns
from modules.inventory_lots import queries
from modules.inventory_lots.queries import NO_STOCK, ROWS_SHOWN, Totals

ALLOCATIONS_SHOWN = 100


def balances_panel(session: Session, condition: ColumnElement[bool], *, search: str) -> dict[str, Any]:
    """Return the context of the panel of balances; `search` finds them all in the list."""
    return {"stock": queries.stock_on_hand(session, condition), "most": ROWS_SHOWN, "search": search}


def allocations_panel(session: Session, where: Mapping[int, str]) -> dict[str, Any]:
    """Return the context of the panel of allocations on balances; `where` names the place of each by its id."""
    allocations = queries.allocations(session, list(where))
    return {
        "allocations": allocations[:ALLOCATIONS_SHOWN],
        "more": len(allocations) - ALLOCATIONS_SHOWN,
        "where": where,
    }


def moves_panel(session: Session, *conditions: ColumnElement[bool], search: str) -> dict[str, Any]:
    """Return the context of the panel of moves; `search` finds them all in the list."""
    return {"moves": queries.moves(session, *conditions), "most": ROWS_SHOWN, "search": search}


def totals_columns(read: Callable[[Session, Iterable[int]], Mapping[int, Totals]]) -> tuple[ExtraColumns]:
    """Return the columns on hand, allocated and available, which are read together."""

    def values(session: Session, rows: Sequence[Any]) -> Mapping[int, Totals]:
        totals = read(session, [row.id for row in rows])
        return {row.id: totals.get(row.id, NO_STOCK) for row in rows}

    return (ExtraColumns((("on_hand", "On hand"), ("allocated", "Allocated"), ("available", "Available")), values),)
