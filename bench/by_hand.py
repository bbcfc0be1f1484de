"""What an operation of `bench orders` writes, by hand: the rows and counters alone, undecided."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import psycopg

from bench.floor import PRAGMAS

LINES, UNIT = 3, 10_000


def twin(number: int) -> int:
    """Return the id of the order that waits. The order of a number is a draft with that id."""
    return 1_000_000 + number


def products_of(number: int, products: int) -> list[int]:
    """Return the ids of the products of an order's lines."""
    return sorted(random.Random(number).sample(range(1, products + 1), LINES))


_LOCK = "SELECT id FROM inventory_lots_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_RUN = (
    "INSERT INTO erp_run (kind, name, user_name, started_at, ended_at)"
    " VALUES ('screen', %s, 'hand', now(), now()) RETURNING id"
)
_ALLOCATIONS = (
    "INSERT INTO sales_allocation (line_id, balance_id, quantity, packed, source, run_id, created_at, user_name)"
    " SELECT line, balance, 10000, 0, 'automatic', %s, now(), 'hand'"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS v(line, balance)"
)
_LINES = "UPDATE sales_order_line SET allocated = allocated + 10000 WHERE id = ANY(%s)"
_BALANCES = "UPDATE inventory_lots_balance SET allocated = allocated + 10000 WHERE id = ANY(%s)"
_CONFIRMED = "UPDATE sales_order SET state = 'confirmed', number = %s, number_key = %s WHERE id = %s"
_PACK = (
    "INSERT INTO sales_pack (number, number_key, order_id, warehouse_id, packed_at, user_name)"
    " VALUES (%s, %s, %s, 1, now(), 'hand') RETURNING id"
)
_PACK_LINES = (
    "INSERT INTO sales_pack_line (pack_id, line_id, balance_id, allocation_id, quantity, reversed)"
    " SELECT %s, line_id, balance_id, id, quantity, 0 FROM sales_allocation WHERE line_id = ANY(%s)"
)
_PACKED = "UPDATE sales_allocation SET packed = quantity WHERE line_id = ANY(%s)"
_PACKED_LINES = "UPDATE sales_order_line SET packed = packed + 10000, allocated = allocated - 10000 WHERE id = ANY(%s)"
_TAKEN = "UPDATE inventory_lots_balance SET on_hand = on_hand - 10000, allocated = allocated - 10000 WHERE id = ANY(%s)"
_MOVES = (
    "INSERT INTO inventory_lots_stock_move"
    " (at, product_id, lot_id, location_id, quantity, kind, document, user_name, reason)"
    " SELECT now(), product, lot, 1, %s, %s, %s, 'hand', ''"
    " FROM unnest(%s::bigint[], %s::bigint[]) AS v(product, lot)"
)
_LOTS = (
    "INSERT INTO inventory_lots_lot (product_id, number, number_key, received_on, on_hold, row_version)"
    " SELECT product, number, lower(number), current_date, false, 1"
    " FROM unnest(%s::bigint[], %s::text[]) AS v(product, number) RETURNING id"
)
_NEW_BALANCES = (
    "INSERT INTO inventory_lots_balance (lot_id, product_id, location_id, on_hand, allocated)"
    " SELECT lot, product, 1, 10000, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS v(lot, product) RETURNING id"
)
_RECEIPTS = (
    "INSERT INTO procurement_receipt (line_id, balance_id, quantity, reversed, received_at, user_name)"
    " SELECT line, balance, 10000, 0, now(), 'hand' FROM unnest(%s::bigint[], %s::bigint[]) AS v(line, balance)"
)
_RECEIVED = "UPDATE procurement_purchase_order_line SET received = received + 10000 WHERE id = ANY(%s)"


def on_postgres(connection: psycopg.Connection[Any], products: int, operation: str, number: int) -> None:
    """Write what an operation writes. The stock of a product is its balance with the same id, and so is its lot."""
    of = products_of(number, products)
    order = twin(number) if operation == "allocate" else number
    lines = [order * LINES + place for place in range(LINES)]
    connection.execute(_LOCK, [of])
    if operation in ("confirm", "allocate"):
        run = _id(connection.execute(_RUN, [operation]))
        connection.execute(_ALLOCATIONS, [run, lines, of])
        connection.execute(_LINES, [lines])
        connection.execute(_BALANCES, [of])
        if operation == "confirm":
            connection.execute(_CONFIRMED, [f"H{number}", f"h{number}", order])
    elif operation == "pack":
        pack = _id(connection.execute(_PACK, [f"H{number}", f"h{number}", order]))
        for statement, values in (
            (_PACK_LINES, [pack, lines]),
            (_PACKED, [lines]),
            (_PACKED_LINES, [lines]),
            (_TAKEN, [of]),
            (_MOVES, [-UNIT, "pack", f"H{number}", of, of]),
        ):
            connection.execute(statement, values)
    else:
        lots = _ids(connection.execute(_LOTS, [of, [f"R{id_}" for id_ in lines]]))
        balances = _ids(connection.execute(_NEW_BALANCES, [lots, of]))
        connection.execute(_MOVES, [UNIT, "receipt", f"P{number}", of, lots])
        connection.execute(_RECEIPTS, [lines, balances])
        connection.execute(_RECEIVED, [lines])
    connection.commit()


def _id(cursor: psycopg.Cursor[Any]) -> int:
    return _ids(cursor)[0]


