"""What an order's page says first: what can leave or comes on which day, and what is late."""

from __future__ import annotations

import re
from datetime import date, timedelta

from erp import clock
from modules.preorder import queries
from modules.procurement.admin.outlook import next_step as next_of_purchase
from modules.procurement.services import set_expected_dates
from modules.sales.admin.next_steps import WAIT, next_step
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

JANUARY = date(2030, 1, 10)


def parts(client, address):
    """Return the dated parts of the page, each as one line of text."""
    page = client.get(address).get_data(as_text=True)
    found = re.findall(r'<li class="erp-part-(\w+)">(.*?)</li>', page, flags=re.S)
    return [(tone, " ".join(re.sub(r"<[^>]+>", " ", text).split())) for tone, text in found]


def test_an_order_that_purchase_orders_cover_waits(session):
    lamp = make_product(session)
    order = make_order(session, [(lamp, 3)])
    purchase = make_purchase_order(session, [(lamp, 5, JANUARY)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    assert next_step(session, order) == WAIT


def test_the_page_of_an_order_says_what_leaves_now_later_and_on_no_day(session, client):
    lamp, cable = make_product(session), make_product(session)
    make_stock(session, lamp, 2)
    order = make_order(session, [(lamp, 5), (cable, 4)])
    allocate(session, lamp)
    purchase = make_purchase_order(session, [(lamp, 5, JANUARY)], number="PO-7")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    session.commit()
    assert parts(client, f"/sales/orders/{order.id}/") == [
        ("success", "Now 1 line, 2 units in stock"),
        ("info", "10 Jan 2030 1 line, 3 units from PO-7"),
        ("warning", "No date 1 line, 4 units not covered"),
    ]


def test_the_page_of_an_order_reads_once_what_covers_it(session, client, monkeypatch):
    read, read_coverage = [], queries.line_coverage
    monkeypatch.setattr(
        queries, "line_coverage", lambda *given, **more: read.append(1) or read_coverage(*given, **more)
    )
    order = make_order(session, [(make_product(session), 3)])
    session.commit()
    for count in (1, 2):
        assert "not covered" in client.get(f"/sales/orders/{order.id}/").get_data(as_text=True)
        assert len(read) == count


def test_the_page_of_an_order_says_which_lines_are_late(session, client):
    lamp = make_product(session)
    order = make_order(session, [(lamp, 5)])
    purchase = make_purchase_order(session, [(lamp, 5, JANUARY)], number="PO-7")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    order.lines[0].promise_date = JANUARY - timedelta(days=3)
    set_expected_dates(session, {purchase.lines[0].id: JANUARY + timedelta(days=2)})
    session.commit()
    late = [text for tone, text in parts(client, f"/sales/orders/{order.id}/") if tone == "danger"]
    assert late == ["Late 1 line line 1: promised 07 Jan 2030, expected 12 Jan 2030"]


def test_the_page_of_a_purchase_order_says_what_is_overdue_and_what_comes_when(session, client):
    lamp, today = make_product(session), clock.today()
    days = [
        today - timedelta(days=2),
        today - timedelta(days=4),
        *(today + timedelta(days=n) for n in range(1, 8)),
        None,
    ]
    order = make_purchase_order(session, [(lamp, 10, day) for day in days], number="PO-7")
    session.commit()
    found = parts(client, f"/procurement/purchase-orders/{order.id}/")
    assert found[0] == ("danger", f"Overdue 2 lines, 20 units since {days[1]:%d %b %Y}")
    assert [tone for tone, _ in found] == ["danger", *["neutral"] * 6, "warning"]
    assert found[-2] == ("neutral", f"After {days[6]:%d %b %Y} 2 lines, 20 units")
    assert found[-1] == ("warning", "No date 1 line, 10 units")
    assert next_of_purchase(order).action == "receive"
