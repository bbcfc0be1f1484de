"""`python -m bench pages`: lists, documents, the dashboard, work lists and the search, on a small and on a large book.

A list is opened on its first page and on the last that it has; searched for what is there and for what is not; filtered
by each state that is computed, and by each quick filter; sorted by each column. What is measured is the time of the
processor, in this process and in the database's server, for a whole request by the test client, signed in: other work
of the machine changes it little. The best of several counts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session

from bench import search
from bench.book import LINES_PER_PRODUCT, add_order, add_purchase_order, settle
from bench.databases import KINDS
from bench.installation import OPTIONS
from erp import events
from erp.admin.filters import DerivedFilter
from erp.admin.list_query import ListQuery
from erp.app import create_app
from erp.db import commit, db
from erp.models import RunKind
from erp.options import store_option
from erp.registry import current_registry

SMALL = 10_000
FEW_LINES, MANY_LINES = 10, 500
PACKED = 200
MOST_QUERIES, MOST_MILLISECONDS, MOST_TIMES = 30, 100, 2


@dataclass(frozen=True)
class Measured:
    """What a page took: the processor's milliseconds of the best request, and its statements."""

    milliseconds: float
    statements: int


def main(arguments: Sequence[str]) -> None:
    """Measure and print each page on both books, and which of them miss a goal."""
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--turns", type=int, default=5, help="how often a page is opened; the best counts (default 5)")
    parser.add_argument("--only", default="", help="measure only the addresses that contain this")
    chosen = parser.parse_args(arguments)
    small, large = (pages_of(chosen.db, lines, chosen.turns, chosen.only) for lines in (SMALL, chosen.lines))
    print(f"{chosen.db}, {SMALL:,} and {chosen.lines:,} lines, best of {chosen.turns}")
    for page, found in large.items():
        before = small.get(page, found)
        missed = "  !" if misses(before, found) else ""
        times = f"{before.milliseconds:7.1f} {found.milliseconds:7.1f} ms {found.statements:3} statements"
        print(f"{times}  {page}{missed}", flush=True)


def misses(small: Measured, large: Measured) -> bool:
    """Say whether a page is slower, or grows faster with the book, than it may."""
    grows = large.milliseconds > MOST_TIMES * small.milliseconds and large.milliseconds > MOST_MILLISECONDS / 2
    return grows or large.milliseconds > MOST_MILLISECONDS or large.statements > MOST_QUERIES


def pages_of(kind: str, lines: int, turns: int, only: str = "") -> dict[str, Measured]:
    """Return what every page takes on a book of so many lines."""
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[kind](Path(folder))
        try:
            bench.create("book")
            app = create_app(database_url=bench.url("book"), environment={"ERP_INSTANCE": folder})
            app.config["WTF_CSRF_ENABLED"] = False
            with app.app_context():
                search.fill(lines)
                _work_on(db.session(), lines)
                addresses = [each for each in _addresses(app) if only in each]
                db.session.remove()
            found = _measure(app, addresses, turns)
            with app.app_context():
                db.engine.dispose()
            return found
        finally:
            bench.stop()


