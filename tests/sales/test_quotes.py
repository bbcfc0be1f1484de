"""Quotes on stock: what is held, for how long, and for whom."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from modules.inventory_lots.errors import NotEnoughUnallocated, StockAllocated
from modules.inventory_lots.models import Balance, StockHold
from modules.inventory_lots.queries import product_totals
from modules.inventory_lots.services import Count, adjust, hold_lot, transfer
from modules.inventory_lots.states import Tracking
from modules.sales.errors import (
    LinesRefused,
    NoLinesGiven,
    QuoteBroken,
    QuoteDiffers,
    QuoteExpired,
    QuoteReleased,
    QuoteUnknown,
    QuoteUsed,
)
from modules.sales.hooks import WantedQuantity
from modules.sales.models import Allocation, Quote
from modules.sales.services import confirm, delete_past_quotes, make_quote, release_quote
from modules.sales.states import QuoteState
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import broken
from tests.support.sales import make_draft, make_order


def quote(session, *wanted, wanted_on=None):
    """Quote (product, quantity) pairs. Commits."""
    session.commit()
    asked = [WantedQuantity(product.id, Decimal(quantity)) for product, quantity in wanted]
    made = make_quote(session, asked, wanted_on=wanted_on)
    session.commit()
    return made


def held_parts(made):
    """What a quote holds of each line."""
    return [[part.quantity // 10_000 for part in promise.parts] for promise in made.promises]


def allocated(session, order):
    """What each line of an order has of each balance."""
    rows = select(Allocation.balance_id, Allocation.quantity).join(Allocation.line)
    return [tuple(row) for row in session.execute(rows.where(Allocation.line.has(order_id=order.id)))]


@pytest.fixture
def product(session):
    """A lamp, of which 10 are in stock."""
    product = make_product(session, sku="LAMP", unit_decimals=0)
    make_stock(session, product, 10, lot="L1")
    return product


def test_what_is_quoted_is_held_from_everybody_else(session, product):
    made = quote(session, (product, 7))
    assert (held_parts(made), made.promises[0].promise_date) == ([[7]], date(2026, 11, 23))
    order = make_order(session, [(product, 5)])
    assert order.lines[0].allocated == 3
    assert product_totals(session, [product.id])[product.id].available == 0
    assert broken(session) == []


def test_the_order_gets_exactly_what_was_quoted_and_its_place_in_the_queue(session, product):
    made = quote(session, (product, 7))
    (balance,) = session.scalars(select(Balance))
    order = make_draft(session, [(product, 7)])
    confirm(session, order.id, quote=made.token)
    session.commit()
    assert allocated(session, order) == [(balance.id, 7)]
    assert (session.get_one(Quote, made.id).state, session.get_one(Quote, made.id).order_id) == ("used", order.id)
    assert (balance.allocated, balance.held, broken(session)) == (7, 0, [])


@pytest.mark.option("sales.quote_minutes", "15", "30")
def test_a_quote_counts_nowhere_from_the_instant_on_at_which_it_expires(session, product, at, set_option):
    made = quote(session, (product, 6))
    set_option("sales.quote_minutes", "30")
    longer = quote(session, (product, 4))
    at("2026-11-23T12:14:59Z")
    assert make_order(session, [(product, 1)]).lines[0].allocated == 0
    at("2026-11-23T12:15:00Z")
    assert make_order(session, [(product, 9)]).lines[0].allocated == 5
    order = make_draft(session, [(product, 6)])
    with pytest.raises(QuoteExpired):
        confirm(session, order.id, quote=made.token)
    session.rollback()
    at("2026-11-23T12:29:59Z")
    order = make_draft(session, [(product, 4)])
    confirm(session, order.id, quote=longer.token)
    assert order.lines[0].allocated == 4


def test_a_quote_is_used_once(session, product):
    made = quote(session, (product, 4))
    first, second = (make_draft(session, [(product, 4)]) for _ in range(2))
    confirm(session, first.id, quote=made.token)
    session.commit()
    with pytest.raises(QuoteUsed):
        confirm(session, second.id, quote=made.token)


def test_a_released_quote_holds_nothing_and_is_used_by_nobody(session, product):
    made = quote(session, (product, 10))
    release_quote(session, made.id)
    session.commit()
    assert make_order(session, [(product, 10)]).lines[0].allocated == 10
    order = make_draft(session, [(product, 10)])
    for attempt in (lambda: release_quote(session, made.id), lambda: confirm(session, order.id, quote=made.token)):
        with pytest.raises(QuoteReleased):
            attempt()
        session.rollback()


def test_a_token_that_nobody_got_is_refused(session, product):
    order = make_draft(session, [(product, 1)])
    with pytest.raises(QuoteUnknown):
        confirm(session, order.id, quote="anything")


@pytest.mark.parametrize("lines", [[8], [7, 1], [6]])
def test_an_order_of_something_else_is_refused_and_the_quote_stays(session, product, lines):
    made = quote(session, (product, 7))
    order = make_draft(session, [(product, quantity) for quantity in lines])
    with pytest.raises(QuoteDiffers):
        confirm(session, order.id, quote=made.token)
    session.rollback()
    assert session.scalar(select(func.sum(StockHold.quantity))) == 7
    assert session.get_one(Quote, made.id).state is QuoteState.open


def test_a_quote_gets_only_what_the_queue_leaves(session, product, set_option):
    set_option("sales.allocate_on_confirm", "no")
    make_order(session, [(product, 6)])
    made = quote(session, (product, 7))
    assert (held_parts(made), made.promises[0].promise_date) == ([[4]], None)
    later = make_order(session, [(product, 5)])
    assert later.lines[0].allocated == 0


def test_two_lines_of_one_product_share_what_is_there(session, product):
    assert held_parts(quote(session, (product, 6), (product, 6))) == [[6], [4]]


def test_held_stock_is_neither_moved_nor_counted_away(session, product):
    made = quote(session, (product, 7))
    (balance,) = session.scalars(select(Balance))
    other = make_stock(session, product, 1, lot="L2", location="WH/B")
    session.commit()
    with pytest.raises(NotEnoughUnallocated):
        transfer(session, balance.id, location_id=other.location_id, quantity=Decimal(4))
    session.rollback()
    with pytest.raises(StockAllocated, match=f"quote Q{made.id}"):
        adjust(session, Count(product.id, balance.location_id, Decimal(6), "L1"))
    session.rollback()
    transfer(session, balance.id, location_id=other.location_id)
    session.commit()
    assert (balance.on_hand, broken(session)) == (7, [])


def test_stock_that_falls_with_release_breaks_the_latest_quote_and_says_so(session, product):
    make_order(session, [(product, 4)])
    first, second = quote(session, (product, 3)), quote(session, (product, 3))
    (balance,) = session.scalars(select(Balance))
    adjust(session, Count(product.id, balance.location_id, Decimal(8), "L1"), release=True)
    session.commit()
    assert (balance.allocated, balance.held, broken(session)) == (4, 3, [])
    order = make_draft(session, [(product, 3)])
    with pytest.raises(QuoteBroken, match="LAMP lot L1"):
        confirm(session, order.id, quote=second.token)
    session.rollback()
    confirm(session, order.id, quote=first.token)


def test_breaking_many_quotes_takes_as_many_statements_as_breaking_two(session, count_statements):
    def break_quotes(quotes):
        product = make_product(session)
        make_stock(session, product, quotes)
        for _ in range(quotes):
            quote(session, (product, 1))
        (balance,) = session.scalars(select(Balance).where(Balance.product_id == product.id))
        ids = product.id, balance.location_id, balance.lot.number
        session.commit()
        with count_statements() as sent:
            adjust(session, Count(ids[0], ids[1], Decimal(0), ids[2]), release=True)
            session.commit()
        return len(sent)

    break_quotes(1)
    few = break_quotes(2)
    assert break_quotes(15) == few
    states = session.scalars(select(Quote.state)).all()
    assert states == [QuoteState.broken] * 18
    assert broken(session) == []


def test_a_quote_whose_lot_may_not_leave_any_more_is_refused_by_the_name_of_the_lot(session, product):
    made = quote(session, (product, 3))
    (balance,) = session.scalars(select(Balance))
    hold_lot(session, balance.lot_id)
    order = make_draft(session, [(product, 3)])
    with pytest.raises(QuoteBroken, match="LAMP lot L1"):
        confirm(session, order.id, quote=made.token)


def test_what_cannot_be_sold_is_not_quoted(session, product):
    serial = make_product(session, sku="CLOCK", tracking=Tracking.serial)
    gone = make_product(session, sku="GONE", is_active=False)
    with pytest.raises(LinesRefused, match=r"CLOCK.*GONE.*LAMP"):
        quote(session, (serial, 1), (gone, 1), (product, "1.5"))
    session.rollback()
    with pytest.raises(NoLinesGiven):
        quote(session)


def test_quotes_are_deleted_a_day_after_they_ended_unless_an_order_used_them(session, product, at):
    quote(session, (product, 1))
    used = quote(session, (product, 2))
    order = make_draft(session, [(product, 2)])
    confirm(session, order.id, quote=used.token)
    session.commit()
    at("2026-11-24T12:14:00Z")
    assert delete_past_quotes(session) == 0
    at("2026-11-24T12:16:00Z")
    assert delete_past_quotes(session) == 1
    session.commit()
    assert session.scalars(select(Quote.id)).all() == [used.id]
    assert session.scalar(select(func.count(StockHold.id))) == 0


def test_the_check_finds_a_quote_that_is_not_held_as_it_promises_and_stock_that_is_held_twice(session, product):
    made = quote(session, (product, 7))
    session.execute(text("UPDATE inventory_lots_stock_hold SET quantity = 110000"))
    session.commit()
    assert sorted(broken(session)) == [
        "LAMP lot L1 at WH/STOCK: 11 are held, of which 1 are not there or allocated as well.",
        f"Quote Q{made.id} promises 7 from stock, 11 are held for it.",
    ]


@pytest.mark.real_clock
def test_of_two_orders_with_one_token_one_gets_it(app, session, product):
    made = quote(session, (product, 4))
    ids = [make_draft(session, [(product, 4)]).id for _ in range(2)]
    session.commit()
    results = together(app, *(lambda own, id_=id_: confirm(own, id_, quote=made.token).id for id_ in ids))
    assert sorted(type(each).__name__ for each in results) == ["QuoteUsed", "int"]
    assert broken(session) == []
