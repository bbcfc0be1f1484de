"""What stock gives back is what a run would have taken last, in both orders of removal and on every path."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp import clock
from erp.db import db
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.services import Count, adjust, hold_lot, release_allocations
from modules.inventory_lots.states import Tracking
from modules.sales import services
from modules.sales.models import Allocation, OrderLine
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.sales import allocate, make_order

RECEIVED, EXPIRES = date(2026, 1, 1), date(2027, 1, 1)
amounts, days = st.integers(1, 5), st.integers(0, 3)
lots = st.lists(st.tuples(amounts, days, st.none() | days, st.sampled_from(["WH/A", "WH/B"])), min_size=1, max_size=5)
wanted = st.lists(st.tuples(amounts, st.integers(0, 1)), min_size=1, max_size=4)
property_of_the_book = settings(
    max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


def stocked(found, *, tracking=Tracking.lot, path=None):
    """Return a product and its balances, a lot for each (quantity, days, days of use, location)."""
    session = db.session()
    session.rollback()
    product = make_product(session, tracking=tracking)
    balances = [
        make_stock(
            session,
            product,
            quantity,
            location=path or location,
            received_on=RECEIVED + timedelta(received),
            expires_on=None if expires is None else EXPIRES + timedelta(expires),
        ).id
        for quantity, received, expires, location in found
    ]
    return session, product, balances


def holdings(session, product, balances):
    """Return how much each of the product's lines has on each of its balances, both by their position."""
    rows = session.execute(
        select(OrderLine.id, Allocation.balance_id, Allocation.quantity)
        .join(Allocation, Allocation.line_id == OrderLine.id)
        .where(OrderLine.product_id == product.id)
        .order_by(OrderLine.id)
    ).all()
    lines = sorted(session.scalars(select(OrderLine.id).where(OrderLine.product_id == product.id)))
    found = {}
    for line_id, balance_id, quantity in rows:
        key = lines.index(line_id), balances.index(balance_id)
        found[key] = found.get(key, 0) + quantity
    return found


def ordered(session, product, orders):
    """Take orders of (quantity, priority) and run the product; return the ids of their lines."""
    made = [make_order(session, [(product, quantity)], priority=priority) for quantity, priority in orders]
    line_ids = [order.lines[0].id for order in made]
    allocate(session, product)
    return line_ids


@property_of_the_book
@given(lots, amounts, st.integers(1, 12))
def lowered_as_a_run_would_have_served(found, smaller, more):
    session, product, balances = stocked(found)
    (line_id,) = ordered(session, product, [(smaller + more, 0)])
    services.change_quantity(session, line_id, Decimal(smaller))
    session.commit()
    lowered = holdings(session, product, balances)
    session, fresh, balances = stocked(found)
    ordered(session, fresh, [(smaller, 0)])
    assert lowered == holdings(session, fresh, balances)


@property_of_the_book
@given(lots, wanted, st.integers(1, 12))
def a_smaller_total_as_a_run_would_have_served(found, orders, less):
    session, product, balances = stocked(found, tracking=Tracking.none, path="WH/A")
    ordered(session, product, orders)
    left = max(0, sum(quantity for quantity, *_ in found) - less)
    location_id = make_location(session, "WH/A").id
    session.commit()
    adjust(session, Count(product.id, location_id, Decimal(left)), release=True)
    session.commit()
    kept = holdings(session, product, balances)
    on_hand = [session.get_one(Balance, id_).on_hand for id_ in balances]
    smaller = [(quantity, *more) for quantity, (_, *more) in zip(on_hand, found, strict=True) if quantity]
    session, fresh, balances = stocked(smaller, tracking=Tracking.none, path="WH/A") if smaller else (session, None, [])
    if fresh is None:
        assert kept == {}
        return
    ordered(session, fresh, orders)
    places = [at for at, quantity in enumerate(on_hand) if quantity]
    assert kept == {(line, places[at]): held for (line, at), held in holdings(session, fresh, balances).items()}


@pytest.mark.parametrize("removal", ["fifo", "fefo"])
def test_a_lowered_line_keeps_what_a_run_would_have_given_it(app, set_option, removal):
    set_option("sales.allocate_on_confirm", "no")
    set_option("inventory_lots.removal", removal)
    lowered_as_a_run_would_have_served()


@pytest.mark.parametrize("removal", ["fifo", "fefo"])
def test_after_a_smaller_total_orders_have_what_a_run_over_the_remaining_stock_would_have_given_them(
    app, set_option, removal
):
    set_option("sales.allocate_on_confirm", "no")
    set_option("inventory_lots.removal", removal)
    a_smaller_total_as_a_run_would_have_served()


# Stock that may not leave gives back first


@pytest.fixture
def two_lots(session, set_option):
    """Return a product with 4 of an early lot and 4 of a late one, and a line that has all of it."""
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session, tracking=Tracking.none)
    early = make_stock(session, product, 4, received_on=RECEIVED)
    late = make_stock(session, product, 4, received_on=RECEIVED + timedelta(1))
    (line_id,) = ordered(session, product, [(8, 0)])
    return product, early, late, line_id


def held(session, *balances):
    session.expire_all()
    return [balance.allocated for balance in balances]


def test_a_lowered_line_first_gives_back_what_is_allocated_on_a_held_lot(session, two_lots):
    _, early, late, line_id = two_lots
    hold_lot(session, early.lot_id)
    session.commit()
    services.change_quantity(session, line_id, Decimal(3))
    session.commit()
    assert held(session, early, late) == [0, 3]


def test_a_smaller_total_first_releases_what_is_allocated_on_an_expired_lot(session, two_lots):
    product, early, late, _ = two_lots
    lot = session.get_one(Lot, early.lot_id)
    lot.expires_on = clock.today() - timedelta(1)
    session.commit()
    adjust(session, Count(product.id, early.location_id, Decimal(5)), release=True)
    session.commit()
    assert held(session, early, late) == [1, 4]
    assert [early.on_hand, late.on_hand] == [1, 4]


def test_a_smaller_total_takes_unallocated_stock_that_may_not_leave_before_a_later_lot(session, set_option):
    product = make_product(session, tracking=Tracking.none)
    early = make_stock(session, product, 4, received_on=RECEIVED)
    late = make_stock(session, product, 4, received_on=RECEIVED + timedelta(1))
    hold_lot(session, early.lot_id)
    session.commit()
    adjust(session, Count(product.id, early.location_id, Decimal(6)))
    session.commit()
    assert [early.on_hand, late.on_hand] == [2, 4]


def test_the_lots_page_releases_the_last_line_in_the_queue_first_whichever_location_it_is_at(session, set_option):
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session)
    first = make_stock(session, product, 2, lot="L", location="WH/A")
    second = make_stock(session, product, 2, lot="L", location="WH/B")
    ordered(session, session.get_one(Product, product.id), [(3, 0), (1, 0)])
    hold_lot(session, first.lot_id)
    session.commit()
    release_allocations(session, first.lot_id, quantity=Decimal(2))
    session.commit()
    # The second order loses its 1 of WH/B, and then the first order its 1 of WH/B.
    assert held(session, first, second) == [2, 0]
