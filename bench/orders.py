"""`python -m bench orders`: orders of three lines, each in its own transaction, against the same rows written by hand.

By hand are one statement that locks and prepared statements that write arrays, through psycopg; on SQLite one
transaction of prepared statements. Both run with fsync on and with the same number of processes. They take turns, a
few orders each, so that what else the machine does slows both alike. The orders of a turn are made before it, so that
what waits does not depend on the number of turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.orm import Session

from bench import by_hand
from bench.book import settle
from bench.databases import KINDS, Bench
from erp import events, migrations
from erp.app import create_app
from erp.db import Model, bulk_insert, db
from erp.models import RunKind
from erp.registry import current_registry

RIVALS = ("product", "hand")
# The orders that wait are allocated first: to confirm others would serve them too.
OPERATIONS = ("allocate", "confirm", "pack", "receive")
# The state, ids and packed quantity of the orders that are made before a turn.
NEW = {"allocate": ("confirmed", by_hand.twin, 0), "confirm": ("draft", int, 0)}
# Orders that are done, and those that wait for products of which there is no stock: a company that has worked a while.
PAST, WAITING = 5_000, 500
START = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def main(arguments: Sequence[str]) -> None:
    """Measure and print orders per second of the product and by hand, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench orders", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="postgres")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--products", type=int, nargs="+", default=[10, 200])
    parser.add_argument("--size", type=int, default=10, help="orders of each process in a turn (default 10)")
    parser.add_argument("--turns", type=int, default=9, help="turns of each operation; the median counts (default 9)")
    parser.add_argument("--operations", nargs="+", choices=OPERATIONS, default=OPERATIONS)
    parser.add_argument("--work", choices=("product", "hand"), help=argparse.SUPPRESS)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.work:
        _work(chosen.work, chosen)
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[chosen.db](Path(folder))
        try:
            for products in chosen.products:
                for processes in chosen.processes:
                    _measure(bench, products, processes, chosen)
        finally:
            bench.stop()


def _measure(bench: Bench, products: int, processes: int, chosen: argparse.Namespace) -> None:
    name, each = f"book_{products}_{processes}", chosen.turns * chosen.size
    bench.create(name)
    _prepare(bench.url(name), products, processes * each)
    for kind in RIVALS:
        bench.copy(kind, name)
    found = _turns(bench, processes, products, chosen)
    head = f"{chosen.db}, {products} products, {processes} processes, {processes * chosen.size} orders a turn"
    print(f"{head}, median of {chosen.turns}")
    for operation, rates in found.items():
        product, hand = (statistics.median(turn[place] for turn in rates) for place in range(2))
        ratio = statistics.median(mine / other for mine, other in rates)
        print(f"  {operation:9} {product:8,.0f} /s  by hand {hand:8,.0f} /s  ratio {ratio:.2f}", flush=True)


def _turns(
    bench: Bench, processes: int, products: int, chosen: argparse.Namespace
) -> dict[str, list[tuple[float, float]]]:
    """Return the orders per second of each operation and turn, of the product and by hand, all processes together."""
    rivals = [_start(bench.url(kind), kind, processes, products, chosen) for kind in RIVALS]
    rates: dict[str, list[tuple[float, float]]] = {}
    for operation in chosen.operations:
        rates[operation] = []
        for _ in range(chosen.turns):
            mine, other = (processes * chosen.size / _seconds(workers) for workers in rivals)
            rates[operation].append((mine, other))
    for worker in chain(*rivals):
        worker.communicate()
    return rates


