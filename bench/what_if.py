"""`python -m bench what-if`: what happens to all purchase allocations of one purchase order line that comes later."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select

from bench import databases
from bench.book import write_pegged_line
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import db, one_moment
from erp.models import RunKind


def main(arguments: Sequence[str]) -> None:
    """Measure and print the seconds of each kind of answer."""
    parser = argparse.ArgumentParser(prog="python -m bench what-if", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=10_000, help="how many lines hold the purchase order line")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best counts (default 3)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            bench.create("book")
            install(bench.url("book"), lambda session: write_pegged_line(session, chosen.size))
            app = create_app(database_url=bench.url("book"), environment={})
            with app.app_context():
                _measure(chosen)
                db.session.remove()
                db.engine.dispose()
        finally:
            bench.stop()


def _measure(chosen: argparse.Namespace) -> None:
    from modules.preorder.queries import AskedLine, AskedOrder, RushQuestion, SupplyQuestion, shorten, what_if
    from modules.procurement.models import PurchaseOrderLine
    from modules.sales.models import Order
    from modules.sales.services import allocate_book

    session = db.session()
    with events.run(RunKind.command, "bench"):
        allocate_book(session)
    line = session.scalars(select(PurchaseOrderLine).order_by(PurchaseOrderLine.id)).first()
    assert line is not None
    ordered_at = session.scalars(select(Order.ordered_at)).first()
    assert ordered_at is not None
    rush = AskedOrder([AskedLine(line.product_id, line.quantity / 10)], ordered_at, priority=9)
    questions = {"later": SupplyQuestion(line.id, days=40), "never": shorten(line, None), "rush": RushQuestion(rush)}
    print(f"{chosen.db}, {chosen.size:,} lines, best of {chosen.turns}")
    for name, question in questions.items():
        times = []
        for _ in range(chosen.turns):
            began = time.perf_counter()
            with one_moment(session):
                answer = what_if(session, question)
            times.append(time.perf_counter() - began)
        changed, broken = len(answer.changes), len(answer.broken)
        print(f"{name:6} {min(times):6.2f} s, {changed:,} lines change, {broken:,} promises broken", flush=True)