def _work_on(session: Session, lines: int) -> None:
    """Allocate the book, pack some of it, and add documents of few lines and of many."""
    from modules.sales.models import Allocation, OrderLine
    from modules.sales.services import allocate_book, pack_order

    table = current_registry().option_table
    for option, value in OPTIONS.items():
        commit(lambda session, key=option, text=value: store_option(session, table, key, text, user_name="bench"))
    with events.run(RunKind.command, "bench"):
        allocate_book(session)
    allocated = select(OrderLine.order_id).join(Allocation, Allocation.line_id == OrderLine.id).distinct()
    for order_id in session.scalars(allocated.order_by(OrderLine.order_id).limit(PACKED)).all():
        with events.run(RunKind.command, "bench"):
            commit(lambda session, id_=order_id: pack_order(session, id_))
    for count in (FEW_LINES, MANY_LINES):
        products = [number % (lines // LINES_PER_PRODUCT) + 1 for number in range(count)]
        add_order(session, products)
        add_purchase_order(session, products)
    session.commit()
    settle(session)


def _addresses(app: Flask) -> Iterator[str]:
    yield "/"
    yield "/search/?q=SO000"
    yield "/search/?q=zzyyxx"
    yield from ("/sales/work-lists/", "/sales/work-lists/ready/", "/sales/pick-list/")
    with app.test_request_context():
        for view in [each for each in app.extensions["erp_site"]._views if isinstance(each, ListQuery)]:
            yield from _of_list(view)
    for document, table in (("sales-orders", "sales_order"), ("purchase-orders", "procurement_purchase_order")):
        last = db.session.scalar(text(f"SELECT max(id) FROM {table}")) or 0
        for id_ in (1, last - 1, last):
            yield f"document {document} {id_}"


def _of_list(view: Any) -> Iterator[str]:
    url = f"{view.url}/"
    yield url
    if view._search_fields:
        yield f"{url}?search=0000"
        yield f"{url}?search=zzyyxx"
    yield f"{url}?page={view.count_bound() // view.page_size - 1}"
    for name in view._sortable_columns:
        shown = [key for key, _ in view._list_columns]
        if name in shown:
            yield f"{url}?sort={shown.index(name)}&desc=1"
    for argument, (index, _) in view._filter_args.items():
        used = view._filters[index]
        for value in used.choices if isinstance(used, DerivedFilter) else ():
            yield f"{url}?flt0_{argument}={value}"
    for each in (*getattr(view, "quick_filters", ()), *view.contributed("quick_filters")):
        if each.argument:
            yield f"{url}?flt0_{each.argument}={each.value}"


def _measure(app: Flask, addresses: Sequence[str], turns: int) -> dict[str, Measured]:
    meter = _Meter()
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", meter.note)
        urls = {view.view_name: view.url for view in app.extensions["erp_site"]._views if hasattr(view, "view_name")}
    browser = app.test_client()
    browser.post("/login", data={"username": "admin", "password": search.PASSWORD})
    documents = {"sales-orders": urls["sales.order"], "purchase-orders": urls["procurement.purchase_order"]}
    places = {FEW_LINES: 1, MANY_LINES: 0}
    found: dict[str, Measured] = {}
    for address in dict.fromkeys(addresses):
        shown, opened = address, address
        if address.startswith("document"):
            _, kind, id_ = address.split()
            opened = f"{documents[kind]}/{id_}/"
            newest = max(int(each.split()[2]) for each in addresses if each.startswith(f"document {kind} "))
            lines = next((count for count, place in places.items() if newest - place == int(id_)), 4)
            shown = f"document {kind} of {lines} lines"
        taken = []
        for _ in range(turns):
            meter.statements, began = 0, meter.nanoseconds()
            answer = browser.get(opened, follow_redirects=True)
            taken.append((meter.nanoseconds() - began) / 1e6)
            if answer.status_code != 200:
                raise SystemExit(f"{opened} answers with {answer.status_code}")
        found[shown] = Measured(min(taken), meter.statements)
    return found


class _Meter:
    """Counts statements, and the processor's time of this process and of the server's processes that carry them out."""

    def __init__(self) -> None:
        self.statements = 0
        self._servers: set[int] = set()

    def note(self, connection: Any, *_: Any) -> None:
        """Count a statement."""
        self.statements += 1
        if connection.dialect.name == "postgresql":
            self._servers.add(connection.connection.driver_connection.info.backend_pid)

    def nanoseconds(self) -> int:
        """Return the time up to now."""
        return time.process_time_ns() + sum(map(_nanoseconds_of, self._servers))


def _nanoseconds_of(process: int) -> int:
    schedule = Path(f"/proc/{process}/schedstat")
    return int(schedule.read_text().split()[0]) if schedule.exists() else 0
