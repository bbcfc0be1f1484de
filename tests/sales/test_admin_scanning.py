"""The page that packs what was scanned."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from modules.inventory_lots.states import Tracking
from modules.sales.models import Pack
from tests.support.inventory_lots import make_product, make_serials, make_stock
from tests.support.sales import allocate, make_order


@pytest.fixture
def order(session):
    """Three lamps of a lot, all in stock."""
    lamp = make_product(session, sku="LAMP")
    make_stock(session, lamp, 3, lot="L-1")
    order = make_order(session, [(lamp, 3)], number="SO-1")
    allocate(session, lamp)
    return order


def send(client, order, *picked, **fields):
    """Send what was picked of each allocation; return the answer's status and its text."""
    address = f"/sales/orders/{order.id}/scan-pack/"
    page = client.get(address).get_data(as_text=True)
    names = re.findall(r'name="(counted-\d+)"', page)
    version = re.search(r'name="page_version" value="([^"]*)"', page)[1]
    data = {"page_version": version, **dict(zip(names, picked, strict=True)), **fields}
    answer = client.post(address, data=data)
    return answer.status_code, answer.get_data(as_text=True)


def packs(session):
    session.expire_all()
    return list(session.scalars(select(Pack)))


def test_an_order_is_packed_when_what_was_picked_is_what_is_allocated(session, client, order):
    status, text = send(client, order, "3")
    assert status == 200
    assert "is packed." in text
    assert [pack.order_id for pack in packs(session)] == [order.id]


@pytest.mark.parametrize(("picked", "sentence"), [("2", "2 were counted and 3 are allocated"), ("", "0 were counted")])
def test_an_order_is_not_packed_when_something_else_was_picked(session, client, order, picked, sentence):
    status, text = send(client, order, picked)
    assert status == 409
    assert sentence in text
    assert packs(session) == []


def test_what_is_not_a_quantity_is_refused(session, client, order):
    status, text = send(client, order, "three")
    assert status == 409
    assert "is not what was picked of line 1" in text
    assert packs(session) == []


def test_serial_numbers_that_were_scanned_are_packed(session, client):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "S-1", "S-2")
    order = make_order(session, [(phone, 1)])
    session.commit()
    status, _ = send(client, order, **{f"serials-{order.lines[0].id}": "S-2"})
    assert status == 200
    assert [line.balance.lot.number for line in packs(session)[0].lines] == ["S-2"]


def test_one_of_two_who_scan_the_same_order_packs_it(session, client, order):
    address = f"/sales/orders/{order.id}/scan-pack/"
    page = client.get(address).get_data(as_text=True)
    assert send(client, order, "3")[0] == 200
    name = re.search(r'name="(counted-\d+)"', page)[1]
    version = re.search(r'name="page_version" value="([^"]*)"', page)[1]
    assert client.post(address, data={"page_version": version, name: "3"}).status_code == 409
    assert len(packs(session)) == 1
