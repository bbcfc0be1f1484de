"""The page that counts a location."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from sqlalchemy import select

from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.queries import stock_at
from modules.inventory_lots.states import Tracking
from tests.support.inventory_lots import make_location, make_product, make_stock, set_stock


@pytest.fixture
def shelf(session):
    """A location with ten lamps of a lot and seven untracked screws, received in two deliveries."""
    shelf = make_location(session, "WH/SHELF")
    lamp, screw = make_product(session, sku="LAMP"), make_product(session, sku="SCREW", tracking=Tracking.none)
    make_stock(session, lamp, 10, lot="L-1", location=shelf)
    make_stock(session, screw, 4, location=shelf)
    make_stock(session, screw, 3, location=shelf)
    return shelf


def send(client, shelf, page=None, **counted):
    """Save a count, by SKU, from the page as it is or as it was opened; return the answer's status and its text."""
    address = f"/inventory/locations/{shelf.id}/count/"
    page = page or client.get(address).get_data(as_text=True)
    version = re.search(r'name="page_version" value="([^"]*)"', page)[1]
    keys = dict(re.findall(r'<tr data-sku="(\w+)".*?name="(counted-[\d-]+)"', page, flags=re.S))
    fields = {keys[sku]: quantity for sku, quantity in counted.items()}
    data = {"page_version": version, "reason": "Counted", **fields}
    answer = client.post(address, data=data)
    shown = client.get(answer.location) if answer.status_code == 302 else answer
    return shown.status_code, shown.get_data(as_text=True)


def on_hand(session):
    """Return what is on hand of each SKU."""
    session.expire_all()
    found: dict[str, Decimal] = {}
    for balance in session.scalars(select(Balance)):
        found[balance.product.sku] = found.get(balance.product.sku, Decimal(0)) + balance.on_hand
    return found


def test_a_count_changes_what_differs_and_leaves_what_was_not_counted(session, client, shelf):
    status, text = send(client, shelf, LAMP="8")
    assert status == 200
    assert "1 line of WH/SHELF counted. Changed: LAMP L-1 from 10 to 8" in text
    assert on_hand(session) == {"LAMP": 8, "SCREW": 7}


def test_an_untracked_product_is_counted_as_a_whole(session, client, shelf):
    send(client, shelf, SCREW="5")
    assert on_hand(session) == {"LAMP": 10, "SCREW": 5}


def test_a_count_that_is_right_writes_no_move(session, client, shelf):
    before = len(session.scalars(select(StockMove)).all())
    _, text = send(client, shelf, LAMP="10", SCREW="7")
    assert "2 lines of WH/SHELF counted. There was no difference." in text
    assert len(session.scalars(select(StockMove)).all()) == before


def test_a_count_without_a_quantity_or_with_none_that_is_one_changes_nothing(session, client, shelf):
    assert send(client, shelf)[0] == 409
    status, text = send(client, shelf, LAMP="many", SCREW="1")
    assert status == 409
    assert "not what was counted of LAMP L-1" in text
    assert on_hand(session) == {"LAMP": 10, "SCREW": 7}


def test_a_count_is_refused_where_a_counted_row_has_changed_since_the_page_was_opened(session, client, shelf):
    page = client.get(f"/inventory/locations/{shelf.id}/count/").get_data(as_text=True)
    balance = session.scalar(select(Balance).join(Balance.product).where(Balance.on_hand == Decimal(10)))
    set_stock(session, balance, 9)
    session.commit()
    assert send(client, shelf, page, SCREW="6")[0] == 200
    assert send(client, shelf, page, LAMP="8")[0] == 409
    assert on_hand(session) == {"LAMP": 9, "SCREW": 6}


def test_a_page_that_is_full_leaves_out_a_product_of_which_it_would_show_a_part(session, shelf):
    rows, is_cut = stock_at(session, shelf.id, 2)
    assert ([row.sku for row in rows], is_cut) == (["LAMP"], True)
    rows, is_cut = stock_at(session, shelf.id, 3)
    assert ([(row.sku, row.on_hand) for row in rows], is_cut) == ([("LAMP", 10), ("SCREW", 7)], False)
