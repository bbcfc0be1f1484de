"""Orders: confirming and cancelling them."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from erp.registry import current_registry
from modules.inventory_lots.states import Tracking
from modules.sales import services
from modules.sales.errors import (
    LinesRefused,
    OrderWithoutLines,
)
from modules.sales.models import Allocation, Backorder
from modules.sales.states import BackorderState, OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_draft, make_order, open_backorder


@pytest.fixture
def product(session):
    return make_product(session)


def line_of(order):
    return order.lines[0]


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def allocated(order):
    return [line.allocated for line in order.lines]


def backordered(session, order):
    rows = [open_backorder(session, line.id) for line in order.lines]
    return [row.open_quantity if row else 0 for row in rows]


@pytest.mark.option("sales.allocate_on_confirm", "yes")
def test_confirming_gives_the_number_and_runs_the_products(session, product):
    make_stock(session, product, 10)
    order = make_draft(session, [(product, 4)])
    assert order.number is None
    services.confirm(session, order.id)
    assert order.number == "SO00001"
    assert order.state is OrderState.confirmed
    assert allocated(order) == [4]


@pytest.mark.option("sales.allocate_on_confirm", "no")
def test_confirming_allocates_nothing_where_the_option_says_so(session, product, set_option):
    set_option("sales.allocate_on_confirm", "no")
    make_stock(session, product, 10)
    order = make_order(session, [(product, 4)])
    assert allocated(order) == [0]
    assert backordered(session, order) == [0]


def test_an_order_without_lines_is_not_confirmed(session):
    with pytest.raises(OrderWithoutLines):
        services.confirm(session, make_draft(session, []).id)


def test_a_line_with_more_decimals_than_its_product_is_not_confirmed(session, product):
    order = make_draft(session, [(product, "1.5")])
    with pytest.raises(LinesRefused, match="Line 1"):
        services.confirm(session, order.id)


def test_a_product_that_is_not_active_is_not_confirmed(session):
    order = make_draft(session, [(make_product(session, is_active=False), 1)])
    with pytest.raises(LinesRefused, match="no longer active"):
        services.confirm(session, order.id)


def test_a_serial_product_is_ordered_in_whole_pieces(session):
    order = make_draft(session, [(make_product(session, tracking=Tracking.serial), "1.5")])
    with pytest.raises(LinesRefused, match="has more than 0 decimals"):
        services.confirm(session, order.id)


def test_cancelling_an_order_with_nothing_packed_cancels_it(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.cancel_order(session, order.id)
    assert order.state is OrderState.cancelled
    assert session.scalars(select(Allocation)).all() == []
    assert session.scalars(select(Backorder.state)).all() == [BackorderState.cancelled]
    assert no_breach(session)


def test_a_cancelled_order_frees_stock_for_a_later_run_only(session, product):
    make_stock(session, product, 5)
    order, other = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    services.cancel_order(session, order.id)
    session.commit()
    assert line_of(other).allocated == 0
    allocate(session, product)
    assert line_of(other).allocated == 5


def test_a_draft_is_cancelled_whole(session, product):
    order = make_draft(session, [(product, 5)])
    services.cancel_order(session, order.id)
    assert order.state is OrderState.cancelled


@pytest.mark.parametrize("lines", [1, 12])
def test_cancelling_an_order_takes_the_same_statements_for_one_line_as_for_many(session, count_statements, lines):
    products = [make_product(session) for _ in range(lines)]
    for each in products:
        make_stock(session, each, 3)
    order_id = make_order(session, [(each, 5) for each in products]).id
    session.expunge_all()
    with count_statements() as sent:
        order = services.cancel_order(session, order_id)
        session.commit()
    assert (order.state, {line.cancelled for line in order.lines}) == (OrderState.cancelled, {5})
    assert len(sent) <= 30
    assert no_breach(session)
