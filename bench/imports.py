"""`python -m bench import`: a file of sales orders, against `csv.reader` and a bulk insert of its rows unchecked."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import floor
from bench.book import LINES_PER_ORDER, LINES_PER_PRODUCT, START, UNIT, settle, write_masters
from bench.databases import KINDS, Bench
from bench.installation import install
from bench.memory import peak_megabytes
from bench.report import print_against_floor
from erp import events
from erp.app import create_app
from erp.db import commit, db
from erp.exchange import import_csv
from erp.models import RunKind

HEAD = ("number", "customer", "sku", "quantity")
ORDER = "id number number_key customer_id ordered_at priority shipping_policy state note row_version"
LINE = "order_id position product_id quantity packed cancelled allocated is_promise_pinned is_preorder hold_allocation"


def main(arguments: Sequence[str]) -> None:
    """Measure and print lines per second, the floor, their ratio and the peak memory."""
    parser = argparse.ArgumentParser(prog="python -m bench import", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, nargs="+", default=[100_000], help="sizes, measured one after the other")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    parser.add_argument("--run", default="", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.run:
        print(json.dumps(_run(chosen.run)))
        return
    for lines in chosen.size:
        with tempfile.TemporaryDirectory() as folder:
            bench = KINDS[chosen.db](Path(folder))
            try:
                _measure(bench, chosen.db, lines, chosen.turns, Path(folder))
            finally:
                bench.stop()


def _measure(bench: Bench, kind: str, lines: int, turns: int, folder: Path) -> None:
    file = folder / "orders.csv"
    _write_file(file, lines)
    bench.create("book")
    products = max(1, lines // LINES_PER_PRODUCT)

    def masters(session: Any) -> None:
        write_masters(session, products)
        session.commit()
        settle(session)

    install(bench.url("book"), masters)
    imports, floors = [], []
    for _ in range(turns):
        for name in ("product", "floor"):
            bench.copy(name, "book")
        imports.append(_apart(bench.url("product"), file))
        floors.append(_write_unchecked(bench.url("floor"), file))
    seconds, lowest = min(each["seconds"] for each in imports), min(floors)
    print(f"{kind}, {lines:,} lines, best of {turns}")
    megabytes = max(each["megabytes"] for each in imports)
    print_against_floor("import", seconds, lowest, megabytes, lines=lines)


def _write_file(file: Path, lines: int) -> None:
    dice, products = random.Random(lines), max(1, lines // LINES_PER_PRODUCT)
    with file.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream)
        rows.writerow(HEAD)
        for line in range(lines):
            sku = f"P{line % products + 1:06d}"
            rows.writerow((f"SO{line // LINES_PER_ORDER + 1:07d}", "C1", sku, dice.randint(1, 10)))


def _apart(url: str, file: Path) -> dict[str, float]:
    """Import in a process of its own, so that its memory can be measured."""
    command = [sys.executable, "-m", "bench", "import", "--run", str(file)]
    done = subprocess.run(command, env={**os.environ, "ERP_DATABASE_URL": url}, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _run(file: str) -> dict[str, float]:
    with create_app(screens=False).app_context():
        db.session.connection()
        db.session.rollback()
        began = time.perf_counter()
        with events.run(RunKind.command, "bench"), Path(file).open("rb") as stream:
            commit(lambda session: import_csv(session, "sales_orders", stream))
        return {"seconds": time.perf_counter() - began, "megabytes": peak_megabytes()}


def _write_unchecked(url: str, file: Path) -> float:
    began = time.perf_counter()
    heads: dict[str, tuple[Any, ...]] = {}
    lines: list[tuple[Any, ...]] = []
    with io.TextIOWrapper(file.open("rb"), encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        next(rows)
        for number, _, sku, quantity in rows:
            if number not in heads:
                order = len(heads) + 1
                heads[number] = (order, number, number.lower(), 1, START, 0, "partial", "confirmed", "", 1)
            order = len(heads)
            lines.append(
                (order, len(lines) % LINES_PER_ORDER + 1, int(sku[1:]), int(quantity) * UNIT, *[0] * 3, *"fff")
            )
    with floor.connect(url) as connection:
        floor.insert(connection, "sales_order", ORDER.split(), list(heads.values()))
        floor.insert(connection, "sales_order_line", LINE.split(), lines)
        connection.commit()
    return time.perf_counter() - began
