"""Two users change the same stock at the same time."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from modules.inventory_lots import queries
from modules.inventory_lots.errors import NotEnoughUnallocated
from modules.inventory_lots.models import Balance, Location
from modules.inventory_lots.services import (
    Arrival,
    Count,
    adjust,
    find_or_make_location,
    lock_products,
    reserve,
    transfer,
)
from modules.inventory_lots.states import Tracking
from tests.support.concurrency import together
from tests.support.inventory_lots import make_location, make_product, make_stock, receive


def test_two_who_adjust_the_same_balance_both_book_what_they_changed(app, session):
    balance = make_stock(session, make_product(session), 10, lot="L1")
    ids = (balance.product_id, balance.location_id)
    session.commit()

    def count(quantity):
        return lambda session: adjust(session, Count(*ids, Decimal(quantity), "L1"), reason="Counted")

    together(app, *(count(quantity) for quantity in (3, 5, 7, 12)))
    session.expire_all()
    assert balance.on_hand in (3, 5, 7, 12)
    assert list(queries.broken_balances(session)) == []


def test_two_who_receive_into_the_same_new_lot_top_up_one_balance(app, session):
    product_id, location_id = make_product(session).id, make_location(session).id
    session.commit()

    def arrive(session):
        lock_products(session, [product_id])
        receive(session, Arrival(product_id, location_id, Decimal(5), "L1"))

    assert together(app, *[arrive] * 4) == [None] * 4
    assert session.scalars(select(Balance.on_hand)).all() == [20]
    assert list(queries.broken_balances(session)) == []


def test_automatic_lot_numbers_are_never_given_twice(app, session):
    ids = [make_product(session, tracking=Tracking.none).id for _ in range(4)]
    location_id = make_location(session).id
    session.commit()

    def arrive(product_id):
        def work(session):
            lock_products(session, [product_id])
            return receive(session, Arrival(product_id, location_id, Decimal(5))).lot.number

        return work

    numbers = together(app, *map(arrive, ids))
    assert sorted(numbers) == ["LOT00001", "LOT00002", "LOT00003", "LOT00004"]


def test_stock_that_one_reserves_the_other_cannot_move_away(app, session):
    balance = make_stock(session, make_product(session), 10)
    balance_id, product_id, there = balance.id, balance.product_id, make_location(session, "WH/B").id
    session.commit()

    def take_all(session):
        lock_products(session, [product_id])
        free = queries.usable_balances(session, [product_id])
        reserve(session, [(id_, available) for id_, _, available in free if id_ == balance_id])

    def move_all(session):
        transfer(session, balance_id, location_id=there, quantity=Decimal(10))

    results = together(app, take_all, move_all)
    session.expire_all()
    assert isinstance(results[1], NotEnoughUnallocated) or results[1] is None
    assert (balance.on_hand, balance.allocated) in ((10, 10), (0, 0))
    assert list(queries.broken_balances(session)) == []


def test_two_who_make_the_same_location_get_the_same_one(app, session):
    def make(session):
        return find_or_make_location(session, "EAST/A")[0].id

    ids = together(app, *[make] * 4)
    assert len(set(ids)) == 1
    assert session.scalars(select(Location.path)).all() == ["EAST/A"]


def test_two_who_touch_the_same_products_in_opposite_order_both_finish(app, session):
    ids = [make_product(session).id for _ in range(6)]
    location_id = make_location(session).id
    session.commit()

    def arrive(order, number):
        def work(session):
            lock_products(session, order)
            for product_id in order:
                receive(session, Arrival(product_id, location_id, Decimal(1), number))

        return work

    results = together(app, arrive(ids, "A"), arrive(ids[::-1], "B"), arrive(ids, "C"), arrive(ids[::-1], "A"))
    assert results == [None] * 4


def test_products_are_locked_once_in_a_transaction(session):
    ids = [make_product(session).id for _ in range(2)]
    session.commit()
    lock_products(session, ids[:1])
    lock_products(session, ids[:1])
    with pytest.raises(RuntimeError, match="locked once a transaction"):
        lock_products(session, ids)
