"""How pages show the values of the history, which are kept as text."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Boolean, Date, Enum

from erp.admin.formatting import day, instant, words
from erp.admin.numerals import quantity
from erp.db import Model, Scaled, UtcDateTime
from erp.models import HistoryEntry
from erp.text import named, say

_DRAFT = re.compile(r"(?:Draft) (\d{1,15})")
_READERS: tuple[tuple[type[Any], Callable[[str], Any]], ...] = (
    (Date, lambda text: day(date.fromisoformat(text))),
    (UtcDateTime, lambda text: instant(datetime.fromisoformat(text))),
    (Scaled, lambda text: quantity(Decimal(text))),
    (Boolean, named),
    (Enum, words),
)


def recorded(value: str, field: str) -> Any:
    """Return the old or the new value of a field as its own column is shown; a value that is no such thing stays."""
    reader = _readers().get(field)
    try:
        return reader(value) if reader and value else value
    except (ValueError, ArithmeticError):
        return value


def recorded_name(entry: HistoryEntry) -> str:
    """Return the name that the document of an entry had; a draft without a number has its name in English there."""
    draft = _DRAFT.fullmatch(entry.document_name)
    return say("Draft {id}", id=int(draft[1])) if draft else entry.document_name or entry.document


@cache
def _readers() -> dict[str, Callable[[str], Any]]:
    """Return how the values of a field are read, for the names that columns of one kind alone have."""
    found: dict[str, set[Callable[[str], Any] | None]] = {}
    for table in Model.metadata.tables.values():
        for column in table.columns:
            reader = next((read for kind, read in _READERS if isinstance(column.type, kind)), None)
            found.setdefault(column.key, set()).add(reader)
    return {name: reader for name, readers in found.items() if len(readers) == 1 and (reader := next(iter(readers)))}
