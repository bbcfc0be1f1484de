"""A book that is allocated by whole-book runs alone equals a shop keeper's notes, row by row."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.db import db
from modules.inventory_lots.models import Balance, Product
from modules.sales import services
from modules.sales.models import Allocation
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import FIRST_DAY, make_order

NEW_YEAR = date(2026, 1, 1)
numbers, amounts, ages = st.integers(0, 2), st.integers(1, 9), st.integers(0, 3)
orders = st.tuples(
    st.just("order"), st.lists(st.tuples(numbers, amounts), min_size=1, max_size=4), st.integers(0, 1), ages
)
supplies = st.tuples(st.just("stock"), numbers, amounts, ages)
runs = st.tuples(st.just("run"))


class Notes:
    """What a shop keeper would write down who hands out one unit after the other, without the database."""

    def __init__(self):
        self.wanted, self.lots, self.given = [], [], {}

    def run(self):
        lots = sorted(self.lots, key=lambda lot: (lot["received"], lot["id"]))
        for want in sorted(self.wanted, key=lambda want: want["place"]):
            for lot in lots:
                while lot["product"] == want["product"] and lot["left"] and want["remainder"]:
                    lot["left"], want["remainder"] = lot["left"] - 1, want["remainder"] - 1
                    key = (want["id"], lot["id"])
                    self.given[key] = self.given.get(key, 0) + 1


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(steps=st.lists(orders | orders | supplies | supplies | runs, min_size=3, max_size=15))
def served_as_noted(steps):
    session, notes = db.session(), Notes()
    session.rollback()
    products = [make_product(session).id for _ in range(3)]
    session.commit()
    for what, *step in [*steps, ("run",)]:
        if what == "run":
            services.allocate_book(session)
            notes.run()
        elif what == "stock":
            put_in_stock(session, notes, products, *step)
        else:
            take_order(session, notes, products, *step)
        assert rows_of_this_book(session, notes) == notes.given


def rows_of_this_book(session, notes):
    """Return what each line of this example got of each lot."""
    mine = {want["id"] for want in notes.wanted}
    columns = (Allocation.line_id, Balance.lot_id, Allocation.quantity)
    found = {}
    for line_id, lot_id, quantity in session.execute(
        select(*columns).join(Balance, Balance.id == Allocation.balance_id)
    ):
        if line_id in mine:
            found[line_id, lot_id] = found.get((line_id, lot_id), 0) + quantity
    session.rollback()
    return found


def put_in_stock(session, notes, products, number, quantity, age):
    received = NEW_YEAR + timedelta(days=age)
    product = session.get_one(Product, products[number])
    balance = make_stock(session, product, quantity, received_on=received)
    notes.lots.append({"id": balance.lot_id, "product": products[number], "left": quantity, "received": received})


def take_order(session, notes, products, lines, priority, age):
    ordered_at = FIRST_DAY + timedelta(hours=age)
    wanted = [(session.get_one(Product, products[number]), Decimal(quantity)) for number, quantity in lines]
    order = make_order(session, wanted, priority=priority, ordered_at=ordered_at)
    for line in order.lines:
        place = (-priority, ordered_at, order.id, line.position)
        notes.wanted.append(
            {"id": line.id, "product": line.product_id, "remainder": int(line.quantity), "place": place}
        )


def test_a_book_that_only_runs_allocated_is_what_a_naive_reference_says(app, set_option):
    set_option("sales.allocate_on_confirm", "no")
    served_as_noted()
