"""`python -m bench pages`: lists, documents, the dashboard, work lists and the search, on a small and on a large book.

A list is opened on its first page and on the last that it has; searched for what is there and for what is not; filtered
by each state that is computed, and by each quick filter; sorted by each column. What is measured is the time of the
processor, in this process and in the database's server, for a whole request by the test client, signed in. The best of
several counts.

The floor is a Flask view that reads 200 orders with one statement and shows them as a plain table. It is opened before
each page, because another program on the machine makes both slower: a page is judged by how many floors it takes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, text
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
DOCUMENTS = {"sales-orders": "sales.order", "purchase-orders": "procurement.purchase_order"}
MOST_QUERIES, MOST_TIMES, MOST_TIMES_OF_FEW_LINES = 30, 2, 6
# 100 ms where the floor takes 1.65 and 2.5 ms: the least that it took on the machine that docs/performance.md names.
MOST_FLOORS = {"sqlite": 60, "postgres": 40}
ROWS = "SELECT id, number, ordered_at, priority, shipping_policy, state FROM sales_order ORDER BY id DESC LIMIT 200"
TABLE = "{% for row in rows %}<tr>{% for cell in row %}<td>{{ cell }}</td>{% endfor %}</tr>{% endfor %}"
FLOORS_PER_TURN = 10
# Milliseconds: a quick page is opened more often, until it has been measured for so long.
LONG_ENOUGH = 150


@dataclass(frozen=True)
class Measured:
    """What a page took: the processor's milliseconds of the best request and of the floor, and its statements.

    `most_floors` is what it may take, None for a document of many lines, which is judged by one of few.
    """

    milliseconds: float
    floor: float
    statements: int
    most_floors: float | None

    @property
    def is_slow(self) -> bool:
        """Say whether the page takes more floors than it may."""
        return self.most_floors is not None and self.floors > self.most_floors

    @property
    def floors(self) -> float:
        """Return how many floors the page takes."""
        return self.milliseconds / self.floor


def main(arguments: Sequence[str]) -> None:
    """Measure each page on both books; print which of them miss a goal, and what all took together."""
    parser = argparse.ArgumentParser(prog="python -m bench pages", description=__doc__)
    parser.add_argument("--db", choices=sorted(KINDS), default="sqlite")
    parser.add_argument("--size", type=int, default=300_000, help="lines of the large book (default 300,000)")
    parser.add_argument(
        "--turns", type=int, default=5, help="how often a page is opened at least; the best counts (default 5)"
    )
    parser.add_argument("--only", default="", help="measure only the addresses that contain this")
    parser.add_argument("--summary", action="store_true", help="print no line for each page")
    chosen = parser.parse_args(arguments)
    large = pages_of(chosen.db, chosen.size, chosen.turns, chosen.only)
    small = pages_of(chosen.db, SMALL, chosen.turns, chosen.only) if chosen.size > SMALL else large
    print(f"{chosen.db}, {SMALL:,} and {chosen.size:,} lines, best of {chosen.turns}")
    pairs = {page: (small.get(page, found), found) for page, found in large.items()}
    _print_summary(chosen.db, pairs)
    for page, (before, found) in {} if chosen.summary else pairs.items():
        times = f"{before.milliseconds:7.1f} {found.milliseconds:7.1f} ms  {grown(before, found):5.2f} times"
        missed = "  !" if misses(before, found) else ""
        print(f"{times} {found.floors:6.1f} floors {found.statements:3} statements  {page}{missed}")


def _print_summary(kind: str, pairs: Mapping[str, tuple[Measured, Measured]]) -> None:
    before, found = zip(*pairs.values(), strict=True)
    for name, pages in (("small", before), ("large", found)):
        milliseconds, floors, floor = (
            statistics.median(getattr(each, column) for each in pages) for column in ("milliseconds", "floors", "floor")
        )
        print(f"median {name}  {milliseconds:7.1f} ms  {floors:6.1f} floors of {floor:.2f} ms")
    slowest = max(found, key=lambda each: each.floors)
    print(f"slowest large {slowest.milliseconds:7.1f} ms  {slowest.floors:6.1f} floors")
    slow = sum(each.is_slow for each in found)
    growing = sum(grows(*pair) for pair in pairs.values())
    print(f"{len(pairs)} pages: {slow} above {MOST_FLOORS[kind]} floors, {growing} grow more than {MOST_TIMES} times")
    print(f"statements of a page: at most {max(each.statements for each in found)}")
    for document in DOCUMENTS:
        few, many = (pairs.get(f"document {document} of {lines} lines") for lines in (FEW_LINES, MANY_LINES))
        if few and many:
            times = many[1].floors / few[1].floors
            missed = "  !" if times > MOST_TIMES_OF_FEW_LINES else ""
            print(f"{document} of {MANY_LINES} lines: {times:.1f} times one of {FEW_LINES}{missed}")


def grown(small: Measured, large: Measured) -> float:
    """Return how many times as many floors a page takes on the large book."""
    return large.floors / small.floors


def grows(small: Measured, large: Measured) -> bool:
    """Say whether a page that is not quick anyway grows faster with the book than it may."""
    return grown(small, large) > MOST_TIMES and large.floors > (large.most_floors or 0) / 2


def misses(small: Measured, large: Measured) -> bool:
    """Say whether a page is slower, or grows faster with the book, than it may."""
    return grows(small, large) or large.is_slow or large.statements > MOST_QUERIES


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
            found = _measure(app, kind, addresses, turns)
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


def _measure(app: Flask, kind: str, addresses: Sequence[str], turns: int) -> dict[str, Measured]:
    meter = _Meter()
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", meter.note)
        urls = {view.view_name: view.url for view in app.extensions["erp_site"]._views if hasattr(view, "view_name")}
        floor = _floor(db.engine)
    browser = app.test_client()
    browser.post("/login", data={"username": "admin", "password": search.PASSWORD})
    places = {FEW_LINES: 1, MANY_LINES: 0}
    found: dict[str, Measured] = {}
    for address in dict.fromkeys(addresses):
        shown, opened = address, address
        if address.startswith("document"):
            _, document, id_ = address.split()
            opened = f"{urls[DOCUMENTS[document]]}/{id_}/"
            newest = max(int(each.split()[2]) for each in addresses if each.startswith(f"document {document} "))
            lines = next((count for count, place in places.items() if newest - place == int(id_)), 4)
            shown = f"document {document} of {lines} lines"
        taken: list[float] = []
        floors: list[float] = []
        while len(taken) < turns or sum(taken) < LONG_ENOUGH:
            floors.append(statistics.mean(meter.milliseconds(floor, "/") for _ in range(FLOORS_PER_TURN)))
            meter.statements = 0
            taken.append(meter.milliseconds(browser, opened))
        most = None if shown.endswith(f" {MANY_LINES} lines") else MOST_FLOORS[kind]
        found[shown] = Measured(min(taken), min(floors), meter.statements, most)
    return found


def _floor(engine: Engine) -> FlaskClient:
    """Return a client of an application that shows 200 orders."""
    app = Flask("floor")
    table = app.jinja_env.from_string(TABLE)

    @app.get("/")
    def orders() -> str:
        with engine.connect() as connection:
            return table.render(rows=connection.execute(text(ROWS)).all())

    return app.test_client()


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

    def milliseconds(self, browser: FlaskClient, address: str) -> float:
        """Return what a request takes, which must succeed."""
        began = self.nanoseconds()
        answer = browser.get(address, follow_redirects=True)
        taken = (self.nanoseconds() - began) / 1e6
        if answer.status_code != 200:
            raise SystemExit(f"{address} answers with {answer.status_code}")
        return taken

    def nanoseconds(self) -> int:
        """Return the time up to now."""
        return time.process_time_ns() + sum(map(_nanoseconds_of, self._servers))


def _nanoseconds_of(process: int) -> int:
    schedule = Path(f"/proc/{process}/schedstat")
    return int(schedule.read_text().split()[0]) if schedule.exists() else 0
