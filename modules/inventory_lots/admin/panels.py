"""Panels and columns that several screens of stock show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from erp.admin import ExtraColumns, Panel
from erp.text import say
from modules.inventory_lots import queries
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.queries import NO_STOCK, ROWS_SHOWN, Totals

ALLOCATIONS_SHOWN = 100


def stock_panels(key: str, search: str, *, with_lot: bool = False) -> tuple[Panel, Panel, Panel]:
    """Return the panels of a product's or a lot's stock, allocations and moves.

    `key` names the column that points to it, `search` its attribute by which the lists find them all.
    """

    def balances(session: Session, row: Any) -> dict[str, Any]:
        stock = queries.stock_on_hand(session, getattr(Balance, key) == row.id)
        return {"stock": stock, "with_lot": with_lot, "most": ROWS_SHOWN, "search": getattr(row, search)}

    def allocations(session: Session, row: Any) -> dict[str, Any]:
        stock = queries.stock_on_hand(session, getattr(Balance, key) == row.id)
        where = (
            (each, say("{lot} at {location}", lot=each.lot, location=each.location) if with_lot else each.location)
            for each in stock
        )
        return allocations_panel(
            session, {each.balance_id: place for each, place in where if each.allocated or each.held}
        )

    def moves(session: Session, row: Any) -> dict[str, Any]:
        found = moves_panel(session, getattr(StockMove, key) == row.id, search=getattr(row, search))
        return {"with_lot": with_lot, **found}

    return (
        Panel("Stock", "inventory_lots/balances.html", balances),
        Panel("Allocated to", "inventory_lots/allocations.html", allocations),
        Panel("Stock moves", "inventory_lots/moves.html", moves),
    )


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
