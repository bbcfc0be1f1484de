"""`python -m bench preview`: a preview of the whole book against its run; on PostgreSQL, others confirm meanwhile."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import select

from bench import databases
from bench.book import write_book, write_drafts
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import commit, db, one_moment
from erp.models import RunKind

DRAFTS = 200


def main(arguments: Sequence[str]) -> None:
    """Measure and print the seconds of a preview and of the run, their ratio, and how long confirmations took."""
    parser = argparse.ArgumentParser(prog="python -m bench preview", description=__doc__)
    parser.add_argument("--db", choices=sorted(databases.KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    parser.add_argument("--preview", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.preview:
        with create_app().app_context():
            print(_preview())
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.KINDS[chosen.db](Path(folder))
        try:
            _measure(bench, chosen)
        finally:
            bench.stop()


def _measure(bench: databases.SqliteBench | databases.PostgresBench, chosen: argparse.Namespace) -> None:
    bench.create("book")
    install(bench.url("book"), lambda session: write_book(session, chosen.size))
    previews, runs = [], []
    for number in range(chosen.turns):
        bench.copy(f"turn{number}", "book")
        app = create_app(database_url=bench.url(f"turn{number}"), environment={})
        with app.app_context():
            previews.append(_preview())
            runs.append(_run())
            db.session.remove()
            db.engine.dispose()
    print(f"{chosen.db}, {chosen.size:,} open lines, best of {chosen.turns}")
    print(f"preview {min(previews):8.2f} s")
    print(f"run     {min(runs):8.2f} s")
    print(f"ratio   {min(previews) / min(runs):8.2f}", flush=True)
    if chosen.db == "postgres":
        bench.copy("shared", "book")
        _confirm_meanwhile(bench.url("shared"))


def _preview() -> float:
    """Read what the run would do and describe it, as `erp allocate --dry-run` does; return the seconds."""
    from modules.sales import queries

    session, began = db.session(), time.perf_counter()
    with one_moment(session):
        for preview in queries.preview_products(session, queries.waiting_product_ids(session)):
            queries.line_plans(session, preview.changes)
    return time.perf_counter() - began


def _run() -> float:
    from modules.sales.services import allocate_book

    began = time.perf_counter()
    with events.run(RunKind.command, "bench"):
        allocate_book(db.session())
    return time.perf_counter() - began


def _confirm_meanwhile(url: str) -> None:
    """Confirm orders of the book's products, alone and while a preview runs; print the times and who waited."""
    app = create_app(database_url=url, environment={})
    with app.app_context():
        commit(lambda session: write_drafts(session, DRAFTS))
        alone, _ = _confirm(DRAFTS // 2, url)
        command = [sys.executable, "-m", "bench", "preview", "--preview"]
        preview = subprocess.Popen(command, env={**os.environ, "ERP_DATABASE_URL": url}, stdout=subprocess.PIPE)
        _wait_for_reader(url)
        beside, waiting = _confirm(DRAFTS // 2, url)
        was_running = preview.poll() is None
        preview.wait()
        db.session.remove()
        db.engine.dispose()
    print(f"confirm alone              median {_median(alone):.1f} ms, longest {max(alone):.1f} ms")
    print(f"confirm while it previews  median {_median(beside):.1f} ms, longest {max(beside):.1f} ms")
    samples, waits = waiting
    print(f"waits in pg_locks          {waits} in {samples:,} samples; the preview {_when(was_running)} after them")


def _when(was_running: bool) -> str:
    return "ran on" if was_running else "had ended"


def _wait_for_reader(url: str) -> None:
    """Wait until another process reads in a transaction of one moment."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        while True:
            row = connection.execute(query).fetchone()
            if row and row[0]:
                return
            time.sleep(0.02)


def _confirm(count: int, url: str) -> tuple[list[float], tuple[int, int]]:
    """Confirm drafts, each in its own transaction.

    Return the milliseconds of each, how many samples of pg_locks were taken meanwhile, and in how many somebody waited.
    """
    from modules.sales.models import Order
    from modules.sales.services import confirm
    from modules.sales.states import OrderState

    session = db.session()
    drafts = select(Order.id).where(Order.state == OrderState.draft).order_by(Order.id).limit(count)
    ids, times = list(session.scalars(drafts)), []
    session.rollback()
    with _watched(url) as seen:
        for order_id in ids:
            began = time.perf_counter()
            with events.run(RunKind.screen, "bench"):
                commit(lambda session, id_=order_id: confirm(session, id_))
            times.append((time.perf_counter() - began) * 1000)
    return times, (len(seen), sum(map(bool, seen)))


@contextmanager
def _watched(url: str) -> Iterator[list[int]]:
    """Sample how many locks of this database are waited for, as long as the block lasts."""
    seen: list[int] = []
    is_over = threading.Event()
    query = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname ="
        " current_database()"
    )

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not is_over.wait(0.002):
                row = connection.execute(query).fetchone()
                seen.append(row[0] if row else 0)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        is_over.set()
        watcher.join()


def _median(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]
