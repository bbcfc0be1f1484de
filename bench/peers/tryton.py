"""`python -m bench peers`: the same book served by this product and by Tryton with lots, on SQLite, on this machine.

Tryton is installed from PyPI into an environment of its own, which is kept in a folder for the next time. Both get the
same products, lots and orders. Some orders are served alone, each in its own transaction, then all others at once. Both
take lots that are in stock; this product also makes the backorders and allocates purchase orders, which Tryton does
elsewhere.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import tempfile
import time
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.book import LINES_PER_ORDER, LINES_PER_PRODUCT, START, UNIT, settle, write_masters
from bench.databases import SqliteBench
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import Model, bulk_insert, commit, db
from erp.models import RunKind

TRYTON = ("trytond>=8.0,<8.1", "trytond_stock_lot>=8.0,<8.1")
SIDE = Path(__file__).parent / "tryton_side.py"
LOTS_PER_PRODUCT = 10


def main(arguments: Sequence[str]) -> None:
    """Measure both and print orders and lines a second, and their ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench peers", description=__doc__)
    parser.add_argument("--size", type=int, default=2_000)
    parser.add_argument("--alone", type=int, default=50, help="how many orders are served one by one")
    parser.add_argument("--environment", type=Path, default=Path(tempfile.gettempdir()) / "erp-bench-tryton")
    chosen = parser.parse_args(arguments)
    if chosen.size <= chosen.alone * LINES_PER_ORDER:
        parser.error(f"--size must be more than the {chosen.alone * LINES_PER_ORDER} that are served one by one")
    book = make_book(chosen.size, chosen.alone)
    python = _environment(chosen.environment)
    theirs = subprocess.run([python, SIDE], input=json.dumps(book), capture_output=True, text=True, check=False)
    if theirs.returncode:
        raise SystemExit(theirs.stderr)
    tryton: dict[str, Any] = json.loads(theirs.stdout.splitlines()[-1])
    if not tryton["assigned"]:
        raise SystemExit("Tryton assigned nothing")
    product = _product(book)
    others = len(book["orders"]) - chosen.alone
    pieces = f"{product['assigned']:,.0f} pieces assigned, by Tryton {tryton['assigned']:,.0f}"
    print(f"sqlite, {chosen.size:,} lines of {len(book['orders']):,} orders, {pieces}")
    for name, count, unit in (("bulk", others * LINES_PER_ORDER, "lines/s"), ("one", chosen.alone, "orders/s")):
        mine, other = (count / side[name] for side in (product, tryton))
        print(f"{name:5} product {mine:10,.1f} {unit:8}  Tryton {other:10,.1f} {unit:8}  ratio {mine / other:8.1f}")


def make_book(lines: int, alone: int) -> dict[str, Any]:
    """Return products, lots (number, product, pieces) and orders (product, pieces) of so many lines."""
    dice = random.Random(lines)
    products = max(1, lines // LINES_PER_PRODUCT)
    lots = [[f"L{i:07d}", i % products, dice.randint(15, 29)] for i in range(products * LOTS_PER_PRODUCT)]
    rows = [[i % products, dice.randint(1, 10)] for i in range(lines)]
    orders = [rows[at : at + LINES_PER_ORDER] for at in range(0, lines, LINES_PER_ORDER)]
    return {"alone": alone, "products": [f"P{i:06d}" for i in range(products)], "lots": lots, "orders": orders}


def _environment(folder: Path) -> Path:
    """Return the Python of an environment with Tryton, made where there is none yet."""
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *TRYTON], check=True)
    return python


def _product(book: dict[str, Any]) -> dict[str, float]:
    """Return the seconds of this product, and the pieces that it allocated."""
    with tempfile.TemporaryDirectory() as folder:
        url = SqliteBench(Path(folder)).url("book")
        install(url, lambda session: _write(session, book))
        with create_app(database_url=url, environment={}, screens=False).app_context():
            try:
                return _measure(book["alone"])
            finally:
                db.session.remove()
                db.engine.dispose()


def _measure(alone: int) -> dict[str, float]:
    from sqlalchemy import func, select

    from modules.sales.models import Allocation
    from modules.sales.services import allocate_book, allocate_order

    session = db.session()
    began = time.perf_counter()
    for id_ in range(1, alone + 1):
        with events.run(RunKind.command, "bench"):
            commit(lambda session, order=id_: allocate_order(session, order))
    one = time.perf_counter() - began
    began = time.perf_counter()
    with events.run(RunKind.command, "bench"):
        allocate_book(session)
    bulk = time.perf_counter() - began
    return {"one": one, "bulk": bulk, "assigned": float(session.scalar(select(func.sum(Allocation.quantity))) or 0)}


def _write(session: Any, book: dict[str, Any]) -> None:
    write_masters(session, len(book["products"]))
    lots, balances, moves = [], [], []
    for id_, (number, product, pieces) in enumerate(book["lots"], start=1):
        lots.append((id_, product + 1, number, START.date(), False, 1))
        balances.append((id_, id_, product + 1, 1, pieces * UNIT, 0))
        moves.append((START, product + 1, id_, 1, pieces * UNIT, "receipt", "Opening", "", ""))
    heads, lines = [], []
    for id_, order in enumerate(book["orders"], start=1):
        heads.append((id_, f"SO{id_:07d}", 1, START, 0, "partial", "confirmed", "", 1))
        for position, (product, pieces) in enumerate(order, start=1):
            lines.append((len(lines) + 1, id_, position, product + 1, pieces * UNIT, 0, 0, 0, False, False, False))
    for table, columns, rows in (
        ("inventory_lots_lot", "id product_id number received_on on_hold row_version", lots),
        ("inventory_lots_balance", "id lot_id product_id location_id on_hand allocated", balances),
        (
            "inventory_lots_stock_move",
            "at product_id lot_id location_id quantity kind document user_name reason",
            moves,
        ),
        ("sales_order", "id number customer_id ordered_at priority shipping_policy state note row_version", heads),
        (
            "sales_order_line",
            "id order_id position product_id quantity packed cancelled allocated is_promise_pinned is_preorder"
            " hold_allocation",
            lines,
        ),
    ):
        bulk_insert(session, Model.metadata.tables[table], columns.split(), rows)
    session.commit()
    settle(session)
