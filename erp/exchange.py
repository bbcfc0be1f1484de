"""CSV in, checked and all or nothing, and CSV out.

A module declares an ImportKind as columns with parsers and one `apply` that stores all rows with statements for sets;
other modules add columns of their own to it. What a spreadsheet would run as a formula leaves with a leading `'`,
and comes in without it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from erp import clock
from erp.errors import ErpError
from erp.numbers import LIMIT, PLACES, format_quantity
from erp.registry import Owned, Registry, current_registry

E = TypeVar("E", bound=StrEnum)

Parser = Callable[[str], Any]

CELL_LIMIT = 1_000_000
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
csv.field_size_limit(CELL_LIMIT)


def long_text(cell: str) -> str:
    """Read any text, line breaks included."""
    return cell


def text(length: int) -> Parser:
    """Read one line of at most `length` characters."""

    def parse(cell: str) -> str:
        line = cell.strip()
        if re.search(r"[\x00-\x1f]", line):
            raise ValueError("has a line break or another control character")
        if len(line) > length:
            raise ValueError(f"is longer than {length} characters")
        return line

    return parse


code = text  # a name such as a SKU or a number of a document; an empty cell is None before it is parsed


def quantity(cell: str) -> Decimal:
    """Read a number above 0 with at most four decimals."""
    value = _number(cell)
    if value <= 0:
        raise ValueError("is not more than 0")
    return value


def quantity_or_zero(cell: str) -> Decimal:
    """Read a number of at least 0 with at most four decimals."""
    value = _number(cell)
    if value < 0:
        raise ValueError("is less than 0")
    return value


money = quantity_or_zero


def signed_quantity(cell: str) -> Decimal:
    """Read a number other than 0, with its sign and at most four decimals."""
    value = _number(cell)
    if value == 0:
        raise ValueError("is 0")
    return value


def _number(cell: str) -> Decimal:
    found = re.fullmatch(r"[+-]?[0-9]{1,30}(?:\.([0-9]{1,30}))?", cell.strip())
    if not found:
        raise ValueError("is not a number such as 12 or 12.5")
    if len((found[1] or "").rstrip("0")) > PLACES:
        raise ValueError("has more than four decimals")
    value = Decimal(cell.strip())
    if abs(value) > LIMIT:
        raise ValueError(f"is beyond {LIMIT:,}")
    return value


def whole_number(cell: str) -> int:
    """Read a whole number with its sign."""
    if not re.fullmatch(r"[+-]?[0-9]{1,9}", cell.strip()):
        raise ValueError("is not a whole number")
    return int(cell)


def day(cell: str) -> date:
    """Read a calendar date such as 2026-11-23."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", cell.strip()):
        raise ValueError("is not a date such as 2026-11-23")
    try:
        return date.fromisoformat(cell.strip())
    except ValueError:
        raise ValueError("is not a day of the calendar") from None


_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"


def instant(cell: str) -> datetime:
    """Read a time such as 2026-11-23T14:30:00Z; one without a zone is in `[erp] timezone`."""
    if not re.fullmatch(_INSTANT, cell.strip()):
        raise ValueError("is not a time such as 2026-11-23T14:30:00")
    try:
        return clock.from_local(datetime.fromisoformat(cell.strip()))
    except (ValueError, OverflowError):
        raise ValueError("is not a time of the calendar") from None


def switch(cell: str) -> bool:
    """Read yes or no."""
    try:
        return {"yes": True, "no": False}[cell.strip().lower()]
    except KeyError:
        raise ValueError("is neither yes nor no") from None


def one_of(words: type[E]) -> Callable[[str], E]:
    """Read one of the words of an enum."""

    def parse(cell: str) -> E:
        try:
            return words(cell.strip())
        except ValueError:
            raise ValueError(f"is none of {', '.join(words)}") from None

    return parse


