"""A made-up order book of any size: N open lines over N/100 products with twenty supplies each."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from erp.db import Model, bulk_insert

LINES_PER_PRODUCT = 100
LINES_PER_ORDER = 4
LOTS = PURCHASES = 10
START = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
UNIT = 10_000
NEW = (0, 0, 0, False, False, False)


def write_book(session: Session, lines: int) -> None:
    """Fill an installed, empty database; about a fifth of the demand cannot be covered."""
    dice = random.Random(lines)
    products = max(1, lines // LINES_PER_PRODUCT)
    orders = max(1, lines // LINES_PER_ORDER)
    _insert(
        session,
        "inventory_lots_product",
        "id sku name unit unit_decimals tracking is_active row_version",
        [(i, f"P{i:06d}", f"Product {i}", "pcs", 0, "lot", True, 1) for i in range(1, products + 1)],
    )
    _insert(session, "inventory_lots_warehouse", "id code name", [(1, "WH", "")])
    _insert(session, "inventory_lots_location", "id warehouse_id code path kind", [(1, 1, "A", "WH/A", "stock")])
    _insert(session, "sales_customer", "id code name email row_version", [(1, "C1", "Customer", "c@c.example", 1)])
    _insert(session, "procurement_supplier", "id code name email row_version", [(1, "S1", "Supplier", "", 1)])
    _write_supplies(session, products, dice)
    _write_orders(session, orders, lines, products, dice)
    session.commit()
    _settle(session)


def _write_supplies(session: Session, products: int, dice: random.Random) -> None:
    lots, balances, moves, purchases = [], [], [], []
    for number in range(products * LOTS):
        product, day = number % products + 1, date(2026, 1, 1) + timedelta(days=dice.randint(0, 300))
        amount = dice.randint(15, 29) * UNIT
        lots.append((number + 1, product, f"L{number:07d}", day, False, 1))
        balances.append((number + 1, number + 1, product, 1, amount, 0))
        moves.append((START, product, number + 1, 1, amount, "receipt", "Opening", "", ""))
    for number in range(products * PURCHASES):
        day = date(2026, 12, 1) + timedelta(days=dice.randint(0, 90))
        amount = dice.randint(15, 29) * UNIT
        purchases.append((number + 1, number + 1, 1, number % products + 1, amount, 0, 0, 0, day))
    _insert(session, "inventory_lots_lot", "id product_id number received_on on_hold row_version", lots)
    _insert(session, "inventory_lots_balance", "id lot_id product_id location_id on_hand allocated", balances)
    _insert(
        session,
        "inventory_lots_stock_move",
        "at product_id lot_id location_id quantity kind document user_name reason",
        moves,
    )
    orders = [(row[0], f"PO{row[0]:07d}", 1, date(2026, 10, 1), "ordered", "", 1) for row in purchases]
    _insert(session, "procurement_purchase_order", "id number supplier_id ordered_on state note row_version", orders)
    columns = "id order_id position product_id quantity received cancelled allocated expected_on"
    _insert(session, "procurement_purchase_order_line", columns, purchases)


def _write_orders(session: Session, orders: int, lines: int, products: int, dice: random.Random) -> None:
    heads = [
        (i, f"SO{i:07d}", 1, START + timedelta(minutes=dice.randint(0, 400_000)), 0, "partial", "confirmed", "", 1)
        for i in range(1, orders + 1)
    ]
    columns = "id number customer_id ordered_at priority shipping_policy state note row_version"
    _insert(session, "sales_order", columns, heads)
    rows: list[tuple[Any, ...]] = [
        (i + 1, i // LINES_PER_ORDER + 1, i % LINES_PER_ORDER + 1, i % products + 1, dice.randint(1, 10) * UNIT, *NEW)
        for i in range(lines)
    ]
    columns = "id order_id position product_id quantity packed cancelled allocated"
    _insert(session, "sales_order_line", f"{columns} is_promise_pinned is_preorder hold_allocation", rows)


def _insert(session: Session, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    bulk_insert(session, Model.metadata.tables[table], columns.split(), rows)


def _settle(session: Session) -> None:
    """Give the query planner statistics, as a database in use has them."""
    if session.get_bind().dialect.name == "postgresql":
        connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        connection.execute(text("VACUUM ANALYZE"))
    else:
        session.execute(text("ANALYZE"))
    session.commit()
