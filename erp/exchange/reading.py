"""CSV in: checked, all or nothing, every error by its row."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp.db import is_duplicate
from erp.errors import AlreadyMade, ErpError
from erp.exchange.documents import Documents
from erp.exchange.kinds import Column, ImportKind, Row
from erp.exchange.lines import Header, Record, read_records
from erp.exchange.maps import Bound, Map
from erp.exchange.parsers import code
from erp.exchange.problems import Errors
from erp.exchange.writing import FORMULA_SIGNS
from erp.identity import identity_key, refused_character
from erp.registry import Registry, current_registry
from erp.text import Translatable, joined, plural, say

May = Callable[[str], bool]


def anyone(_permission: str) -> bool:
    """Say yes: the command line asks for no rights."""
    return True


class NoUpdate(ErpError):
    """An update was asked for of a kind that always updates by its key, or never."""

    def __init__(self, kind: str) -> None:
        super().__init__(say("There is no update of {kind}: import it without.", kind=kind), kind=kind)


@dataclass
class Reading:
    """A file that was read: its good rows in our columns, its errors, and what was left aside.

    `names` is the header of the file itself; `left_out` counts the rows that a rule of the map left out by reason,
    `unused` are columns that the map does not know.
    """

    kind: ImportKind
    errors: Errors
    used: Map | None = None
    names: Sequence[str] = ()
    rows: Sequence[Row] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    unused: Sequence[str] = ()

    def notes(self) -> list[Translatable]:
        """Return what was left aside, in sentences."""
        notes = [
            say("{rows} of {why} left out.", rows=plural(count, "row"), why=why) for why, count in self.left_out.items()
        ]
        if self.unused:
            are = say("column is") if len(self.unused) == 1 else say("columns are")
            notes.append(
                say(
                    "{unused} {are} not used: {repr}.",
                    unused=len(self.unused),
                    are=are,
                    repr=", ".join(map(repr, self.unused)),
                )
            )
        return notes


def import_csv(
    session: Session,
    kind_name: str,
    data: bytes | BinaryIO,
    *,
    used: Map | None = None,
    after: Sequence[str] = (),
    update: bool = False,
    may: May = anyone,
) -> str:
    """Store what a CSV file says, all or nothing, in the caller's transaction; return the summary.

    `used` is the map for a file of another system. `after` names steps of the kind (AfterImport) to take with the rows;
    `update` also changes what exists; `may` says whether the user holds a right. Raises NotFound or ModuleOff for the
    kind, ImportRefused with an error for each cell that is wrong, and AlreadyMade where somebody else made one of the
    records after the file was checked.
    """
    reading = read_csv(kind_name, data, used=used, may=may)
    return joined([store(session, reading, after=after, update=update), *reading.notes()])


def read_csv(kind_name: str, data: bytes | BinaryIO, *, used: Map | None = None, may: May = anyone) -> Reading:
    """Read a file without asking the database for what it says; its errors are in the answer.

    Raises NotFound or ModuleOff for the kind, and ImportRefused where the header does not fit.
    """
    registry = current_registry()
    kind: ImportKind = registry.live_thing(registry.imports, "import kind", kind_name)
    reading = Reading(kind, Errors(), used)
    header, records = read_records(io.BytesIO(data) if isinstance(data, bytes) else data, reading.errors)
    reading.names = header.names
    if used is not None:
        header, records = _mapped(reading, used, header, records)
    columns = columns_of(kind, may)
    _check_header(header, columns, _closed(registry, kind, columns), reading)
    reading.errors.raise_if_any()
    _read_rows(reading, header, records, [column for column in columns if column.name in header.names])
    return reading


def columns_of(kind: ImportKind, may: May = anyone) -> list[Column]:
    """Return the columns of a kind, those of other modules included, that the user may fill."""
    return [column for column in _every(kind) if not column.permission or may(column.permission)]


def known_columns(kind: ImportKind) -> set[str]:
    """Return the names of all columns of a kind, also of those that the user may not fill or whose module is off."""
    extensions = current_registry().import_extensions[kind.name]
    added = (column for owned in extensions for column in owned.thing.columns)
    return {column.name for column in (*kind.columns, *added)}


def _every(kind: ImportKind) -> list[Column]:
    registry = current_registry()
    extensions = registry.live(registry.import_extensions[kind.name])
    return [*kind.columns, *(column for extension in extensions for column in extension.columns)]


def _closed(registry: Registry, kind: ImportKind, columns: Sequence[Column]) -> dict[str, str]:
    """Return the columns that cannot be used, each with the reason: no right to it, or a module that is off."""
    closed = {
        column.name: say("needs the right {permission}", permission=column.permission)
        for column in _every(kind)
        if column not in columns
    }
    return closed | {
        column.name: say("belongs to module {module}, which is off", module=owned.module)
        for owned in registry.import_extensions[kind.name]
        if not registry.is_live(owned.module)
        for column in owned.thing.columns
    }


def _mapped(reading: Reading, used: Map, header: Header, records: Iterator[Record]) -> tuple[Header, Iterator[Record]]:
    bound = Bound(used, header.names)
    reading.errors = Errors(bound.naming())
    reading.left_out = bound.left_out
    reading.unused = bound.unused(name for name in header.names if name)
    translated = ((number, cells) for number, row in records if (cells := bound.cells(row)) is not None)
    return Header(header.number, bound.names), translated


def _check_header(header: Header, columns: Sequence[Column], closed: Mapping[str, str], reading: Reading) -> None:
    known, errors = [column.name for column in columns], reading.errors
    for position, name in enumerate(header.names):
        if name and name in header.names[:position]:
            errors.add_at(header.number, name, "", say("the column is there twice"))
        elif name in closed and name not in known:
            errors.add_at(header.number, name, "", say("column {name} {closed}", name=name, closed=closed[name]))
        elif name and name not in known:
            hint = (
                say(", and the name has {character}", character=character)
                if (character := refused_character(name))
                else ""
            )
            message = say("there is no such column; the columns are {known}{hint}", known=", ".join(known), hint=hint)
            errors.add_at(header.number, name, "", message)
    for column in columns:
        if column.required and column.name not in header.names:
            errors.add_at(header.number, column.name, "", say("the column is missing"))


def _read_rows(reading: Reading, header: Header, records: Iterable[Record], columns: Sequence[Column]) -> None:
    """Keep the rows without an error: what is wrong with the others is in the errors."""
    places = {name: place for place, name in enumerate(header.names) if name}
    errors, names = reading.errors, [column.name for column in columns]
    wanted = [(column, places.get(column.name)) for column in columns if column.required or column.name in places]
    lacking = set(names).difference(column.name for column, _ in wanted)
    has_number = any(name in places for name in reading.kind.header[:1])
    spell, repeated = _Spelling(columns, reading.kind.header[:1]), _Repeated(reading.kind.key, columns)
    documents = Documents(reading.kind.header, places, names, spell.found) if has_number else None
    kept: Documents | list[Row] = [] if documents is None else documents
    for number, record in records:
        cells = [_without_guard(cell) if cell[:1] == "'" else cell for cell in record]
        if documents is not None:
            documents.complete(cells)
        row, found = Row(number, places, cells), errors.count
        row.values = dict.fromkeys(lacking)
        _parse(row, wanted, reading)
        spell(row)
        repeated.check(row, errors)
        if errors.count == found:
            kept.append(row)
    reading.rows = kept


def _parse(row: Row, wanted: Sequence[tuple[Column, int | None]], reading: Reading) -> None:
    """Read the cells of columns that stand at these places of the row; None is the place of one that the file lacks."""
    values = row.values
    for column, place in wanted:
        cell = "" if place is None else row.cells[place]
        if not cell or cell.isspace():
            if column.required and not column.can_be_empty:
                reading.errors.add(row, column.name, _empty(column, reading.kind))
            else:
                values[column.name] = None
            continue
        try:
            values[column.name] = _value(column, cell)
        except ErpError as error:
            reading.errors.add(row, column.name, error)
        except ValueError as error:
            reading.errors.add(row, column.name, str(error))


def _empty(column: Column, kind: ImportKind) -> str:
    if column.name in kind.header[:1]:
        return say(
            "the cell is empty: repeat the {column} in each row, or leave all cells of the document empty",
            column=column.name,
        )
    return say("the cell is empty")


def _value(column: Column, cell: str) -> Any:
    if "\0" in cell:
        raise ValueError(say("has a NUL character"))
    return column.parse(cell)


def _without_guard(cell: str) -> str:
    return cell[1:] if cell.lstrip("'").startswith(FORMULA_SIGNS) else cell


class _Spelling:
    """Gives equal identifiers of a column the spelling of the first, so that rows can be compared by their values.

    Columns that are `spelled` have it already.
    """

    def __init__(self, columns: Iterable[Column], spelled: Sequence[str]) -> None:
        names = [column.name for column in columns if isinstance(column.parse, code) and not column.parse.is_local]
        self.found: dict[str, dict[str, str]] = {name: {} for name in names if name not in spelled}

    def __call__(self, row: Row) -> None:
        for name, first in self.found.items():
            if text := row.values.get(name):
                row.values[name] = first.setdefault(identity_key(text), text)


class _Repeated:
    """Finds rows with the same key; cells that could not be read are not compared."""

    def __init__(self, key: Sequence[str], columns: Iterable[Column]) -> None:
        self._key = key
        self._codes = {column.name for column in columns if isinstance(column.parse, code)}
        self._first: dict[tuple[Any, ...], int] = {}

    def check(self, row: Row, errors: Errors) -> None:
        if not self._key or any(row.given(column) and column not in row.values for column in self._key):
            return
        values = tuple(identity_key(row[name] or "") if name in self._codes else row[name] for name in self._key)
        if values in self._first:
            again = joined(self._key, say(" and "))
            errors.add(
                row,
                self._key[0],
                say("is there twice: row {first} has the same {again}", first=self._first[values], again=again),
            )
        self._first.setdefault(values, row.number)


def store(session: Session, reading: Reading, *, after: Sequence[str] = (), update: bool = False) -> str:
    """Store the rows of a file, all or nothing, in the caller's transaction; return the summary.

    Raises ImportRefused with the errors of the file and those that only the database knows, NoUpdate, and AlreadyMade.
    """
    kind, rows, errors = reading.kind, reading.rows, reading.errors
    if update and kind.update is None:
        raise NoUpdate(kind.name)
    apply = kind.update if update and kind.update else kind.apply
    if not rows:
        errors.raise_if_any()
        return "0 rows."
    with _refusing_duplicates(), _errors_first(errors):
        summary: str = apply(session, rows, errors)
        errors.raise_if_any()
        _extend(session, reading)
        steps = [step.apply(session, rows) for step in kind.after if step.name in after]
        session.flush()
    return " ".join([summary, *steps])


def _extend(session: Session, reading: Reading) -> None:
    registry = current_registry()
    for extension in registry.live(registry.import_extensions[reading.kind.name]):
        if any(reading.rows[0].given(column.name) for column in extension.columns):
            with registry.blaming(extension, f"import of {reading.kind.name}"):
                extension.apply(session, reading.rows, reading.errors)
            reading.errors.raise_if_any()


@contextmanager
def _errors_first(errors: Errors) -> Iterator[None]:
    """Raise the errors of a file instead of a refusal of the rows that are left."""
    try:
        yield
    except ErpError:
        errors.raise_if_any()
        raise


@contextmanager
def _refusing_duplicates() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if is_duplicate(error):
            raise AlreadyMade("Import again.") from error
        raise