@dataclass(frozen=True)
class Column:
    """A column of an import kind.

    `parse` gets a cell that is not empty and raises ValueError with what is wrong with it ("is not a number").
    A `required` column must be in the file and filled in each row, unless its cells `can_be_empty`.
    """

    name: str
    parse: Parser
    required: bool = False
    can_be_empty: bool = False


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
        count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
        super().__init__(f"Nothing was imported: {count} in the file.", count=len(errors))
        self.errors = list(errors)


class Errors:
    """The errors found in a file so far."""

    def __init__(self) -> None:
        self.found: list[RowError] = []

    def add(self, row: Row, column: str, message: str) -> None:
        """Add what is wrong with one cell: a sentence, or words that read on from its text ("is no known SKU")."""
        self.add_at(row.number, column, row.texts.get(column, "").strip(), message)

    def add_at(self, number: int, column: str, value: str, message: str) -> None:
        """Add an error of a row that could not be read as one."""
        self.found.append(RowError(number, column, value, message.rstrip(".")))

    @contextmanager
    def of(self, row: Row, column: str) -> Iterator[None]:
        """Put a refusal that is raised inside by its row."""
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
    """What may be done with the imported rows in the same transaction: `erp import KIND FILE --<name>`."""

    name: str
    help: str
    apply: Callable[[Session, list[Row]], str]


@dataclass(frozen=True)
class ImportKind:
    """A kind of CSV file to import.

    `apply(session, rows, errors)` takes the locks it needs, checks what the database must say, calls
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


def import_csv(session: Session, kind_name: str, data: bytes, *, after: Sequence[str] = ()) -> str:
    """Store what a CSV file says, all or nothing, in the caller's transaction; return the summary.

    `after` names steps of the kind (AfterImport) to take with the rows. Raises NotFound or ModuleOff for the kind and
    ImportRefused with an error for each cell that is wrong.
    """
    registry = current_registry()
    kind = registry.live_thing(registry.imports, "import kind", kind_name)
    extensions = registry.live(registry.import_extensions[kind_name])
    columns = [*kind.columns, *(column for extension in extensions for column in extension.columns)]
    errors = Errors()
    rows = _read_rows(data, kind, columns, _resting_columns(registry, kind_name), errors)
    if not rows:
        return "0 rows."
    summary: str = kind.apply(session, rows, errors)
    errors.raise_if_any()
    for extension in extensions:
        if any(rows[0].given(column.name) for column in extension.columns):
            extension.apply(session, rows, errors)
            errors.raise_if_any()
    steps = [step.apply(session, rows) for step in kind.after if step.name in after]
    return " ".join([summary, *steps])


def _resting_columns(registry: Registry, kind_name: str) -> dict[str, str]:
    """Return the columns that modules would add which are off, with their modules."""
    return {
        column.name: owned.module
        for owned in registry.import_extensions[kind_name]
        if not registry.is_live(owned.module)
        for column in owned.thing.columns
    }


def _read_rows(
    data: bytes, kind: ImportKind, columns: Sequence[Column], resting: Mapping[str, str], errors: Errors
) -> list[Row]:
    records = _records(_decoded(data, errors), errors)
    number, header = next(records, (1, None))
    if header is None:
        errors.add_at(1, "", "", "the file is empty: a header row is needed")
    errors.raise_if_any()
    names = [name.strip() for name in header or ()]
    _check_header(number, names, columns, resting, errors)
    errors.raise_if_any()
    used = [column for column in columns if column.name in names]
    rows = [_parse(number, names, cells, used, errors) for number, cells in records]
    _refuse_twins(rows, kind.key, errors)
    errors.raise_if_any()
    return rows


def _decoded(data: bytes, errors: Errors) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        errors.add_at(row, "", "", "the file is not UTF-8 text: save it as CSV UTF-8")
        errors.raise_if_any()
        raise


def _records(content: str, errors: Errors) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that are not blank with their numbers; a broken one ends the file with an error."""
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            errors.add_at(number, "", "", f"the row cannot be read as CSV: {error}")
            return
        if any(cell.strip() for cell in cells):
            yield number, cells


