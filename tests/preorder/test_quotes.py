"""Quotes on supply that is to come: purchase order lines, launches, and what becomes of what is held of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.db import from_raw
from modules.inventory_lots.models import Balance
from modules.preorder.domain import PreorderTerms
from modules.preorder.errors import NotEnoughIncoming
from modules.preorder.queries import available_days
from modules.preorder.services import allocate_by_hand, save_product
from modules.procurement.domain import Delivery
from modules.procurement.errors import LineIsAllocated
from modules.procurement.services import change_line, close_lines, receive, set_expected_dates
from modules.sales.errors import LinesRefused, QuoteBroken
from modules.sales.hooks import WantedQuantity
from modules.sales.services import confirm, make_quote
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import LAUNCH, broken, make_preorder_product, outstanding
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_draft, make_order

TODAY, DECEMBER, JANUARY = date(2026, 11, 23), date(2026, 12, 1), date(2027, 1, 5)


def quote(session, *wanted):
    """Quote (product, quantity) pairs. Commits."""
    session.commit()
    made = make_quote(session, [WantedQuantity(product.id, Decimal(quantity)) for product, quantity in wanted])
    session.commit()
    return made


def arrive(session, purchase, quantity):
    """Receive a quantity of a purchase order line into stock. Commits."""
    location = make_location(session)
    session.commit()
    receive(session, Delivery(purchase.id, Decimal(quantity), location.id, lot_number="R1"))
    session.commit()


def dated(made):
    """The quantity and the day of each part of a quote's first line."""
    return [(from_raw(part.quantity), part.day) for part in made.promises[0].parts]


@pytest.fixture
def purchase(session, product):
    """4 in stock and 10 to come in December, on a purchase order line."""
    make_stock(session, product, 4)
    (line,) = make_purchase_order(session, [(product, 10, DECEMBER)]).lines
    return line


@pytest.mark.option("preorder.promise_buffer_days", "0", "2")
def test_a_quote_says_the_day_of_each_part_and_of_all(session, product, purchase, set_option):
    made = quote(session, (product, 6))
    assert (dated(made), made.promises[0].promise_date) == ([(4, TODAY), (2, DECEMBER)], DECEMBER)
    set_option("preorder.promise_buffer_days", "2")
    later = quote(session, (product, 9))
    assert (dated(later), later.promises[0].promise_date) == ([(8, DECEMBER)], None)
    assert quote(session, (product, 1)).promises[0].parts == []


def test_the_order_gets_the_purchase_allocations_that_were_quoted_and_the_promised_day(session, product, purchase):
    made = quote(session, (product, 6))
    order = make_draft(session, [(product, 6)])
    confirm(session, order.id, quote=made.token)
    session.commit()
    (line,) = order.lines
    assert (line.allocated, outstanding(session, line), line.promise_date) == (4, [2], DECEMBER)
    assert (purchase.allocated, purchase.held, broken(session)) == (2, 0, [])


def test_what_is_held_is_available_to_nobody(session, product, purchase, auto, partial):
    quote(session, (product, 12))
    days = available_days(session, [product.id])[product.id]
    assert [days[0].available_to_promise, days[20].available_to_promise] == [0, 2]
    order = make_order(session, [(product, 5)])
    assert (order.lines[0].allocated, outstanding(session, order.lines[0])) == (0, [2])
    assert broken(session) == []


def test_nobody_allocates_by_hand_what_is_held(session, product, purchase):
    quote(session, (product, 12))
    order = make_order(session, [(product, 5)])
    session.commit()
    with pytest.raises(NotEnoughIncoming):
        allocate_by_hand(session, {(order.lines[0].id, purchase.id): Decimal(3)})


def test_goods_that_arrive_are_held_in_stock_for_the_quote(session, product, purchase, auto):
    made = quote(session, (product, 7))
    make_order(session, [(product, 20)])
    arrive(session, purchase, 10)
    (arrived,) = session.scalars(select(Balance).where(Balance.on_hand == Decimal(10)))
    assert (arrived.held, arrived.allocated, purchase.held, broken(session)) == (3, 7, 0, [])
    order = make_draft(session, [(product, 7)])
    confirm(session, order.id, quote=made.token)
    session.commit()
    assert (order.lines[0].allocated, broken(session)) == (7, [])


