"""A process that sells as fast as it can: it prints a line for each order, and runs until it is killed."""

from __future__ import annotations

import os
from itertools import count

from erp.app import create_app
from erp.db import db
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_order


def sell() -> None:
    """Add a product with stock and an order for more than that, again and again."""
    session = db.session()
    customer = make_customer(session, code=f"W{os.getpid()}")
    for number in count():
        product = make_product(session, sku=f"W{os.getpid()}-{number}")
        make_stock(session, product, 3, lot=f"L{os.getpid()}-{number}")
        make_order(session, [(product, 5)], customer=customer)
        print(number, flush=True)


if __name__ == "__main__":
    with create_app().app_context():
        sell()
