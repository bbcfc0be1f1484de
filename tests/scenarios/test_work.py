"""The page of somebody's work: their queues beside each other, and the next step of each row."""

from __future__ import annotations

import re
from datetime import timedelta

from erp import clock
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

NAV = re.compile(r'<nav class="erp-work".*?</nav>', re.DOTALL)


def work_on(page):
    """Return the queues above a list, each with its number, and which is open."""
    found = re.findall(r'<a href="([^"]+)"([^>]*)><strong>(\d+)\+?</strong> ([^<]+)<', NAV.search(page)[0])
    return {label: int(count) for _, _, count, label in found}, [label for _, more, _, label in found if "aria" in more]


def a_company(session):
    """Two orders of which one is ready to pack, and a purchase order that is overdue."""
    lamp = make_product(session, sku="LAMP")
    make_stock(session, lamp, 2)
    ready = make_order(session, [(lamp, 2)], number="SO-1")
    waiting = make_order(session, [(make_product(session), 3)], number="SO-2")
    purchase = make_purchase_order(session, [(lamp, 5, clock.today() - timedelta(days=3))], number="PO-1")
    session.commit()
    return ready, waiting, purchase


def test_work_opens_the_first_queue_of_the_role_in_which_something_waits(session, sign_in):
    _, _, purchase = a_company(session)
    clerk = sign_in("Warehouse clerk")
    answer = clerk.get("/work/")
    assert answer.location == "/sales/ready/?view=0"
    queues, shown = work_on(clerk.get(answer.location).text)
    assert queues.items() >= {"Receipts due": 0, "Ready to pack": 1, "Arrived today, for whom": 0}.items()
    assert shown == ["Ready to pack"]
    buyer = sign_in("Merchandiser")
    answer = buyer.get("/work/")
    page = buyer.get(answer.location).text
    assert work_on(page)[1] == ["Overdue purchase lines"]
    line = purchase.lines[0]
    assert f"/procurement/purchase-orders/{purchase.id}/lines/{line.id}/expected-date/" in page
    assert "erp-work" not in buyer.get("/procurement/incoming/").text  # all of the list is nobody's queue


def test_an_empty_work_page_says_so_and_an_auditor_gets_the_dashboard(sign_in):
    clerk, auditor = sign_in("Sales clerk"), sign_in("Auditor")
    page = clerk.get("/work/").text
    assert "Nothing waits for you" in page
    assert set(work_on(page)[0].values()) == {0}
    assert auditor.get("/work/").location == "/"
    assert 'href="/work/"' in clerk.get("/").text
    assert 'href="/work/"' not in auditor.get("/").text
