"""Kinds of files as modules declare them, and the rows and errors that their functions work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.events import hook
from erp.exchange.parsers import Parser
from erp.text import plural


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


@dataclass(frozen=True)
class Row:
    """One row of a file: its number there (the header is 1), its texts and its parsed values."""

    number: int
    texts: Mapping[str, str]
    values: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, column: str) -> Any:
        return self.values.get(column)

    def given(self, column: str) -> bool:
        """Say whether the file has this column at all."""
        return column in self.texts


@dataclass(frozen=True)
class RowError:
    """What is wrong with one cell: its row in the file, its column, its text."""

    row: int
    column: str
    value: str
    message: str

    def __str__(self) -> str:
        place = f"Row {self.row}" + (f", column {self.column}" if self.column else "")
        if not self.value:
            return f"{place}: {self.message}."
        value = self.value if len(self.value) <= 60 else f"{self.value[:60]}…"
        return f"{place}: {value!r}{': ' if self.message[0].isupper() else ' '}{self.message}."


class ImportRefused(ErpError):
    """A file with errors, of which nothing was imported."""

    def __init__(self, errors: Sequence[RowError]) -> None:
        super().__init__(f"Nothing was imported: {plural(len(errors), 'error')} in the file.", count=len(errors))
        self.errors = list(errors)


class Errors:
    """The errors found in a file so far."""

    def __init__(self) -> None:
        self.found: list[RowError] = []

    def add(self, row: Row, column: str, message: str) -> None:
        """Add what is wrong with one cell: a sentence, or words that follow its text ("is not a known SKU")."""
        self.add_at(row.number, column, row.texts.get(column, "").strip(), message)

    def add_at(self, number: int, column: str, value: str, message: str) -> None:
        """Add an error of a row that could not be read."""
        self.found.append(RowError(number, column, value, message.rstrip(".")))

    @contextmanager
    def of(self, row: Row, column: str) -> Iterator[None]:
        """Add a refusal that is raised inside as an error of this row."""
        try:
            yield
        except ErpError as error:
            self.add(row, column, str(error))

    def raise_if_any(self) -> None:
        """Raise ImportRefused if there is an error, in the order of the rows."""
        if self.found:
            raise ImportRefused(sorted(self.found, key=lambda error: error.row))


@dataclass(frozen=True)
class AfterImport:
    """What may be done with the imported rows in the same transaction: `erp import KIND FILE --<name>`.

    `permission` is the right that a user at the screen needs for it.
    """

    name: str
    help: str
    apply: Callable[[Session, list[Row]], str]
    permission: str = ""


@dataclass(frozen=True)
class ImportKind:
    """A kind of CSV file to import.

    `apply(session, rows, errors)` takes the locks it needs, checks what needs the database, calls
    `errors.raise_if_any()`, stores all rows with statements for sets and returns the summary for the clerk. No two rows
    may have the same values in the columns of `key`; an empty key allows anything.
    """

    name: str
    title: str
    permission: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    apply: Callable[[Session, list[Row], Errors], str]
    after: tuple[AfterImport, ...] = ()


@dataclass(frozen=True)
class ExportKind:
    """A kind of CSV file to export: `rows(session)` yields typed values in a stable order."""

    name: str
    title: str
    permission: str
    columns: tuple[str, ...]
    rows: Callable[[Session], Iterable[Sequence[Any]]]
