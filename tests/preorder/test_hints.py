"""The hint on the order form: what confirming the lines that are being typed would give them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import one_moment
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.preorder import queries
from modules.preorder.admin.hints import hint_text
from modules.preorder.queries import AskedLine, AskedOrder
from modules.sales import services
from modules.sales.models import Order
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product, make_serials, make_stock
from tests.support.preorder import make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import FIRST_DAY, make_order

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 10)


def said(session: Session, *lines: tuple[Any, ...], **order: Any) -> list[str]:
    """Return the hints of (product, quantity) or (product, quantity, requested on)."""
    session.commit()
    asked = [AskedLine(product.id, Decimal(quantity), *day) for product, quantity, *day in lines]
    with one_moment(session):
        return [hint_text(hint) for hint in queries.hints(session, AskedOrder(asked, clock.now(), **order))]


def test_a_line_gets_what_is_left_in_stock_and_then_nothing(session: Session, product: Product) -> None:
    make_stock(session, product, 5)
    assert said(session, (product, 5)) == ["Available today."]
    assert said(session, (product, 8)) == ["Not all of it is covered (5 today, 3 not covered)."]
    make_order(session, [(product, 5)])
    assert said(session, (product, 1)) == ["Not covered."]


def test_lines_of_one_order_are_planned_together_in_their_order(session: Session, product: Product) -> None:
    make_stock(session, product, 5)
    texts = said(session, (product, 3), (product, 3))
    assert texts == ["Available today.", "Not all of it is covered (2 today, 1 not covered)."]


@pytest.mark.usefixtures("auto")
def test_a_line_is_expected_when_its_last_purchase_order_comes(session: Session, product: Product) -> None:
    make_stock(session, product, 2)
    make_purchase_order(session, [(product, 5, DECEMBER)], number="PO-1")
    texts = said(session, (product, 4), (product, 3))
    assert texts[0] == "Expected to ship on 01 Dec 2026 (2 today, 2 on 01 Dec 2026 from PO-1)."
    assert texts[1] == "Expected to ship on 01 Dec 2026 (3 on 01 Dec 2026 from PO-1)."


@pytest.mark.usefixtures("auto")
def test_a_line_waits_behind_earlier_orders_and_overtakes_those_of_lower_priority(
    session: Session, product: Product, set_option: Any
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    make_order(session, [(product, 5)], ordered_at=FIRST_DAY)
    make_purchase_order(session, [(product, 5, DECEMBER), (product, 5, JANUARY)], number="PO-1")
    later, first = said(session, (product, 5)), said(session, (product, 5), priority=1)
    assert later == ["When next run: Expected to ship on 10 Jan 2027 (5 on 10 Jan 2027 from PO-1)."]
    assert first == ["When next run: Expected to ship on 01 Dec 2026 (5 on 01 Dec 2026 from PO-1)."]


def test_without_automatic_allocation_it_names_what_a_clerk_could_allocate(session: Session, product: Product) -> None:
    make_purchase_order(session, [(product, 5, DECEMBER)], number="PO-1")
    assert said(session, (product, 4)) == ["Not covered. You could allocate 5 of PO-1/1, expected 01 Dec 2026."]


@pytest.mark.option("sales.backorders", "yes", "no")
def test_nothing_is_named_where_nothing_can_be_allocated(session: Session, product: Product, set_option: Any) -> None:
    make_purchase_order(session, [(product, 5, DECEMBER)], number="PO-1")
    assert "PO-1" in said(session, (product, 4))[0]
    set_option("sales.backorders", "no")
    assert said(session, (product, 4)) == ["Not covered."]


def test_an_order_that_ships_complete_waits_for_its_last_line(session: Session, product: Product) -> None:
    make_stock(session, product, 5)
    texts = said(session, (product, 5), (make_product(session), 1), ships_complete=True)
    assert texts == ["Waits for the other lines, because the order ships complete.", "Not covered."]


def test_limits_launches_and_refusals_are_said_instead_of_a_date(session: Session, product: Product) -> None:
    lamp = make_preorder_product(session, sku="LAMP", limit=4)
    unlaunched = make_preorder_product(session, sku="NEW")
    queries.preorder_products(session, [unlaunched.id])[unlaunched.id].is_eligible = False
    product.is_active = False
    make_stock(session, lamp, 9)
    texts = said(session, (lamp, 3), (lamp, 2), (unlaunched, 1), (product, 1), (make_product(session), "1.5"))
    assert texts[0] == "Expected to ship on 15 Jan 2027."
    assert "limit" in texts[1] and "launched on 15 Jan 2027" in texts[2].replace("2027-01-15", "15 Jan 2027")
    assert "P-1" in texts[3] and "1.5" in texts[4]


def test_serial_products_say_what_is_in_stock(session: Session) -> None:
    phone = make_product(session, tracking=Tracking.serial)
    make_serials(session, phone, "S-1", "S-2")
    assert said(session, (phone, 3)) == ["Packed by serial number: 2 usable in stock."]


@pytest.mark.option("sales.reserve_ahead_days", "", "10")
def test_a_line_requested_far_ahead_says_from_when_it_is_served(
    session: Session, product: Product, set_option: Any
) -> None:
    make_stock(session, product, 5)
    assert said(session, (product, 1, JANUARY)) == ["Available today."]
    set_option("sales.reserve_ahead_days", "10")
    assert said(session, (product, 1, JANUARY)) == ["Scheduled: served from 31 Dec 2026 on."]


def test_where_it_is_earlier_than_atp_it_names_the_lines_that_atp_reserves_for(
    session: Session, product: Product
) -> None:
    make_purchase_order(session, [(product, 9, DECEMBER)], number="PO-1")
    held = make_order(session, [(product, 4)], number="SO-1")
    services.hold_lines(session, [held.lines[0].id], True)
    make_stock(session, product, 4)
    assert said(session, (product, 4)) == [
        "Available today. ATP promises it from 01 Dec 2026 on: it reserves for SO-1/1 (held)."
    ]
    services.hold_lines(session, [held.lines[0].id], False)
    assert "ATP" not in said(session, (product, 4))[0]


def test_a_product_that_is_gone_says_nothing(session: Session, product: Product) -> None:
    session.commit()
    asked = AskedOrder([AskedLine(10**9, Decimal(1)), AskedLine(product.id, Decimal(1))], clock.now())
    assert [hint is None for hint in queries.hints(session, asked)] == [True, False]


def test_hints_write_nothing_and_take_as_many_statements_for_many_lines(
    session: Session, product: Product, count_statements: Callable[[], Any]
) -> None:
    make_stock(session, product, 50)
    make_purchase_order(session, [(product, 50, DECEMBER)])

    def count(size: int) -> int:
        with count_statements() as sent:
            assert len(said(session, *[(product, 9)] * size)) == size
        assert [text for text in sent if not text.startswith(("SELECT", "BEGIN"))] == []
        return len(sent)

    assert count(7) == count(70)
    assert session.scalars(select(Order)).all() == []


# The form


def ask(clerk: Clerk, **order: Any) -> Any:
    return clerk.client.post("/preorder/atp/hint/", data={"order": json.dumps(order)})


def test_the_form_is_answered_line_by_line(session: Session, clerk: Clerk, product: Product) -> None:
    make_stock(session, product, 5)
    line = {"product": str(product.id), "quantity": "4", "requested_on": ""}
    unread = [line | {"quantity": "1,5"}, line | {"product": ""}, line | {"requested_on": "soon"}]
    answer = ask(clerk, priority="", ordered_at="2026-11-23T12:00", shipping_policy="partial", lines=[*unread, line])
    assert answer.get_json() == {"lines": ["", "", "", "Available today."]}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"lines": 3}', '{"lines": [3]}', '{"lines": [], "priority": "high"}']
)
def test_what_no_form_asks_is_refused(clerk: Clerk, text: str) -> None:
    assert clerk.client.post("/preorder/atp/hint/", data={"order": text}).status_code == 400
