"""Kinds of files as modules declare them, and the rows that their functions work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from erp.events import hook
from erp.exchange.maps import Map
from erp.exchange.parsers import Parser
from erp.exchange.problems import Errors

# How many rows of documents are worked on at once, but for a single document that has more.
ROWS_AT_ONCE = 2000


@hook
def notes_of_import(session: Session) -> list[str]:
    """Sentences about what else an import does, asked after its rows are stored and before they are committed.

    A dry run shows them. Nothing is written.
    """


@dataclass(frozen=True)
class Column:
    """A column of an import kind.

    `parse` gets a cell that is not empty and raises ValueError with what is wrong with it ("is not a number").
    A `required` column must be in the file and filled in each row, unless its cells `can_be_empty`. `permission` is
    the right that a user at the screen needs with that of the kind.
    """

    name: str
    parse: Parser
    required: bool = False
    can_be_empty: bool = False
    permission: str = ""


class Row:
    """One row of a file: its number there (the header is 1), its texts and its parsed values."""

    __slots__ = ("_places", "cells", "number", "values")

    def __init__(self, number: int, places: Mapping[str, int], cells: Sequence[str]) -> None:
        self.number = number
        self.values: dict[str, Any] = {}
        self._places = places
        self.cells = cells

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)

    def raw(self, column: str) -> str:
        """Return the text of a cell as it is; empty where the file has no such column."""
        return self.cells[self._places[column]] if column in self._places else ""

    def text(self, column: str) -> str:
        """Return the text of a cell, without white space around it."""
        return self.raw(column).strip()

    def given(self, column: str) -> bool:
        """Say whether the file has this column at all."""
        return column in self._places


def rows_by_number(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Return the rows of each document, by what their column `number` says, in order of first appearance."""
    documents: dict[str, list[Row]] = {}
    for row in rows:
        documents.setdefault(row["number"], []).append(row)
    return documents


def in_parts(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """Yield the rows of documents in parts of whole documents, each of about ROWS_AT_ONCE rows.

    What works on one part after the other takes no more memory for a large file than for a small one.
    """
    part: list[Row] = []
    for row in rows:
        if len(part) >= ROWS_AT_ONCE and row["number"] != part[-1]["number"]:
            yield part
            part = []
        part.append(row)
    if part:
        yield part


@dataclass(frozen=True)
class AfterImport:
    """What may be done with the imported rows in the same transaction: `erp import KIND FILE --<name>`.

    `permission` is the right that a user at the screen needs for it.
    """

    name: str
    help: str
    apply: Callable[[Session, Sequence[Row]], str]
    permission: str = ""


@dataclass(frozen=True)
class ImportKind:
    """A kind of CSV file to import.

    `apply(session, rows, errors)` takes the locks it needs, checks what needs the database, calls
    `errors.raise_if_any()`, stores all rows with statements for sets and returns the summary for the clerk; `errors`
    may have errors of other rows already. `update` does the same and also changes what exists. No two rows may have the
    same values in the columns of `key`; an empty key allows anything.

    Rows with the same value in the first column of `header` are one document: they come together, wherever they stand
    in the file, and their empty cells in the others say what its first row says. They are kept on disk, and read from
    there each time they are iterated. `refers` names by column the kind whose key the column holds. `maps` are the
    layouts of other systems, and `screen` is the view (`module.noun`) that lists what was made.
    """

    name: str
    title: str
    permission: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    apply: Callable[[Session, Sequence[Row], Errors], str]
    after: tuple[AfterImport, ...] = ()
    update: Callable[[Session, Sequence[Row], Errors], str] | None = None
    header: tuple[str, ...] = ()
    refers: Mapping[str, str] = field(default_factory=dict)
    maps: tuple[Map, ...] = ()
    screen: str = ""


@dataclass(frozen=True)
class ExportKind:
    """A kind of CSV file to export: `rows(session)` yields typed values in a stable order."""

    name: str
    title: str
    permission: str
    columns: tuple[str, ...]
    rows: Callable[[Session], Iterable[Sequence[Any]]]
