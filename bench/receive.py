"""`python -m bench receive`: purchase order lines that customers wait for are received in one transaction.

The floor reads the same purchase allocations in order of service once and writes the same rows and counters with bulk
statements, undecided.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import select

from bench import floor
from bench.book import LINES_PER_PRODUCT, write_covered_book
from bench.databases import KINDS, Bench
from bench.installation import install
from bench.memory import peak_megabytes
from bench.report import print_against_floor
from erp import events
from erp.app import create_app
from erp.db import Model, commit, db
from erp.models import RunKind

ALLOCATIONS_PER_LINE = 5
READ = """
SELECT a.id, a.line_id, a.purchase_line_id, a.quantity - a.received
FROM preorder_purchase_allocation a
JOIN sales_order_line l ON l.id = a.line_id JOIN sales_order o ON o.id = l.order_id
WHERE a.ended_at IS NULL ORDER BY o.priority DESC, o.ordered_at, o.id, l.position
"""
COUNTED = {
    "procurement_purchase_order": "id state",
    "procurement_purchase_order_line": "id received allocated",
    "preorder_purchase_allocation": "id received ended_at",
    "sales_backorder": "id allocated_quantity state closed_at",
    "sales_order_line": "id allocated incoming last_incoming_on promise_date",
}

Rows = dict[int, tuple[Any, ...]]


def main(arguments: Sequence[str]) -> None:
    """Measure and print the seconds of the receipt, of the floor, their ratio and the peak memory."""
    parser = argparse.ArgumentParser(prog="python -m bench receive", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=10_000, help="purchase order lines; each covers five sales lines")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[chosen.db](Path(folder))
        try:
            _measure(bench, chosen.db, chosen.size, chosen.turns)
        finally:
            bench.stop()


def _measure(bench: Bench, kind: str, lines: int, turns: int) -> None:
    bench.create("book")
    wanted, purchases = lines * ALLOCATIONS_PER_LINE, LINES_PER_PRODUCT // ALLOCATIONS_PER_LINE
    install(bench.url("book"), lambda session: write_covered_book(session, wanted, purchases=purchases))
    _in_app(bench.url("book"), _allocate)
    received, floors, megabytes = [], [], 0.0
    for _ in range(turns):
        for name in ("product", "floor"):
            bench.copy(name, "book")
        received.append(_in_app(bench.url("product"), _receive))
        megabytes = megabytes or peak_megabytes()  # before what was written is compared, which takes more
        written = _Written(bench.url("floor"), bench.url("product"))
        floors.append(written.write())
    seconds, lowest = min(received), min(floors)
    allocations = written.count("sales_allocation")
    print(f"{kind}, {lines:,} purchase lines, {allocations:,} allocations made of them, best of {turns}")
    print_against_floor("receive", seconds, lowest, megabytes, lines=lines)


def _in_app(url: str, work: Any) -> float:
    with create_app(database_url=url, environment={}, screens=False).app_context():
        try:
            seconds: float = work()
            return seconds
        finally:
            db.session.remove()
            db.engine.dispose()


def _allocate() -> float:
    from modules.sales.services import allocate_book

    with events.run(RunKind.command, "bench"):
        allocate_book(db.session())
    return 0.0


def _receive() -> float:
    from modules.procurement.domain import Delivery
    from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
    from modules.procurement.services import receive_many

    rows = select(PurchaseOrderLine.id, PurchaseOrderLine.quantity).join(PurchaseOrderLine.order)
    ordered = rows.where(PurchaseOrder.state == "ordered", PurchaseOrderLine.allocated > Decimal(0))
    found = db.session.execute(ordered.order_by(PurchaseOrderLine.id))
    deliveries = [Delivery(id_, quantity, 1, f"R{id_:07d}") for id_, quantity in found]
    db.session.rollback()
    began = time.perf_counter()
    with events.run(RunKind.command, "bench"):
        commit(lambda session: receive_many(session, deliveries))
    return time.perf_counter() - began


class _Written:
    """What a receipt wrote: the rows of `after` that `before` has not, and its counters that differ."""

    def __init__(self, before: str, after: str) -> None:
        self._url = before
        self._new: dict[str, tuple[list[str], list[tuple[Any, ...]]]] = {}
        self._changed: dict[str, list[tuple[Any, ...]]] = {}
        with floor.connect(before) as old, floor.connect(after) as new:
            for table in Model.metadata.sorted_tables:
                if "id" in table.columns:
                    self._find_new(table.name, old, new)
            for name, columns in COUNTED.items():
                was, now = (_rows(each, name, columns) for each in (old, new))
                self._changed[name] = [row for id_, row in now.items() if id_ in was and was[id_] != row]

    def _find_new(self, table: str, old: Any, new: Any) -> None:
        last = old.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0]
        found = new.execute(f"SELECT * FROM {table} WHERE id > {last} ORDER BY id")
        columns, rows = [each[0] for each in found.description], found.fetchall()
        if rows:
            self._new[table] = columns, rows

    def count(self, table: str) -> int:
        """Return how many rows of a table are new."""
        return len(self._new[table][1])

    def write(self) -> float:
        """Write it all to the database as it was before; return the seconds it took."""
        with floor.connect(self._url) as connection:
            began = time.perf_counter()
            connection.execute(READ).fetchall()
            for table, (columns, rows) in self._new.items():
                floor.insert(connection, table, columns, rows)
            for table, names in COUNTED.items():
                floor.update(connection, table, names.split(), self._changed[table])
            connection.commit()
            return time.perf_counter() - began


def _rows(connection: Any, table: str, columns: str) -> Rows:
    found = connection.execute(f"SELECT {columns.replace(' ', ', ')} FROM {table} ORDER BY id")
    return {row[0]: tuple(row) for row in found}
