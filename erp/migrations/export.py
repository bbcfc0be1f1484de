"""Each table of a module as a CSV file: written when the module is uninstalled, read when it is installed again."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Column, Connection, Date, Enum, Integer, Table, insert, inspect, select, text
from sqlalchemy.types import TypeEngine

from erp.db import Scaled, UtcDateTime
from erp.errors import ErpError
from erp.exchange import as_cell
from erp.text import joined, say

_BATCH = 1000
_LARGEST_CELL = 100_000_000


class BadTableFile(ErpError):
    """A file of a table that cannot be brought back."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(say("{path}: {reason}", path=path, reason=reason))


def write_tables(connection: Connection, tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write every table that exists to `folder/<table>.csv`, all columns and rows; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    existing = set(inspect(connection).get_table_names())
    return [_write(connection, table, folder / f"{table.name}.csv") for table in tables if table.name in existing]


def _write(connection: Connection, table: Table, path: Path) -> Path:
    rows = connection.execute(select(table).order_by(*table.primary_key).execution_options(yield_per=_BATCH))
    columns = list(table.columns)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in columns)
        writer.writerows([_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows)
    return path


def _cell(value: Any, column: Column[Any]) -> str:
    """Return a value so that `_value` gives the same again: an apostrophe also marks one, and an empty text."""
    if isinstance(value, str) and (value.startswith("'") or (not value and column.nullable)):
        return f"'{value}"
    return as_cell(value)


def read_tables(connection: Connection, tables: Sequence[Table], folder: Path) -> dict[str, int]:
    """Fill new tables from the files in `folder`; return the number of rows by table.

    Raises BadTableFile where there is no file, or one has a column or a value that the table does not know.
    """
    paths = {table: folder / f"{table.name}.csv" for table in tables}
    if not any(path.is_file() for path in paths.values()):
        names = joined((path.name for path in paths.values()), say(" or "))
        raise BadTableFile(folder, say("there is no file {names} in it.", names=names))
    return {table.name: _read(connection, table, path) for table, path in paths.items() if path.is_file()}


def _read(connection: Connection, table: Table, path: Path) -> int:
    csv.field_size_limit(_LARGEST_CELL)
    count = 0
    with path.open(encoding="utf-8", newline="") as file:
        rows = _rows(csv.reader(file), table, path)
        while batch := list(islice(rows, _BATCH)):
            connection.execute(insert(table), batch)
            count += len(batch)
    if connection.dialect.name == "postgresql":
        _count_on(connection, table)
    return count


def _rows(lines: Iterator[list[str]], table: Table, path: Path) -> Iterator[dict[str, Any]]:
    header: list[str] = next(lines, [])
    if unknown := [name for name in header if name not in table.columns]:
        raise BadTableFile(path, say("table {table} has no column {column!r}.", table=table.name, column=unknown[0]))
    columns = [table.columns[name] for name in header]
    for number, line in enumerate(lines, start=2):
        try:
            yield {column.key: _value(cell, column) for cell, column in zip(line, columns, strict=True)}
        except (ValueError, KeyError, InvalidOperation):
            text = say("row {row} has a value that table {table} cannot hold.", row=number, table=table.name)
            raise BadTableFile(path, text) from None


def _value(cell: str, column: Column[Any]) -> Any:
    if not cell and column.nullable:
        return None
    return _parsed(cell, column.type)


def _parsed(cell: str, kind: TypeEngine[Any]) -> Any:
    match kind:
        case Scaled():
            return Decimal(cell)
        case UtcDateTime():
            return datetime.fromisoformat(cell)
        case Date():
            return date.fromisoformat(cell)
        case Boolean():
            return {"yes": True, "no": False}[cell]
        case Integer():
            return int(cell)
        case Enum() if kind.enum_class is not None:
            return kind.enum_class(cell)
        case _:
            return cell.removeprefix("'")


def _count_on(connection: Connection, table: Table) -> None:
    """Let ids go on after those that the rows brought with them."""
    counted = table.autoincrement_column
    if counted is not None and not counted.foreign_keys:
        given = {"table": table.name, "column": counted.name}
        last = f'(SELECT max("{counted.name}") FROM "{table.name}")'
        connection.execute(text(f"SELECT setval(pg_get_serial_sequence(:table, :column), {last})"), given)
