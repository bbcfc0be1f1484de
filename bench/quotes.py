"""`python -m bench quotes`: quotes of three lines on a large book, each in its own transaction, against a floor.

With `--http` programs ask for them too: clients that keep their connections open send `POST /api/v1/quotes` with a
token to `erp serve`. The floor locks the same products and writes the same rows by psycopg, without looking at the
queue or at supply. The whole book is served first and every product has free stock, as where runs are made all day.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from secrets import token_hex

import psycopg
from sqlalchemy import text
from sqlalchemy.orm import Session

from bench import databases
from bench.book import LINES_PER_PRODUCT, write_book
from bench.http_quotes import over_http
from bench.installation import install
from erp import events
from erp.app import create_app
from erp.db import commit, db
from erp.models import RunKind

LINES = 3
# What is added to the first lot of each product once the book is served: 1,000 pieces.
_MORE = """
UPDATE inventory_lots_balance SET on_hand = on_hand + 10000000
WHERE id IN (SELECT min(id) FROM inventory_lots_balance GROUP BY product_id)
"""
_LOCK = "SELECT id FROM inventory_lots_product WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
_QUOTE = """
WITH quote AS (
  INSERT INTO sales_quote (token_digest, state, quoted_at, expires_at, user_name, why)
  VALUES (%s, 'open', %s, %s, '', '') RETURNING id
), line AS (
  INSERT INTO sales_quote_line (quote_id, position, product_id, quantity, is_preorder, promise_date)
  SELECT quote.id, wanted.position, wanted.product, 10000, false, %s
  FROM quote, unnest(%s::bigint[]) WITH ORDINALITY AS wanted(product, position) RETURNING id, product_id
), part AS (
  INSERT INTO sales_quote_part (line_id, balance_id, quantity, day)
  SELECT line.id, line.product_id, 10000, %s FROM line
)
INSERT INTO inventory_lots_stock_hold (balance_id, quantity, document, ends_at)
SELECT line.product_id, 10000, 'Q' || quote.id, %s FROM line, quote
"""


def main(arguments: Sequence[str]) -> None:
    """Measure and print quotes per second of the product and of the floor, how long one takes, and the ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench quotes", description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="lines of demand (default 1,000,000)")
    parser.add_argument("--quotes", type=int, default=1_000, help="quotes of each turn (default 1,000)")
    parser.add_argument("--http", action="store_true", help="ask the server too, after calling in this process")
    parser.add_argument("--clients", type=int, default=4, help="how many clients ask at once over HTTP (default 4)")
    parser.add_argument("--workers", type=int, default=2, help="how many processes of the server answer (default 2)")
    parser.add_argument("--turns", type=int, default=3, help="how many turns; the best of each counts (default 3)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        bench = databases.PostgresBench(Path(folder))
        try:
            bench.create("book")
            url = bench.url("book")
            install(url, lambda session: _write(session, chosen.size))
            products = chosen.size // LINES_PER_PRODUCT
            _show(chosen, [_turn(url, products, chosen.quotes) for _ in range(chosen.turns)])
            if chosen.http:
                over_http(url, products, chosen)
        finally:
            bench.stop()


def _show(chosen: argparse.Namespace, turns: Sequence[tuple[list[float], list[float]]]) -> None:
    product, floor = (min((turn[place] for turn in turns), key=sum) for place in range(2))
    print(f"postgres, {chosen.size:,} lines, quotes of {LINES} lines, best of {chosen.turns}, one process")
    for name, times in (("product", product), ("floor", floor)):
        slow = sorted(times)[len(times) * 95 // 100] * 1000
        print(f"{name:8} {len(times) / sum(times):8.0f} quotes/s, p95 {slow:6.2f} ms")
    print(f"ratio    {sum(product) / sum(floor):8.2f}", flush=True)


def _write(session: Session, lines: int) -> None:
    from modules.sales.services import allocate_book

    write_book(session, lines)
    session.execute(text(_MORE))
    session.commit()
    with events.run(RunKind.command, "bench"):
        allocate_book(session)
    with session.get_bind().engine.connect() as connection:  # type: ignore[union-attr]
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _turn(url: str, products: int, count: int) -> tuple[list[float], list[float]]:
    dice = random.Random(count)
    wanted = [sorted(dice.sample(range(1, products + 1), LINES)) for _ in range(count)]
    app = create_app(database_url=url, environment={})
    with app.app_context():
        try:
            ours = _times(_quote, wanted)
        finally:
            db.session.remove()
            db.engine.dispose()
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return ours, _times(lambda products: _by_hand(connection, products), wanted)


def _quote(products: list[int]) -> None:
    from modules.sales.hooks import WantedQuantity
    from modules.sales.services import make_quote

    asked = [WantedQuantity(product, Decimal(1)) for product in products]
    with events.run(RunKind.screen, "bench"):
        made = commit(lambda session: make_quote(session, asked))
    if not all(promise.promise_date for promise in made.promises):
        raise SystemExit("a quote was not covered")


def _by_hand(connection: psycopg.Connection[object], products: list[int]) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    until, today = now + timedelta(minutes=15), now.date()
    connection.execute(_LOCK, (products,))
    connection.execute(_QUOTE, (token_hex(32), now, until, today, products, today, until))
    connection.commit()


def _times(work: Callable[[list[int]], None], wanted: Sequence[list[int]]) -> list[float]:
    times = []
    for each in wanted:
        began = time.perf_counter()
        work(each)
        times.append(time.perf_counter() - began)
    return times
