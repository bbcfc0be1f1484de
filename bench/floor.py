"""The floor of an allocation: the same rows are read by one ordered query and the same results written, undecided."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

READ = """
SELECT l.id, l.product_id, l.quantity - l.packed - l.cancelled - l.allocated
FROM sales_order_line l JOIN sales_order o ON o.id = l.order_id
WHERE o.state = 'confirmed' AND l.quantity > l.packed + l.cancelled + l.allocated
ORDER BY l.product_id, o.priority DESC, o.ordered_at, o.id, l.position
"""
# As the product sets them: the floor uses the same database, not a slower one.
PRAGMAS = (
    *("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"),
    *("cache_size=-8000", "wal_autocheckpoint=8000", "temp_store=MEMORY"),
)
RUN = "INSERT INTO erp_run (id, kind, name, user_name, started_at) VALUES (1, 'command', '', '', '2026-01-01')"
INSERTED = {
    "sales_allocation": "line_id balance_id quantity packed source run_id created_at user_name",
    "sales_backorder": "line_id kind quantity allocated_quantity cancelled_quantity state counts_from created_at",
    "preorder_purchase_allocation": "line_id purchase_line_id quantity received source run_id created_at user_name",
}
COUNTED = {
    "sales_order_line": (
        "id allocated incoming last_incoming_on promise_date",
        "allocated > 0 OR incoming > 0 OR promise_date IS NOT NULL",
    ),
    "inventory_lots_balance": ("id allocated", "allocated > 0"),
    "procurement_purchase_order_line": ("id allocated", "allocated > 0"),
}
TYPES = {
    **dict.fromkeys(("id", "allocated", "allocated_quantity", "incoming", "received"), "bigint"),
    **dict.fromkeys(("last_incoming_on", "promise_date"), "date"),
    "state": "varchar",
    **dict.fromkeys(("ended_at", "closed_at"), "timestamp"),
}

Results = dict[str, Sequence[tuple[Any, ...]]]


def read_results(url: str) -> Results:
    """Return what an allocation wrote: new rows, and changed counters."""
    with connect(url) as connection:
        results: Results = {}
        for table, columns in INSERTED.items():
            results[table] = _all(connection, f"SELECT {columns.replace(' ', ', ')} FROM {table} ORDER BY id")
        for table, (columns, moved) in COUNTED.items():
            names = columns.replace(" ", ", ")
            results[table] = _all(connection, f"SELECT {names} FROM {table} WHERE {moved} ORDER BY id")
        return results


def write_results(url: str, results: Results) -> float:
    """Read the demand once and write prepared results; return the seconds it took."""
    with connect(url) as connection:
        # The run that the rows refer to must exist; writing it is not measured.
        connection.execute(RUN)
        connection.commit()
        began = time.perf_counter()
        _all(connection, READ)
        for table, columns in INSERTED.items():
            insert(connection, table, columns.split(), results[table])
        for table, (columns, _) in COUNTED.items():
            update(connection, table, columns.split(), results[table])
        connection.commit()
        return time.perf_counter() - began


@contextmanager
def connect(url: str) -> Iterator[Any]:
    """Give a connection of the driver, set up as the product does, and close it.

    One that stayed open would find its journal gone when a fresh copy takes the place of the file.
    """
    is_file = url.startswith("sqlite")
    connection: Any = sqlite3.connect(Path(url.removeprefix("sqlite:///"))) if is_file else psycopg.connect(url)
    try:
        for pragma in PRAGMAS if is_file else ():
            connection.execute(f"PRAGMA {pragma}")
        yield connection
    finally:
        connection.close()


def _all(connection: Any, query: str) -> Sequence[tuple[Any, ...]]:
    rows: Sequence[tuple[Any, ...]] = connection.execute(query).fetchall()
    return rows


def insert(connection: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows as fast as the database takes them."""
    names = ", ".join(columns)
    if isinstance(connection, sqlite3.Connection):
        placeholders = ", ".join("?" * len(columns))
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({placeholders})", rows)
        return
    with connection.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def update(connection: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Set all columns but the first, the id, of rows as fast as the database takes them."""
    changed = columns[1:]
    if isinstance(connection, sqlite3.Connection):
        sets = ", ".join(f"{name} = ?" for name in changed)
        connection.executemany(f"UPDATE {table} SET {sets} WHERE id = ?", [(*row[1:], row[0]) for row in rows])
        return
    sets = ", ".join(f"{name} = v.{name}" for name in changed)
    arrays = ", ".join(f"%s::{TYPES[name]}[]" for name in columns)
    values = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in columns]
    connection.execute(
        f"UPDATE {table} t SET {sets} FROM unnest({arrays}) AS v({', '.join(columns)}) WHERE t.id = v.id", values
    )
