"""`python -m bench allocate`: the whole-book allocation against the floor of reading and writing its rows."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import databases, floor
from bench.book import write_book
from bench.installation import install
from bench.memory import peak_megabytes
from bench.report import print_against_floor
from erp import events
from erp.app import create_app
from erp.db import db
from erp.models import RunKind


def main(arguments: Sequence[str]) -> None:
    """Measure and print lines per second, the floor, their ratio, peak memory, and a second run."""
    parser = argparse.ArgumentParser(prog="python -m bench allocate", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--size", type=int, nargs="+", default=[100_000], help="sizes, measured one after the other")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.run:
        print(json.dumps(_run()))
        return
    for lines in chosen.size:
        with tempfile.TemporaryDirectory() as folder:
            bench = databases.KINDS[chosen.db](Path(folder))
            try:
                _measure(bench, chosen.db, lines, chosen.turns)
            finally:
                bench.stop()


def _measure(bench: databases.SqliteBench | databases.PostgresBench, kind: str, lines: int, turns: int) -> None:
    bench.create("book")
    install(bench.url("book"), lambda session: write_book(session, lines))
    runs, floors, results = [], [], {}
    # In turns, each on a fresh copy, so that other work of the machine slows both alike.
    for _ in range(turns):
        for name in ("product", "floor"):
            bench.copy(name, "book")
        runs.append(_apart(bench.url("product")))
        results = floor.read_results(bench.url("product"))
        floors.append(floor.write_results(bench.url("floor"), results))
    first, second = (min(run[name] for run in runs) for name in ("first", "second"))
    lowest, megabytes = min(floors), max(run["megabytes"] for run in runs)
    print(f"{kind}, {lines:,} open lines, best of {turns}: { {table: len(rows) for table, rows in results.items()} }")
    print_against_floor("allocation", first, lowest, megabytes, lines=lines)
    print(f"second run  {second:8.2f} s  {second / first:.3f} of the first", flush=True)


def _apart(url: str) -> dict[str, float]:
    """Run the allocation twice in a process of its own, so that its memory can be measured."""
    command = [sys.executable, "-m", "bench", "allocate", "--run"]
    environment = {**os.environ, "ERP_DATABASE_URL": url}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _run() -> dict[str, float]:
    app = create_app()
    with app.app_context():
        db.session.connection()
        db.session.rollback()
        first, second = _seconds(), _seconds()
    return {"first": first, "second": second, "megabytes": peak_megabytes()}


def _seconds() -> float:
    from modules.sales.services import allocate_book

    began = time.perf_counter()
    with events.run(RunKind.command, "bench"):
        allocate_book(db.session())
    return time.perf_counter() - began
