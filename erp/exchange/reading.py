"""CSV in: checked, all or nothing, every error by its row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp.db import is_duplicate
from erp.errors import AlreadyMade, ErpError
from erp.exchange.kinds import Column, Errors, ImportKind, Row
from erp.exchange.parsers import code
from erp.identity import identity_key
from erp.registry import Registry, current_registry
from erp.text import plural

csv.field_size_limit(1_000_000)


def anyone(_permission: str) -> bool:
    """Say yes: the command line asks for no rights."""
    return True


def import_csv(
    session: Session,
    kind_name: str,
    data: bytes,
    *,
    after: Sequence[str] = (),
    may: Callable[[str], bool] = anyone,
) -> str:
    """Store what a CSV file says, all or nothing, in the caller's transaction; return the summary.

    `after` names steps of the kind (AfterImport) to take with the rows; `may` says whether the user holds a right.
    Raises NotFound or ModuleOff for the kind, ImportRefused with an error for each cell that is wrong, and
    AlreadyMade where somebody else made one of the records after the file was checked.
    """
    registry = current_registry()
    kind = registry.live_thing(registry.imports, "import kind", kind_name)
    extensions = registry.live(registry.import_extensions[kind_name])
    every = [*kind.columns, *(column for extension in extensions for column in extension.columns)]
    columns = [column for column in every if not column.permission or may(column.permission)]
    closed = {column.name: f"needs the right {column.permission}" for column in every if column not in columns}
    errors = Errors()
    rows = _read_rows(data, kind, columns, closed | _disabled_columns(registry, kind_name), errors)
    if not rows:
        return "0 rows."
    with _refusing_duplicates():
        summary: str = kind.apply(session, rows, errors)
        errors.raise_if_any()
        for extension in extensions:
            if any(rows[0].given(column.name) for column in extension.columns):
                extension.apply(session, rows, errors)
                errors.raise_if_any()
        steps = [step.apply(session, rows) for step in kind.after if step.name in after]
        session.flush()
    return " ".join([summary, *steps])


@contextmanager
def _refusing_duplicates() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        if is_duplicate(error):
            raise AlreadyMade("Import again.") from error
        raise


def _disabled_columns(registry: Registry, kind_name: str) -> dict[str, str]:
    """Return the columns of modules that are off, each with the reason why it cannot be used."""
    return {
        column.name: f"belongs to module {owned.module}, which is off"
        for owned in registry.import_extensions[kind_name]
        if not registry.is_live(owned.module)
        for column in owned.thing.columns
    }


def _read_rows(
    data: bytes, kind: ImportKind, columns: Sequence[Column], closed: Mapping[str, str], errors: Errors
) -> list[Row]:
    records = _records(_decoded(data, errors), errors)
    number, header = next(records, (1, None))
    if header is None:
        errors.add_at(1, "", "", "the file is empty: a header row is needed")
    errors.raise_if_any()
    names = [name.strip() for name in header or ()]
    _check_header(number, names, columns, closed, errors)
    errors.raise_if_any()
    used = [column for column in columns if column.name in names]
    rows = [_parse(number, names, cells, used, errors) for number, cells in records]
    _spell_as_first(rows, used)
    _refuse_duplicates(rows, kind.key, used, errors)
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
    number: int, names: Sequence[str], columns: Sequence[Column], closed: Mapping[str, str], errors: Errors
) -> None:
    known = [column.name for column in columns]
    if len(names) == 1 and re.search(r"[;\t]", names[0]):
        errors.add_at(number, "", names[0], "is one column: separate the columns by commas")
        return
    for position, name in enumerate(names):
        if name in names[:position]:
            errors.add_at(number, name, "", "the column is there twice")
        elif name in closed and name not in known:
            errors.add_at(number, name, "", f"column {name} {closed[name]}")
        elif name not in known:
            errors.add_at(number, name, "", f"there is no such column; the columns are {', '.join(known)}")
    for column in columns:
        if column.required and column.name not in names:
            errors.add_at(number, column.name, "", "the column is missing")


def _parse(number: int, names: Sequence[str], cells: Sequence[str], columns: Sequence[Column], errors: Errors) -> Row:
    row = Row(number, dict(zip(names, map(_without_guard, cells), strict=False)))
    if len(cells) != len(names):
        errors.add_at(number, "", "", f"the row has {plural(len(cells), 'cell')} where the header has {len(names)}")
        return row
    for column in columns:
        cell = row.texts[column.name]
        if not cell.strip():
            if column.required and not column.can_be_empty:
                errors.add(row, column.name, "the cell is empty")
            else:
                row.values[column.name] = None
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


def _refuse_duplicates(rows: Iterable[Row], key: Sequence[str], columns: Iterable[Column], errors: Errors) -> None:
    first: dict[tuple[Any, ...], int] = {}
    codes = {column.name for column in columns if isinstance(column.parse, code)}
    for row in rows:
        if not key or any(row.given(column) and column not in row.values for column in key):
            continue  # cells that could not be read are not compared
        values = tuple(identity_key(row[name] or "") if name in codes else row[name] for name in key)
        if values in first:
            again = " and ".join(key)
            errors.add(row, key[0], f"is there twice: row {first[values]} has the same {again}")
        first.setdefault(values, row.number)


def _spell_as_first(rows: Iterable[Row], columns: Iterable[Column]) -> None:
    """Give equal identifiers of a column the spelling of the first, so that rows can be compared by their values."""
    spelling: dict[str, dict[str, str]] = {
        column.name: {} for column in columns if isinstance(column.parse, code) and not column.parse.is_local
    }
    for row in rows:
        for name, first in spelling.items():
            if text := row.values.get(name):
                row.values[name] = first.setdefault(identity_key(text), text)
