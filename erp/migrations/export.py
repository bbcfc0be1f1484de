"""Writes each table of a module that is being uninstalled to a CSV file."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Table, inspect, select

from erp.exchange import as_cell


def write_tables(connection: Connection, tables: Sequence[Table], folder: Path) -> list[Path]:
    """Write every table that exists to `folder/<table>.csv`, all columns and rows; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    existing = set(inspect(connection).get_table_names())
    return [_write(connection, table, folder / f"{table.name}.csv") for table in tables if table.name in existing]


def _write(connection: Connection, table: Table, path: Path) -> Path:
    rows = connection.execute(select(table).order_by(*table.primary_key).execution_options(yield_per=1000))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.columns.keys())
        writer.writerows([as_cell(value) for value in row] for row in rows)
    return path
