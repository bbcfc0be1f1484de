"""Backorder rows: made, grown, allocated, cancelled, deleted, and cancelled after the cancellation days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp import jobs
from erp.registry import current_registry
from modules.sales import services
from modules.sales.errors import (
    NothingOpen,
)
from modules.sales.models import Backorder, Order
from modules.sales.states import BackorderState, OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order, make_queue, open_backorder
from tests.support.statements import parameters_sent


@pytest.fixture
def product(session):
    return make_product(session)


def line_of(order):
    return order.lines[0]


def on_backorder(session, order):
    row = open_backorder(session, line_of(order).id)
    return row.open_quantity if row else 0


def _ending(session, product, stock):
    order = make_order(session, [(product, 5)])
    if stock:
        make_stock(session, product, stock)
        services.allocate_book(session)
    return order


def allocated(order):
    return [line.allocated for line in order.lines]


def backordered(session, order):
    rows = [open_backorder(session, line.id) for line in order.lines]
    return [row.open_quantity if row else 0 for row in rows]


def checks(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)]


@pytest.mark.option("sales.backorders", "yes")
def test_what_stock_cannot_cover_becomes_a_backorder(session, product):
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)])
    assert allocated(order) == [22]
    assert backordered(session, order) == [3]
    assert checks(session) == []


@pytest.mark.option("sales.backorders", "no")
def test_without_backorders_the_shortage_makes_no_row(session, product, set_option):
    set_option("sales.backorders", "no")
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)])
    assert allocated(order) == [22]
    assert session.scalars(select(Backorder)).all() == []


def test_without_backorders_existing_rows_still_shrink(session, product, set_option):
    order = make_order(session, [(product, 25)])
    set_option("sales.backorders", "no")
    make_stock(session, product, 5)
    allocate(session, product)
    assert backordered(session, order) == [20]


def test_the_backorder_row_is_checked_off_when_stock_covers_it(session, product):
    order = make_order(session, [(product, 3)])
    row = open_backorder(session, order.lines[0].id)
    make_stock(session, product, 3)
    services.allocate_order(session, order.id)
    assert row.state is BackorderState.allocated
    assert row.allocated_quantity == 3
    assert row.closed_at is not None


def test_allocating_again_after_a_removal_grows_the_same_backorder_row(session, product):
    make_stock(session, product, 5)
    order = make_order(session, [(product, 10)])
    services.remove_allocations(session, order.id)
    session.commit()
    make_order(session, [(product, 5)])
    services.allocate_order(session, order.id)
    rows = session.scalars(select(Backorder).where(Backorder.line_id == order.lines[0].id)).all()
    assert [(row.quantity, row.state) for row in rows] == [(10, BackorderState.open)]


def test_a_closed_row_stays_and_new_need_gets_a_new_one(session):
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    make_stock(session, product, 5)
    services.allocate_book(session)
    services.change_quantity(session, order.lines[0].id, Decimal(8))
    rows = session.scalars(select(Backorder).order_by(Backorder.id)).all()
    assert [(row.quantity, row.state, row.closed_at is None) for row in rows] == [
        (5, BackorderState.allocated, False),
        (3, BackorderState.open, True),
    ]


@pytest.mark.parametrize(("stock", "state"), [(2, BackorderState.allocated), (0, BackorderState.cancelled)])
def test_a_row_that_ends_is_allocated_if_any_of_it_was(session, stock, state):
    product = make_product(session)
    services.cancel_order(session, _ending(session, product, stock).id)
    row = session.scalars(select(Backorder)).one()
    assert (row.state, row.allocated_quantity, row.cancelled_quantity) == (state, stock, 5 - stock)
    assert row.closed_at is not None


def test_cancelling_a_backorder_cancels_its_open_quantity_for_good(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    row = open_backorder(session, line_of(order).id)
    services.cancel_backorder(session, row.id)
    assert (row.cancelled_quantity, row.state) == (4, BackorderState.cancelled)
    assert line_of(order).cancelled == 4
    with pytest.raises(NothingOpen):
        services.cancel_backorder(session, row.id)


def test_an_order_with_nothing_left_after_its_backorder_is_cancelled(session, product):
    order = make_order(session, [(product, 10)])
    services.cancel_backorder(session, open_backorder(session, line_of(order).id).id)
    assert order.state is OrderState.cancelled


def test_deleting_a_backorder_drops_the_row_and_holds_the_line(session, product):
    order = make_order(session, [(product, 10)])
    services.delete_backorder(session, open_backorder(session, line_of(order).id).id)
    session.commit()
    assert session.scalars(select(Backorder)).all() == []
    assert line_of(order).hold_allocation
    allocate(session, product)
    assert on_backorder(session, order) == 0
    assert line_of(order).open_quantity == 10


@pytest.mark.option("sales.backorder_cancellation_days", "5")
def test_backorders_older_than_the_cancellation_days_are_cancelled(session, product, set_option, at):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    at("2026-11-28T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0
    at("2026-11-29T00:00:00Z")
    assert services.cancel_overdue_backorders(session) == 1
    assert (line_of(order).cancelled, line_of(order).allocated) == (4, 6)
    assert order.state is OrderState.confirmed


def test_a_backorder_that_grew_counts_from_then(session, product, set_option, at):
    order = make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    at("2026-11-27T12:00:00Z")
    services.change_quantity(session, line_of(order).id, Decimal(12))
    session.commit()
    at("2026-11-29T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0
    at("2026-12-03T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 1


@pytest.mark.parametrize(("option", "value"), [
    pytest.param("backorder_cancellation_days", "0",
                 marks=pytest.mark.option("sales.backorder_cancellation_days", "0")),
    ("backorders", "no"),
])  # fmt: skip
def test_without_the_option_nothing_is_ever_cancelled(session, product, set_option, at, option, value):
    make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    set_option(f"sales.{option}", value)
    at("2027-11-29T00:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0


@pytest.mark.needs("preorder")
@pytest.mark.parametrize(("covered", "cancelled"), [("no", 2), ("yes", 5)])
def test_quantities_on_purchase_orders_are_spared_unless_the_option_says_otherwise(
    session, set_option, at, covered, cancelled
):
    set_option("sales.backorder_cancellation_days", "5")
    set_option("sales.cancel_covered", covered)
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 3, date(2027, 2, 1))])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    at("2026-12-24T12:00:00Z")
    assert jobs.run("cancel-overdue-backorders").summary == "1 backorder cancelled."
    session.expire_all()
    assert order.lines[0].cancelled == cancelled
    assert (order.state == "cancelled") == (cancelled == 5)


def test_overdue_backorders_of_any_number_are_cancelled(session, product, at, set_option):
    set_option("sales.backorder_cancellation_days", "5")
    make_queue(session, product, 300)
    at("2026-12-24T12:00:00Z")
    with parameters_sent() as sent:
        assert services.cancel_overdue_backorders(session) == 300
    assert set(session.scalars(select(Order.state))) == {OrderState.cancelled}
    assert max(sent) < 100