def _start(
    url: str, kind: str, processes: int, products: int, chosen: argparse.Namespace
) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "bench", "orders", "--work", kind, "--operations", *chosen.operations]
    command += ["--size", str(chosen.size), "--turns", str(chosen.turns), "--products", str(products)]
    return [
        subprocess.Popen(
            [*command, "--first", str(1 + number * chosen.turns * chosen.size)],
            env={**os.environ, "ERP_DATABASE_URL": url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(processes)
    ]


def _seconds(workers: Sequence[subprocess.Popen[str]]) -> float:
    """Return how long the workers take for their next orders, which they make first."""
    _send(workers, "make")
    _everywhere(workers, "ready")
    began = time.perf_counter()
    _send(workers, "go")
    _everywhere(workers, "done")
    return time.perf_counter() - began


def _send(workers: Sequence[subprocess.Popen[str]], word: str) -> None:
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write(f"{word}\n")
        worker.stdin.flush()


def _everywhere(workers: Sequence[subprocess.Popen[str]], word: str) -> None:
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline().strip() != word:
            raise SystemExit(f"a worker failed before it was {word}")


def _work(kind: str, chosen: argparse.Namespace) -> None:
    """Do each operation on orders by number, when told to."""
    products, url = chosen.products[0], os.environ["ERP_DATABASE_URL"]
    with create_app(screens=False).app_context():
        if kind == "product":
            _in_turn(_product, chosen)
        elif url.startswith("sqlite"):
            with closing(by_hand.connect_sqlite(url)) as file:
                _in_turn(partial(by_hand.on_sqlite, file, products), chosen)
        else:
            url = url.replace("postgresql+psycopg://", "postgresql://")
            with psycopg.connect(url, prepare_threshold=0) as connection:
                _in_turn(partial(by_hand.on_postgres, connection, products), chosen)


def _in_turn(do: Callable[[str, int], Any], chosen: argparse.Namespace) -> None:
    for operation in chosen.operations:
        for turn in range(chosen.turns):
            first = chosen.first + turn * chosen.size
            numbers = range(first, first + chosen.size)
            sys.stdin.readline()
            if operation in NEW:
                _write_orders(db.session(), chosen.products[0], numbers, *NEW[operation])
                db.session.commit()
                db.session.remove()
            print("ready", flush=True)
            sys.stdin.readline()
            for number in numbers:
                do(operation, number)
            print("done", flush=True)


def _product(operation: str, number: int) -> None:
    from modules.procurement.domain import Delivery
    from modules.procurement.services import receive_many
    from modules.sales import services

    def work(session: Session) -> Any:
        if operation == "confirm":
            return services.confirm(session, number)
        if operation == "allocate":
            return services.allocate_order(session, by_hand.twin(number), agreed="")
        if operation == "pack":
            return services.pack_order(session, number)
        lines = range(number * by_hand.LINES, number * by_hand.LINES + by_hand.LINES)
        return receive_many(session, [Delivery(id_, Decimal(1), 1, f"R{id_}") for id_ in lines])

    events.run_once(RunKind.screen, operation, "bench", work)
    db.session.remove()


def _prepare(url: str, products: int, orders: int) -> None:
    """Fill a database: stock for everybody, a company's orders, and a purchase order for each number."""
    app = create_app(database_url=url, environment={}, screens=False)
    with app.app_context():
        migrations.install_core()
        for name in current_registry().modules:
            migrations.install(name)
        session = db.session()
        _write_stock(session, products)
        _write_orders(session, products, range(-PAST, 0), "done", by_hand.twin, by_hand.UNIT)
        _write_orders(session, products, range(-PAST - WAITING, -PAST), "confirmed", by_hand.twin, 0, first=products)
        _write_purchases(session, products, range(1, orders + 1))
        session.commit()
        settle(session)
        db.session.remove()
        db.engine.dispose()


def _write_stock(session: Session, products: int) -> None:
    ids, many = range(1, products + 1), 10**6 * by_hand.UNIT
    contact = "id code name email street postcode city region country row_version"
    nowhere = [""] * 5
    _insert(session, "sales_customer", contact, [(1, "C1", "Customer", "c@c.example", *nowhere, 1)])
    _insert(session, "procurement_supplier", contact, [(1, "S1", "Supplier", "", *nowhere, 1)])
    _insert(session, "inventory_lots_warehouse", "id code name", [(1, "WH", "")])
    _insert(session, "inventory_lots_location", "id warehouse_id code path kind", [(1, 1, "A", "WH/A", "stock")])
    columns = "id sku name unit unit_decimals tracking is_active row_version"
    rows = [(id_, f"P{id_:06d}", f"Product {id_}", "pcs", 0, "lot", True, 1) for id_ in range(1, 2 * products + 1)]
    _insert(session, "inventory_lots_product", columns, rows)
    lots = [(id_, id_, f"L{id_:06d}", date(2026, 1, 1), False, 1) for id_ in ids]
    _insert(session, "inventory_lots_lot", "id product_id number received_on on_hold row_version", lots)
    balances = [(id_, id_, id_, 1, many, 0) for id_ in ids]
    _insert(session, "inventory_lots_balance", "id lot_id product_id location_id on_hand allocated", balances)
    if session.get_bind().dialect.name == "postgresql":
        for table in ("inventory_lots_lot", "inventory_lots_balance"):
            session.connection().exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {products})")


def _write_orders(
    session: Session,
    products: int,
    numbers: range,
    state: str,
    id_of: Callable[[int], int],
    packed: int,
    first: int = 0,
) -> None:
    columns = "id number customer_id ordered_at priority shipping_policy state note row_version"
    orders = [
        (id_of(each), None if state == "draft" else f"B{id_of(each):07d}", 1, START, 0, "partial", state, "", 1)
        for each in numbers
    ]
    _insert(session, "sales_order", columns, orders)
    rows = [
        (id_ * by_hand.LINES + place, id_, place + 1, first + product, by_hand.UNIT, packed, 0, 0, False, False, False)
        for number in numbers
        for id_ in [id_of(number)]
        for place, product in enumerate(by_hand.products_of(number, products))
    ]
    columns = "id order_id position product_id quantity packed cancelled allocated"
    _insert(session, "sales_order_line", f"{columns} is_promise_pinned is_preorder hold_allocation", rows)


def _write_purchases(session: Session, products: int, numbers: range) -> None:
    heads = [(number, f"PO{number:06d}", 1, date(2026, 1, 1), "ordered", "", 1) for number in numbers]
    _insert(session, "procurement_purchase_order", "id number supplier_id ordered_on state note row_version", heads)
    bought = [
        (number * by_hand.LINES + place, number, place + 1, product, by_hand.UNIT, 0, 0, 0)
        for number in numbers
        for place, product in enumerate(by_hand.products_of(number, products))
    ]
    columns = "id order_id position product_id quantity received cancelled allocated"
    _insert(session, "procurement_purchase_order_line", columns, bought)


def _insert(session: Session, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    bulk_insert(session, Model.metadata.tables[table], columns.split(), rows)
