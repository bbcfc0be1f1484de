"""Lines of orders: added, raised, lowered and cancelled."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from erp.errors import InvalidTransition
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.errors import NegativePrice
from modules.sales import services
from modules.sales.errors import (
    QuantityBelowDone,
)
from modules.sales.services import NewLine
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_draft, make_order, open_backorder


@pytest.fixture
def product(session):
    return make_product(session)


def line_of(order):
    return order.lines[0]


def on_backorder(session, order):
    row = open_backorder(session, line_of(order).id)
    return row.open_quantity if row else 0


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def test_a_raised_line_keeps_its_place_in_the_queue(session, product):
    first, second = make_order(session, [(product, 2)]), make_order(session, [(product, 2)])
    services.change_quantity(session, line_of(first).id, Decimal(4))
    session.commit()
    make_stock(session, product, 4)
    allocate(session, product)
    assert (line_of(first).allocated, line_of(second).allocated) == (4, 0)


def test_a_lowered_line_gives_back_its_backorder_first(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.change_quantity(session, line_of(order).id, Decimal(8))
    assert (line_of(order).allocated, on_backorder(session, order)) == (6, 2)
    services.change_quantity(session, line_of(order).id, Decimal(6))
    assert (line_of(order).allocated, on_backorder(session, order)) == (6, 0)
    assert no_breach(session)


def test_a_lowered_line_then_gives_back_its_latest_lot(session, product):
    old = make_stock(session, product, 3, received_on=date(2026, 1, 1))
    new = make_stock(session, product, 3, received_on=date(2026, 2, 1))
    order = make_order(session, [(product, 6)])
    services.change_quantity(session, line_of(order).id, Decimal(2))
    assert (old.allocated, new.allocated) == (2, 0)
    assert line_of(order).allocated == 2


def test_a_quantity_below_what_is_packed_is_refused(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.pack_order(session, order.id)
    with pytest.raises(QuantityBelowDone):
        services.change_quantity(session, line_of(order).id, Decimal(5))
    services.change_quantity(session, line_of(order).id, Decimal(6))
    assert order.state is OrderState.done


def test_a_draft_s_quantity_is_edited_in_its_form(session, product):
    with pytest.raises(InvalidTransition):
        services.change_quantity(session, line_of(make_draft(session, [(product, 1)])).id, Decimal(5))


def test_a_confirmed_order_may_gain_lines(session, product):
    other = make_product(session)
    make_stock(session, other, 1)
    order = make_order(session, [(product, 1)])
    services.add_lines(session, order.id, [NewLine(other.id, Decimal(2))])
    assert [(line.position, line.allocated) for line in order.lines] == [(1, 0), (2, 1)]


def test_cancelling_a_line_gives_back_what_is_not_packed(session, product):
    balance = make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.pack_order(session, order.id)
    session.commit()
    make_stock(session, product, 1)
    services.allocate_order(session, order.id)
    session.commit()
    services.cancel_line(session, line_of(order).id, why="customer called")
    assert (line_of(order).packed, line_of(order).cancelled, line_of(order).allocated) == (6, 4, 0)
    assert (balance.allocated, on_backorder(session, order)) == (0, 0)
    assert order.state is OrderState.done
    assert session.scalars(select(HistoryEntry.why).where(HistoryEntry.action == "cancelled")).all() == [
        "customer called"
    ]
    assert no_breach(session)


@pytest.mark.parametrize("lines", [1, 12])
def test_adding_lines_takes_the_same_statements_for_one_line_as_for_many(session, product, count_statements, lines):
    order = make_order(session, [(product, 1)])
    added = [NewLine(make_product(session).id, Decimal(2)) for _ in range(lines)]
    session.commit()
    with count_statements() as sent:
        services.add_lines(session, order.id, added)
        session.commit()
    assert [line.position for line in order.lines] == list(range(1, lines + 2))
    assert len(sent) <= 30


def test_a_price_is_never_below_0(session, product):
    order = make_order(session, [(product, 1)])
    with pytest.raises(NegativePrice, match="a price of -1 is below 0"):
        services.add_lines(session, order.id, [NewLine(product.id, Decimal(1), Decimal(-1))])
    session.rollback()
    with pytest.raises(IntegrityError, match="unit_price_not_negative"):
        session.execute(text("UPDATE sales_order_line SET unit_price = -1"))