def _ids(cursor: psycopg.Cursor[Any]) -> list[int]:
    return [row[0] for row in cursor.fetchall()]


def connect_sqlite(url: str) -> sqlite3.Connection:
    """Return a connection to a file, set up as the product does."""
    connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")), isolation_level=None, timeout=60)
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")
    return connection


_NOW = "2026-01-01 00:00:00.000000"
_SQLITE_RUN = "INSERT INTO erp_run (kind, name, user_name, started_at, ended_at) VALUES ('screen', ?, 'hand', ?, ?)"
_SQLITE_ALLOCATION = (
    "INSERT INTO sales_allocation (line_id, balance_id, quantity, packed, source, run_id, created_at, user_name)"
    " VALUES (?, ?, 10000, 0, 'automatic', ?, ?, 'hand')"
)
_SQLITE_CONFIRMED = "UPDATE sales_order SET state = 'confirmed', number = ?, number_key = ? WHERE id = ?"
_SQLITE_PACK = (
    "INSERT INTO sales_pack (number, number_key, order_id, warehouse_id, packed_at, user_name)"
    " VALUES (?, ?, ?, 1, ?, 'hand')"
)
_SQLITE_PACK_LINE = (
    "INSERT INTO sales_pack_line (pack_id, line_id, balance_id, allocation_id, quantity, reversed)"
    " SELECT ?, line_id, balance_id, id, quantity, 0 FROM sales_allocation WHERE line_id = ?"
)
_SQLITE_LOT = (
    "INSERT INTO inventory_lots_lot (product_id, number, number_key, received_on, on_hold, row_version)"
    " VALUES (?, ?, lower(?), '2026-01-01', false, 1)"
)
_SQLITE_BALANCE = (
    "INSERT INTO inventory_lots_balance (lot_id, product_id, location_id, on_hand, allocated)"
    " VALUES (?, ?, 1, 10000, 0)"
)
_SQLITE_MOVE = (
    "INSERT INTO inventory_lots_stock_move"
    " (at, product_id, lot_id, location_id, quantity, kind, document, user_name, reason)"
    " VALUES (?, ?, ?, 1, ?, ?, ?, 'hand', '')"
)
_SQLITE_RECEIPT = (
    "INSERT INTO procurement_receipt (line_id, balance_id, quantity, reversed, received_at, user_name)"
    " VALUES (?, ?, 10000, 0, ?, 'hand')"
)


def on_sqlite(connection: sqlite3.Connection, products: int, operation: str, number: int) -> None:
    """Write on SQLite what `on_postgres` writes."""
    of = products_of(number, products)
    order = twin(number) if operation == "allocate" else number
    lines = [order * LINES + place for place in range(LINES)]
    connection.execute("BEGIN IMMEDIATE")
    if operation in ("confirm", "allocate"):
        run = connection.execute(_SQLITE_RUN, [operation, _NOW, _NOW]).lastrowid
        rows = [(line, balance, run, _NOW) for line, balance in zip(lines, of, strict=True)]
        connection.executemany(_SQLITE_ALLOCATION, rows)
        connection.executemany(_SQLITE_LINE, _each(lines))
        connection.executemany(_SQLITE_STOCK, _each(of))
        if operation == "confirm":
            connection.execute(_SQLITE_CONFIRMED, [f"H{number}", f"h{number}", order])
    elif operation == "pack":
        pack = connection.execute(_SQLITE_PACK, [f"H{number}", f"h{number}", order, _NOW]).lastrowid
        connection.executemany(_SQLITE_PACK_LINE, [(pack, line) for line in lines])
        connection.executemany("UPDATE sales_allocation SET packed = quantity WHERE line_id = ?", _each(lines))
        connection.executemany(_SQLITE_PACKED_LINE, _each(lines))
        connection.executemany(_SQLITE_TAKEN, _each(of))
        connection.executemany(_SQLITE_MOVE, [(_NOW, id_, id_, -UNIT, "pack", f"H{number}") for id_ in of])
    else:
        _receive_on_sqlite(connection, of, lines, f"P{number}")
    connection.execute("COMMIT")


def _receive_on_sqlite(connection: sqlite3.Connection, of: list[int], lines: list[int], document: str) -> None:
    for product, line in zip(of, lines, strict=True):
        lot = connection.execute(_SQLITE_LOT, [product, f"R{line}", f"R{line}"]).lastrowid
        balance = connection.execute(_SQLITE_BALANCE, [lot, product]).lastrowid
        connection.execute(_SQLITE_MOVE, [_NOW, product, lot, UNIT, "receipt", document])
        connection.execute(_SQLITE_RECEIPT, [line, balance, _NOW])
    received = "UPDATE procurement_purchase_order_line SET received = received + 10000 WHERE id = ?"
    connection.executemany(received, _each(lines))


def _each(ids: list[int]) -> list[tuple[int]]:
    return [(id_,) for id_ in ids]


_SQLITE_LINE = "UPDATE sales_order_line SET allocated = allocated + 10000 WHERE id = ?"
_SQLITE_STOCK = "UPDATE inventory_lots_balance SET allocated = allocated + 10000 WHERE id = ?"
_SQLITE_PACKED_LINE = "UPDATE sales_order_line SET packed = packed + 10000, allocated = allocated - 10000 WHERE id = ?"
_SQLITE_TAKEN = (
    "UPDATE inventory_lots_balance SET on_hand = on_hand - 10000, allocated = allocated - 10000 WHERE id = ?"
)