def _check_header(
    number: int, names: Sequence[str], columns: Sequence[Column], resting: Mapping[str, str], errors: Errors
) -> None:
    known = [column.name for column in columns]
    if len(names) == 1 and re.search(r"[;\t]", names[0]):
        errors.add_at(number, "", names[0], "is one column: separate the columns by commas")
        return
    for position, name in enumerate(names):
        if name in names[:position]:
            errors.add_at(number, name, "", "the column is there twice")
        elif name in resting and name not in known:
            errors.add_at(number, name, "", f"column {name} belongs to module {resting[name]}, which is off")
        elif name not in known:
            errors.add_at(number, name, "", f"there is no such column; the columns are {', '.join(known)}")
    for column in columns:
        if column.required and column.name not in names:
            errors.add_at(number, column.name, "", "the column is missing")


def _parse(number: int, names: Sequence[str], cells: Sequence[str], columns: Sequence[Column], errors: Errors) -> Row:
    row = Row(number, dict(zip(names, map(_without_guard, cells), strict=False)))
    if len(cells) != len(names):
        errors.add_at(number, "", "", f"the row has {len(cells)} cells where the header has {len(names)}")
        return row
    for column in columns:
        cell = row.texts[column.name]
        if not cell.strip():
            row.values[column.name] = None
            if column.required and not column.can_be_empty:
                errors.add(row, column.name, "the cell is empty")
            continue
        try:
            row.values[column.name] = _value(column, cell)
        except (ValueError, ErpError) as error:
            errors.add(row, column.name, str(error))
    return row


def _value(column: Column, cell: str) -> Any:
    if "\0" in cell:
        raise ValueError("has a NUL character")
    return column.parse(cell)


def _without_guard(cell: str) -> str:
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in "=+-@" else cell


def _refuse_twins(rows: Iterable[Row], key: Sequence[str], errors: Errors) -> None:
    first: dict[tuple[Any, ...], int] = {}
    for row in rows:
        values = tuple(row[column] for column in key)
        if key and values in first:
            again = " and ".join(key)
            errors.add(row, key[0], f"is there twice: row {first[values]} has the same {again}")
        first.setdefault(values, row.number)


def export_csv(session: Session, kind_name: str) -> Iterator[str]:
    """Yield a CSV file in pieces, header first. Raises NotFound or ModuleOff before the first piece."""
    registry = current_registry()
    kind: ExportKind = registry.live_thing(registry.exports, "export kind", kind_name)
    extensions = registry.live(registry.export_extensions[kind_name])
    added = [(len(extension.columns), extension.apply(session)) for extension in extensions]
    header = [*kind.columns, *(name for extension in extensions for name in extension.columns)]
    return _lines(header, (_extended(row, added) for row in kind.rows(session)))


def _extended(row: Sequence[Any], added: Sequence[tuple[int, Any]]) -> Sequence[Any]:
    """Return a row with what other modules add for its first value: from a mapping or a function each."""
    more = list(row)
    for width, give in added:
        values = give.get(row[0]) if isinstance(give, Mapping) else give(row[0])
        more += [None] * width if values is None else values
    return more


def _lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([as_cell(value) for value in row])
        if buffer.tell() > 60_000:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def as_cell(value: Any) -> str:
    """Return a value as a CSV file shows it: no trailing zeros, ISO dates, UTC with Z, yes and no, no formulas."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Decimal():
            return format_quantity(value)
        case int():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case _:
            return guarded(str(value))


def guarded(text: str) -> str:
    """Return a text so that no spreadsheet runs it as a formula."""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def import_columns(kind: Owned[ImportKind]) -> list[tuple[Column, str]]:
    """Return the columns of a kind that may be in a file now, each with the module it comes from."""
    registry = current_registry()
    extensions = registry.import_extensions[kind.thing.name]
    added = [(column, owned.module) for owned in extensions for column in owned.thing.columns]
    every = [*((column, kind.module) for column in kind.thing.columns), *added]
    return [(column, module) for column, module in every if registry.is_live(module)]
