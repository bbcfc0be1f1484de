"""`python -m bench search`: the search of the palette on a book of N lines, with a customer for every five orders.

The time is that of a whole request by the test client, signed in; beside it the processor's time of this process, which
other work of the machine does not change. `/ready` shows what a request costs that looks nothing up.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import text

from bench.book import settle, write_book
from bench.databases import KINDS
from erp import migrations, security
from erp.app import create_app
from erp.db import bulk_insert, db
from erp.registry import current_registry
from erp.search import rebuild
from modules.inventory_lots.models import Product
from modules.procurement.models import Supplier
from modules.sales.models import Customer

ORDERS_PER_CUSTOMER = 5
LINES_PER_ORDER = 4
PASSWORD = "a password for the benchmark"
NAMES = ("Henderson", "Miller", "Walker", "Olsen", "Novak", "Garcia", "Tanaka", "Fischer", "Dubois", "Rossi", "Silva")
KIND_OF_FIRM = ("Trading", "Garden", "Lights", "Builders", "Supplies", "Hardware", "Interiors", "Outdoor")
CUSTOMER = ("id", "code", "name", "email", "street", "postcode", "city", "region", "country", "row_version")
TYPED = {
    "a number": "SO0012345",
    "its beginning": "SO001",
    "its last digits": "12345",
    "a mistyped number": "SO0102345",
    "one letter": "s",
    "a rare name": "quillfeather",
    "a mistyped rare name": "quillfaether",
    "a name that many have": "henderson",
    "that name, mistyped": "hendreson",
    "two words": "henderson gard",
    "two words, mistyped": "hendreson gardne",
    "an email address": "buyer777@walker.example",
    "nothing that there is": "zzzzyyxx wwvvuuzz",
}


def main(arguments: Sequence[str]) -> None:
    """Measure and print the milliseconds of each kind of search."""
    parser = argparse.ArgumentParser(prog="python -m bench search", description=__doc__)
    parser.add_argument("--db", choices=KINDS, default="sqlite")
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=9)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = KINDS[chosen.db](Path(folder))
        try:
            bench.create("book")
            app = create_app(database_url=bench.url("book"), environment={"ERP_INSTANCE": folder})
            app.config["WTF_CSRF_ENABLED"] = False
            with app.app_context():
                fill(chosen.size)
            _measure(app.test_client(), chosen.turns)
            with app.app_context():
                db.engine.dispose()
        finally:
            bench.stop()


def fill(lines: int) -> None:
    """Install everything, with an administrator, a book of so many lines and customers for it."""
    session = db.session()
    migrations.install_core()
    for name in current_registry().modules:
        migrations.install(name)
    security.add_user(session, "admin", PASSWORD, roles=["Administrator"], must_change=False)
    write_book(session, lines)
    dice = random.Random(lines)
    customers = max(2, lines // LINES_PER_ORDER // ORDERS_PER_CUSTOMER)
    rows = [_customer(number, dice) for number in range(2, customers + 1)]
    bulk_insert(session, Customer.__table__, CUSTOMER, rows)  # type: ignore[arg-type]
    session.execute(text(f"UPDATE sales_order SET customer_id = id % {customers} + 1"))
    for model in (Customer, Product, Supplier):
        rebuild(session, model)
    session.commit()
    settle(session)


def _customer(number: int, dice: random.Random) -> tuple[object, ...]:
    name, kind = dice.choice(NAMES), dice.choice(KIND_OF_FIRM)
    if number == 2:
        name = "Quillfeather"
    return number, f"C{number:06d}", f"{name} {kind} {number}", f"buyer{number}@{name.lower()}.example", *[""] * 5, 1


def _measure(browser: object, turns: int) -> None:
    post, get = browser.post, browser.get  # type: ignore[attr-defined]
    post("/login", data={"username": "admin", "password": PASSWORD})
    print(f"{'nothing to look up':24} {_milliseconds(partial(get, '/ready'), turns)}")
    for name, typed in TYPED.items():
        search = partial(get, "/search/", query_string={"q": typed})
        found = len(search().get_json()["results"])
        print(f"{name:24} {_milliseconds(search, turns)}  {found:2} results", flush=True)


def _milliseconds(work: Callable[[], object], turns: int) -> str:
    walls, processors = [], []
    for _ in range(turns):
        wall, processor = time.perf_counter(), time.process_time()
        work()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    wall, processor = (statistics.median(taken) * 1000 for taken in (walls, processors))
    return f"{wall:7.1f} ms  processor {processor:6.1f} ms"
