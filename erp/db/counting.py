"""Counts that stop where more of them says nothing more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, select

MOST_COUNTED = 10_000


def bounded_count(rows: Select[Any]) -> Any:
    """Return how many rows a select finds, as an expression; one more than MOST_COUNTED where there are more."""
    return select(func.count()).select_from(rows.limit(MOST_COUNTED + 1).subquery()).scalar_subquery()
