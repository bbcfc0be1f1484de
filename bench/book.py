"""A made-up order book of any size: N open lines over N/100 products with twenty supplies each."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from erp.db import Model, bulk_insert, refresh_statistics

LINES_PER_PRODUCT = 100
LINES_PER_ORDER = 4
LOTS = PURCHASES = 10
START = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
UNIT = 10_000
PURCHASE_COLUMNS = "id order_id position product_id quantity received cancelled allocated expected_on"
NEW = (0, 0, 0, False, False, False)


def orders_of(lines: int) -> int:
    """Return how many orders have so many lines."""
    return -(-lines // LINES_PER_ORDER)


def write_book(session: Session, lines: int) -> None:
    """Fill an installed, empty database; about a fifth of the demand cannot be covered."""
    dice = random.Random(lines)
    products = max(1, lines // LINES_PER_PRODUCT)
    orders = orders_of(lines)
    write_masters(session, products)
    _write_supplies(session, products, dice)
    _write_orders(session, orders, lines, products, dice)
    session.commit()
    settle(session)


def write_covered_book(session: Session, lines: int, *, purchases: int = PURCHASES) -> None:
    """Fill it with lines without stock that late purchase order lines of each product, `purchases`, cover in full.

    As many that come earlier are drafts.
    """
    dice = random.Random(lines)
    products = max(1, lines // LINES_PER_PRODUCT)
    write_masters(session, products)
    wanted = LINES_PER_PRODUCT * 10 // purchases * UNIT
    for start, name, state, day in ((0, "LATE", "ordered", date(2027, 6, 1)), (1, "EARLY", "draft", date(2027, 2, 1))):
        numbers = range(start * products * purchases + 1, (start + 1) * products * purchases + 1)
        heads = [(i, f"{name}{i:07d}", 1, date(2026, 10, 1), state, "", 1) for i in numbers]
        rows = [
            (i, i, 1, i % products + 1, wanted, 0, 0, 0, day + timedelta(days=dice.randint(0, 90))) for i in numbers
        ]
        _insert(session, "procurement_purchase_order", "id number supplier_id ordered_on state note row_version", heads)
        _insert(session, "procurement_purchase_order_line", PURCHASE_COLUMNS, rows)
    _write_orders(session, orders_of(lines), lines, products, dice)
    session.commit()
    settle(session)


def write_pegged_line(session: Session, lines: int) -> None:
    """Fill it with lines of one product that a single purchase order line covers; others of it come later."""
    dice = random.Random(lines)
    write_masters(session, 1)
    heads = [(i, f"PO{i:07d}", 1, date(2026, 10, 1), "ordered", "", 1) for i in range(1, PURCHASES + 1)]
    _insert(session, "procurement_purchase_order", "id number supplier_id ordered_on state note row_version", heads)
    days = [date(2027, 2, 1) + timedelta(days=10 * number) for number in range(PURCHASES)]
    wanted = [lines * 10 * UNIT, *[lines * UNIT] * (PURCHASES - 1)]
    rows = [(i, i, 1, 1, wanted[i - 1], 0, 0, 0, days[i - 1]) for i in range(1, PURCHASES + 1)]
    _insert(session, "procurement_purchase_order_line", PURCHASE_COLUMNS, rows)
    _write_orders(session, orders_of(lines), lines, 1, dice)
    session.commit()
    settle(session)


def write_drafts(session: Session, count: int) -> None:
    """Add drafts of one line each, of the first products."""
    last, last_line = (
        session.scalar(text(f"SELECT max(id) FROM {name}")) or 0 for name in ("sales_order", "sales_order_line")
    )
    heads = [(last + i, 1, START, 0, "partial", "draft", "", 1) for i in range(1, count + 1)]
    columns = "id customer_id ordered_at priority shipping_policy state note row_version"
    _insert(session, "sales_order", columns, heads)
    products = min(50, session.scalar(text("SELECT count(*) FROM inventory_lots_product")) or 1)
    rows = [(last_line + i, last + i, 1, i % products + 1, UNIT, *NEW) for i in range(1, count + 1)]
    columns = "id order_id position product_id quantity packed cancelled allocated"
    _insert(session, "sales_order_line", f"{columns} is_promise_pinned is_preorder hold_allocation", rows)


def add_order(session: Session, products: Sequence[int]) -> None:
    """Add a confirmed sales order with a line of each of these products."""
    order, line = (_next_id(session, name) for name in ("sales_order", "sales_order_line"))
    columns = "id number customer_id ordered_at priority shipping_policy state note row_version"
    head = (order, f"SOX{order:07d}", 1, START, 0, "partial", "confirmed", "", 1)
    _insert(session, "sales_order", columns, [head])
    rows = [(line + i, order, i + 1, product, UNIT, *NEW) for i, product in enumerate(products)]
    columns = "id order_id position product_id quantity packed cancelled allocated"
    _insert(session, "sales_order_line", f"{columns} is_promise_pinned is_preorder hold_allocation", rows)


def add_purchase_order(session: Session, products: Sequence[int]) -> None:
    """Add a purchase order with a line of each of these products."""
    order, line = (_next_id(session, f"procurement_{name}") for name in ("purchase_order", "purchase_order_line"))
    head = (order, f"POX{order:07d}", 1, date(2026, 10, 1), "ordered", "", 1)
    columns = "id number supplier_id ordered_on state note row_version"
    _insert(session, "procurement_purchase_order", columns, [head])
    day = date(2027, 1, 1)
    rows = [(line + i, order, i + 1, product, UNIT, 0, 0, 0, day) for i, product in enumerate(products)]
    _insert(session, "procurement_purchase_order_line", PURCHASE_COLUMNS, rows)


def _next_id(session: Session, table: str) -> int:
    return (session.scalar(text(f"SELECT max(id) FROM {table}")) or 0) + 1


def write_masters(session: Session, products: int) -> None:
    """Write products, a place for them, a customer and a supplier."""
    _insert(
        session,
        "inventory_lots_product",
        "id sku name unit unit_decimals tracking is_active row_version",
        [(i, f"P{i:06d}", f"Product {i}", "pcs", 0, "lot", True, 1) for i in range(1, products + 1)],
    )
    _insert(session, "inventory_lots_warehouse", "id code name", [(1, "WH", "")])
    _insert(session, "inventory_lots_location", "id warehouse_id code path kind", [(1, 1, "A", "WH/A", "stock")])
    contact = "id code name email street postcode city region country row_version"
    nowhere = [""] * 5
    _insert(session, "sales_customer", contact, [(1, "C1", "Customer", "c@c.example", *nowhere, 1)])
    _insert(session, "procurement_supplier", contact, [(1, "S1", "Supplier", "", *nowhere, 1)])


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
    _insert(session, "procurement_purchase_order_line", PURCHASE_COLUMNS, purchases)


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


def settle(session: Session) -> None:
    """Give the query planner statistics, as a database in use has them."""
    if session.get_bind().dialect.name == "postgresql":
        connection = session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        connection.execute(text("VACUUM ANALYZE"))
    else:
        refresh_statistics(session)
    session.commit()
