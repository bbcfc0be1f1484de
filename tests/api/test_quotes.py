"""A shop asks what it may promise, and orders with the token."""

from __future__ import annotations

from datetime import date

import pytest

from modules.sales.models import Quote
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer

pytestmark = pytest.mark.needs("sales")


@pytest.fixture
def lamp(session):
    """A lamp: 3 in stock, 5 to come in December; and a customer."""
    lamp = make_product(session, sku="LAMP")
    make_customer(session, code="C1")
    make_stock(session, lamp, 3)
    make_purchase_order(session, [(lamp, 5, date(2026, 12, 1))])
    session.commit()


@pytest.mark.usefixtures("lamp")
def test_a_shop_quotes_and_orders_exactly_that(session, program):
    wanted = {"sku": "LAMP", "quantity": "4"}
    quote = program.post("/quotes", {"lines": [wanted]}, 201)
    (line,) = quote["lines"]
    assert [(part["quantity"], part["day"], part["is_in_stock"]) for part in line["parts"]] == [
        ("3", "2026-11-23", True),
        ("1", "2026-12-01", False),
    ]
    assert (line["promise_date"], line["uncovered"], quote["is_live"]) == ("2026-12-01", "0", True)
    assert program.get(f"/quotes/{quote['id']}")["token"] is None
    assert quote["token"] not in session.get_one(Quote, quote["id"]).token_digest

    order = program.post("/orders", {"customer": "C1", "lines": [wanted], "quote": quote["token"]}, 201)
    assert (order["state"], order["lines"][0]["allocated"], order["lines"][0]["promise_date"]) == (
        "confirmed",
        "3",
        "2026-12-01",
    )
    problem = program.post("/orders", {"customer": "C1", "lines": [wanted], "quote": quote["token"]}, 409)
    assert problem["type"] == "urn:erp:refusal:QuoteUsed"
    assert problem["facts"] == {"quote": quote["number"], "order": order["number"]}
    assert program.get(f"/quotes/{quote['id']}")["order"] == order["number"]


@pytest.mark.usefixtures("lamp")
def test_a_released_quote_holds_nothing(program):
    lines = [{"sku": "LAMP", "quantity": "8"}]
    first = program.post("/quotes", {"lines": lines}, 201)
    assert program.post("/quotes", {"lines": lines}, 201)["lines"][0]["uncovered"] == "8"
    assert program.post(f"/quotes/{first['id']}/release")["state"] == "released"
    assert program.post("/quotes", {"lines": lines}, 201)["lines"][0]["uncovered"] == "0"


@pytest.mark.usefixtures("lamp")
def test_what_is_not_sold_is_refused(program):
    program.post("/quotes", {"lines": [{"sku": "NONE", "quantity": "1"}]}, 422)
    program.post("/quotes", {"lines": []}, 422)
