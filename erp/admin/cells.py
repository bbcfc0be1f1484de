"""Cells and heads of tables, ready for the page, and which columns of a list a user sees."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from html import unescape
from typing import Any, NamedTuple, TypeVar

from erp.admin.formatting import cell, cell_of_type, is_number, is_numeric_type

LONG_TEXT = 18
_TAG = re.compile(r"<[^>]*>")

T = TypeVar("T")


@dataclass(frozen=True)
class Heading:
    """The head of a column; `sort` is its place in the address, None where the list cannot be sorted by it.

    `total` is the sum of the column over all rows that are listed, None where it has none.
    """

    name: str
    label: str
    is_number: bool
    help: str = ""
    sort: int | None = None
    is_shown: bool = True
    total: Any = None


class Cell(NamedTuple):
    """A value ready for the page; `exact` is a number as text, for the sum of ticked rows."""

    text: Any
    is_number: bool
    exact: str = ""
    is_instant: bool = False

    @property
    def style(self) -> str:
        """The CSS class that aligns numbers to the right and keeps dates and badges on one line.

        An instant may be parted between its day and its time where a list has little room.
        """
        if self.is_number or self.is_instant:
            return "num" if self.is_number else "when"
        text = str(self.text)
        letters = len(" ".join(unescape(_TAG.sub("", text)).split())) if "<" in text or "&" in text else len(text)
        return "long" if letters > LONG_TEXT else "keep"


def make_cell(value: Any, type_: Any = None) -> Cell:
    """Return a value ready for the page, with the column's type where it is the value of a column."""
    text = cell(value) if type_ is None else cell_of_type(value, type_)
    is_right = is_number(value) or (type_ is not None and is_numeric_type(type_))
    return Cell(text, is_right, is_instant=isinstance(value, datetime))


@dataclass(frozen=True)
class ShownRow:
    """A row as the list shows it; `next` is the label and the address of its next step, where that is a page."""

    id: Any
    url: str
    cells: Sequence[Cell]
    is_ticked: bool = False
    next: tuple[str, str] | None = None


def with_columns(
    headings: Sequence[Heading], rows: Sequence[ShownRow], chosen: Sequence[str], hidden: Collection[str]
) -> tuple[list[Heading], list[ShownRow]]:
    """Return all heads, those that are shown marked and first, and the rows with the cells of the shown ones.

    Shown are the columns chosen, in their order, or, where none is, all that are not hidden at first. The first column
    leads to the row's page and is always shown.
    """
    names = [head.name for head in headings]
    wanted = [name for name in chosen if name in names] or [name for name in names if name not in hidden]
    shown = list(dict.fromkeys([*names[:1], *wanted]))
    places = [names.index(name) for name in shown]
    others = [replace(head, is_shown=False) for head in headings if head.name not in shown]
    heads = [headings[at] for at in places] + others
    return heads, [replace(row, cells=[row.cells[at] for at in places]) for row in rows]
