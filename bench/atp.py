"""`python -m bench atp`: what can be promised of every product on each day, against the sums it is computed from.

The floor reads, by the driver alone, what is free in stock, what is open and what comes, summed by product and day.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import floor
from bench.book import settle, write_book
from bench.databases import KINDS
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import db
from erp.models import RunKind

SUMS = (
    "SELECT product_id, sum(on_hand - allocated) FROM inventory_lots_balance GROUP BY product_id",
    "SELECT product_id, sum(quantity - packed - cancelled - allocated) FROM sales_order_line"
    " WHERE quantity > packed + cancelled + allocated GROUP BY product_id",
    "SELECT l.product_id, sum(a.quantity - a.received) FROM preorder_purchase_allocation a"
    " JOIN sales_order_line l ON l.id = a.line_id WHERE a.ended_at IS NULL GROUP BY l.product_id",
    "SELECT product_id, expected_on, sum(quantity - received - cancelled - allocated)"
    " FROM procurement_purchase_order_line WHERE quantity > received + cancelled GROUP BY product_id, expected_on",
)


def main(arguments: Sequence[str]) -> None:
    """Measure and print the seconds of all days of all products, of the floor, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench atp", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, nargs="+", default=[100_000], help="sizes, measured one after the other")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    chosen = parser.parse_args(arguments)
    for lines in chosen.size:
        with tempfile.TemporaryDirectory() as folder:
            bench = KINDS[chosen.db](Path(folder))
            try:
                bench.create("book")
                install(bench.url("book"), lambda session, size=lines: write_book(session, size))
                _measure(bench.url("book"), chosen.db, lines, chosen.turns)
            finally:
                bench.stop()


def _measure(url: str, kind: str, lines: int, turns: int) -> None:
    with create_app(database_url=url, environment={}, screens=False).app_context():
        _serve()
        # In turns, so that other work of the machine slows both alike.
        found = [(_seconds(_days), _seconds(lambda: _sums(url))) for _ in range(turns)]
        days = _days()
        db.session.remove()
        db.engine.dispose()
    seconds, lowest = (min(each[place] for each in found) for place in range(2))
    print(f"{kind}, {lines:,} lines, {days:,} days of products, best of {turns}")
    print(f"atp         {seconds:8.2f} s  {days / seconds:12,.0f} days/s")
    print(f"floor       {lowest:8.2f} s")
    print(f"ratio       {seconds / lowest:8.2f}", flush=True)


def _serve() -> None:
    from modules.sales.services import allocate_book

    with events.run(RunKind.command, "bench"):
        allocate_book(db.session())
    settle(db.session())


def _days() -> int:
    from modules.preorder.queries import availability_rows

    return sum(1 for _ in availability_rows(db.session()))


def _sums(url: str) -> list[Any]:
    with floor.connect(url) as connection:
        return [connection.execute(each).fetchall() for each in SUMS]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
