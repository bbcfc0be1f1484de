"""`python -m bench allocate`: the whole-book allocation against the floor of reading and writing its rows."""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import databases, floor
from bench.book import write_book
from erp import events, migrations
from erp.app import create_app
from erp.db import commit, db
from erp.models import RunKind
from erp.options import store_option
from erp.registry import current_registry


def main(arguments: Sequence[str]) -> None:
    """Measure and print lines per second, the floor, their ratio, peak memory, and a second run."""
    parser = argparse.ArgumentParser(prog="python -m bench allocate", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--run", metavar="URL", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.run:
        print(json.dumps(_run(chosen.run)))
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            _measure(bench, chosen.db, chosen.lines)
        finally:
            bench.stop()


def _measure(bench: databases.SqliteBench | databases.PostgresBench, kind: str, lines: int) -> None:
    bench.create("book")
    _prepare(bench.url("book"), lines)
    for name in ("product", "floor"):
        bench.copy(name, "book")
    first = _apart(bench.url("product"))
    results = floor.read_results(bench.url("product"))
    lowest = floor.write_results(bench.url("floor"), results)
    second = _apart(bench.url("product"))
    rows = {table: len(rows) for table, rows in results.items()}
    print(f"{kind}, {lines:,} open lines: {rows}")
    print(f"allocation  {first['seconds']:8.2f} s  {lines / first['seconds']:12,.0f} lines/s")
    print(f"floor       {lowest:8.2f} s  {lines / lowest:12,.0f} lines/s")
    print(f"ratio       {first['seconds'] / lowest:8.2f}")
    print(f"peak memory {first['megabytes']:8.0f} MB")
    print(f"second run  {second['seconds']:8.2f} s  {second['seconds'] / first['seconds']:.3f} of the first")


def _prepare(url: str, lines: int) -> None:
    app = create_app(database_url=url, environment={})
    with app.app_context():
        migrations.install_core()
        for name in current_registry().modules:
            migrations.install(name)
        table = current_registry().option_table
        commit(lambda session: store_option(session, table, "preorder.auto_allocate", "yes", user_name="bench"))
        commit(
            lambda session: store_option(session, table, "preorder.insufficient_supply", "partial", user_name="bench")
        )
        write_book(db.session(), lines)
        db.session.remove()
        db.engine.dispose()


def _apart(url: str) -> dict[str, float]:
    """Run the allocation in a process of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "bench", "allocate", "--run", url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _run(url: str) -> dict[str, float]:
    from modules.sales.services import allocate_book

    app = create_app(database_url=url, environment={})
    with app.app_context():
        db.session.connection()
        db.session.rollback()
        began = time.perf_counter()
        with events.run(RunKind.command, "bench"):
            allocate_book(db.session())
        seconds = time.perf_counter() - began
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
