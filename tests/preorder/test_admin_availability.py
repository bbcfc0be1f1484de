"""The ATP screen: its list, the page of a product, and the answer for a form."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase, make_on_hand_change
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


@pytest.fixture
def example(session: Session) -> Product:
    """The worked example: 20 on hand, and changes on five of the days to come."""
    product = make_product(session, sku="P-1", name="Pump")
    make_stock(session, product, 20)
    for number, quantity in ((0, -3), (2, 10), (3, -15), (4, 1), (5, 3)):
        make_on_hand_change(session, product, TODAY + timedelta(number), quantity, note=f"change {number}")
    session.commit()
    return product


def test_the_page_of_a_product_shows_its_days_and_what_they_are_made_of(
    session: Session, clerk: Clerk, example: Product
) -> None:
    order = make_order(session, [(example, 25)], number="SO-1")
    purchase = make_purchase_order(session, [(example, 8, DECEMBER), (example, 9)], number="PO-1")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 2)
    shown = clerk.open(f"/preorder/atp/{example.id}/")
    assert "On hand 20 pcs Allocated − 20 Available now 0 Not covered − 3" in shown.text
    assert [row[:5] for row in shown.rows("atp-incoming")] == [
        ["PO-1/1", "01 Dec 2026", "8", "2", "6"],
        ["PO-1/2", "no date", "9", "0", "9"],
    ]
    assert shown.rows("atp-scheduled")[0] == ["23 Nov 2026", "-3", "change 0"]
    assert shown.rows("atp-days")[0] == ["23 Nov 2026", "-6", "0"]
    assert shown.rows("queue") == [["SO-1/1", order.customer.name, "25", "20", "2", "3", ""]]


def test_the_days_of_the_worked_example_are_shown_where_they_turn(clerk: Clerk, example: Product) -> None:
    assert clerk.open(f"/preorder/atp/{example.id}/").rows("atp-days") == [
        ["23 Nov 2026", "17", "12"],
        ["25 Nov 2026", "27", "12"],
        ["26 Nov 2026", "12", "12"],
        ["27 Nov 2026", "13", "13"],
        ["28 Nov 2026", "16", "16"],
    ]


def test_the_chart_is_drawn_on_the_server_and_brings_no_script(clerk: Clerk, example: Product) -> None:
    for page in (f"/preorder/atp/{example.id}/", f"/inventory/products/{example.id}/"):
        shown = clerk.open(page)
        chart = shown.html.partition("<svg")[2].partition("</svg>")[0]
        assert "Available to promise" in shown.text
        assert "pygal-chart" in chart
        assert "<script" not in chart
        assert "window.pygal" not in shown.html


def test_the_list_shows_what_can_be_promised_today_and_later(clerk: Clerk, example: Product) -> None:
    (row,) = clerk.open("/preorder/atp/", search="P-1").rows("")
    assert row == ["P-1", "Pump", "pcs", "12", "13 from 27 Nov 2026", "16"]


@pytest.mark.parametrize(
    ("quantity", "day", "text"),
    [
        ("12", "2026-11-23", "Available today."),
        ("13", "2026-11-27", "Expected to ship on 27 Nov 2026."),
        ("14", "2026-11-28", "Expected to ship on 28 Nov 2026."),
        ("17", None, "Not available within the horizon."),
    ],
)
def test_a_form_gets_the_day_on_which_a_quantity_can_be_there(
    clerk: Clerk, example: Product, quantity: str, day: str | None, text: str
) -> None:
    answer = clerk.client.get(f"/preorder/atp/expected/?product={example.id}&quantity={quantity}")
    assert answer.get_json() == {"date": day, "text": text}


@pytest.mark.parametrize(
    "query", ["", "product=1", "product=x&quantity=1", "product=999&quantity=1", "product=1&quantity=x"]
)
def test_a_question_that_makes_no_sense_is_no_error_of_the_server(clerk: Clerk, query: str) -> None:
    assert clerk.client.get(f"/preorder/atp/expected/?{query}").status_code in (400, 404)