def test_goods_that_arrive_in_parts_are_held_in_parts(session, product, purchase):
    made = quote(session, (product, 14))
    arrive(session, purchase, 6)
    assert (purchase.held, broken(session)) == (4, [])
    order = make_draft(session, [(product, 14)])
    confirm(session, order.id, quote=made.token)
    session.commit()
    assert (order.lines[0].allocated, outstanding(session, order.lines[0])) == (10, [4])


def test_supply_that_is_lost_breaks_the_quote_and_says_which(session, product, purchase):
    made = quote(session, (product, 6))
    with pytest.raises(LineIsAllocated, match=f"quote Q{made.id}"):
        change_line(session, purchase.id, quantity=Decimal(1))
    session.rollback()
    close_lines(session, [purchase.id])
    session.commit()
    order = make_draft(session, [(product, 6)])
    with pytest.raises(QuoteBroken, match=f"Purchase order {purchase.order.number}/1"):
        confirm(session, order.id, quote=made.token)
    session.rollback()
    allocate(session, product)
    assert make_order(session, [(product, 4)]).lines[0].allocated == 4, "its stock is free again"
    assert broken(session) == []


def test_a_quote_that_would_come_later_is_refused_with_both_days(session, product, purchase):
    made = quote(session, (product, 6))
    set_expected_dates(session, {purchase.id: JANUARY})
    session.commit()
    order = make_draft(session, [(product, 6)])
    with pytest.raises(QuoteBroken, match="01 Dec 2026 and is now expected on 05 Jan 2027"):
        confirm(session, order.id, quote=made.token)


@pytest.mark.usefixtures("auto")
def test_a_quote_waits_for_what_the_queue_takes_of_purchase_orders(session, product, set_option):
    set_option("preorder.auto_allocate", "no")
    make_purchase_order(session, [(product, 10, DECEMBER)])
    make_order(session, [(product, 7)])
    assert dated(quote(session, (product, 3))) == [(3, DECEMBER)]
    assert dated(quote(session, (product, 1))) == []


@pytest.mark.option("sales.backorders", "no")
def test_without_backorders_only_stock_is_quoted(session, product, purchase, set_option):
    set_option("sales.backorders", "no")
    assert dated(quote(session, (product, 6))) == [(4, TODAY)]


def test_before_its_launch_a_product_is_quoted_for_that_day_within_its_limit(session):
    pump = make_preorder_product(session, limit=5)
    make_stock(session, pump, 9)
    make_stock(session, pump, 9, expires_on=DECEMBER)
    made = quote(session, (pump, 4))
    assert (dated(made), made.promises[0].promise_date) == ([(4, LAUNCH)], LAUNCH)
    with pytest.raises(LinesRefused, match="limit"):
        quote(session, (pump, 2))
    session.rollback()
    order = make_draft(session, [(pump, 2)])
    with pytest.raises(LinesRefused, match="limit"):
        confirm(session, order.id)
    session.rollback()
    order = make_draft(session, [(pump, 4)])
    confirm(session, order.id, quote=made.token)
    session.commit()
    assert (order.lines[0].allocated, order.lines[0].promise_date) == (4, LAUNCH)


def test_a_product_that_is_not_sold_before_its_launch_is_not_quoted(session):
    pump = make_product(session)
    save_product(session, pump, PreorderTerms(False, LAUNCH, None))
    with pytest.raises(LinesRefused, match="launched"):
        quote(session, (pump, 2))


def test_a_quote_of_many_preorders_takes_as_many_statements_as_one_of_two(session, count_statements):
    def ask(lines):
        products = [make_preorder_product(session) for _ in range(lines)]
        for product in products:
            make_stock(session, product, 5)
        asked = [WantedQuantity(product.id, Decimal(1)) for product in products]
        session.commit()
        with count_statements() as sent:
            made = make_quote(session, asked)
            session.commit()
        assert all(promise.promise_date == LAUNCH for promise in made.promises)
        return len(sent)

    ask(1)
    assert ask(12) == ask(2)
