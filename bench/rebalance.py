"""`python -m bench rebalance`: a rebalance that moves every purchase allocation, against the run that made them."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import func, select, update

from bench import databases
from bench.book import write_covered_book
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import commit, db
from erp.models import RunKind


def main(arguments: Sequence[str]) -> None:
    """Measure and print the seconds of the making and of the rebalance, and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench rebalance", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            bench.create("book")
            install(bench.url("book"), lambda session: write_covered_book(session, chosen.size))
            turns = [_turn(bench, number) for number in range(chosen.turns)]
        finally:
            bench.stop()
    made, moved = (min(turn[place] for turn in turns) for place in range(2))
    print(f"{chosen.db}, {chosen.size:,} lines, best of {chosen.turns}")
    print(f"making    {made:8.2f} s")
    print(f"rebalance {moved:8.2f} s")
    print(f"ratio     {moved / made:8.2f}", flush=True)


def _turn(bench: databases.SqliteBench | databases.PostgresBench, number: int) -> tuple[float, float]:
    name = f"turn{number}"
    bench.copy(name, "book")
    app = create_app(database_url=bench.url(name), environment={})
    with app.app_context():
        try:
            return _measure()
        finally:
            db.session.remove()
            db.engine.dispose()


def _measure() -> tuple[float, float]:
    from modules.preorder.models import PurchaseAllocation
    from modules.preorder.services import rebalance_book
    from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
    from modules.sales.services import allocate_book

    session = db.session()
    made = _seconds(lambda: allocate_book(session))
    earlier = update(PurchaseOrder).where(PurchaseOrder.number.startswith("EARLY")).values(state="ordered")
    commit(lambda session: session.execute(earlier.execution_options(synchronize_session=False)))
    moved = _seconds(lambda: rebalance_book(session))
    early = select(PurchaseOrderLine.id).join(PurchaseOrderLine.order).where(PurchaseOrder.number.startswith("EARLY"))
    late = select(func.count()).where(PurchaseAllocation.purchase_line_id.not_in(early))
    if session.scalar(late):
        raise SystemExit("some purchase allocations were not moved")
    return made, moved


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    with events.run(RunKind.command, "bench"):
        work()
    return time.perf_counter() - began
