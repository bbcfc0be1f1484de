"""Many processes that quote the same goods at once."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import func, select

from modules.inventory_lots.models import StockHold
from tests.support import forks
from tests.support.inventory_lots import make_product, make_stock


def test_sixteen_processes_quote_the_last_ten_pieces(app, session, tmp_path):
    product = make_product(session, sku="LAMP", unit_decimals=0)
    make_stock(session, product, 10)
    tasks = [{"do": "quote", "product": product.id}] * 16
    session.commit()
    assert sorted(forks.run(app, tmp_path, tasks, at_once=True)) == [0] * 6 + [10_000] * 10
    assert session.scalar(select(func.sum(StockHold.quantity))) == Decimal(10)
