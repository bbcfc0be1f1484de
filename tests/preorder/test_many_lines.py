"""New promise dates and allocations for many orders or lines at once."""

from __future__ import annotations

import re
from datetime import date
from html import unescape

import pytest
from sqlalchemy import select

from erp.db import db
from modules.sales.models import OrderLine
from tests.support import inventory_lots, preorder, procurement, sales
from tests.support.forms import form_in


@pytest.fixture
def waiting(session):
    """Six orders, each on a purchase order of its own; the seventh is on none."""
    product, orders = inventory_lots.make_product(session), []
    for day in range(1, 7):
        order = sales.make_order(session, [(product, 2)])
        bought = procurement.make_purchase_order(
            session, [{"product": product, "quantity": 2, "expected_on": date(2027, 1, day)}]
        )
        preorder.allocate_purchase(session, order.lines[0], bought.lines[0], 2)
        session.commit()
        orders.append(order)
    orders.append(sales.make_order(session, [(product, 2)]))
    for order in orders:
        order.lines[0].promise_date = date(2026, 12, 1)
    session.commit()
    return orders


def promises(session):
    session.expire_all()
    return session.scalars(select(OrderLine.promise_date).order_by(OrderLine.id)).all()


def test_orders_on_many_purchase_orders_are_promised_for_the_day_on_which_each_is_expected(client, session, waiting):
    ticked = {"action": "promise", "rowid": [order.id for order in waiting]}
    opened = form_in(client.get("/sales/orders/").text, "/sales/orders/action/")
    before = client.post("/sales/orders/action/", data={**opened, **ticked}).text
    assert "6 would change" in before, re.findall(r'class="alert.*?</div>|<h2>.*?</h2>', before, re.S)
    assert "1 would be left as they are" in before
    assert "line 1 01 Dec 2026 → 06 Jan 2027" in unescape(before)
    assert promises(session) == [date(2026, 12, 1)] * 7
    form = {"by": "expected_day", "notify": "y", "go": "1"}
    assert "6 done" in client.post("/sales/orders/action/", data={**opened, **ticked, **form}).text
    assert promises(session) == [*(date(2027, 1, day) for day in range(1, 7)), date(2026, 12, 1)]


def test_one_day_for_all_is_pinned_and_has_to_be_chosen(client, session, waiting):
    form = {"action": "promise", "rowid": [waiting[0].id], "by": "one_day_for_all", "go": "1"}
    assert client.post("/sales/orders/action/", data=form).status_code == 422
    assert "1 done" in client.post("/sales/orders/action/", data={**form, "promise_date": "2027-02-03"}).text
    session.expire_all()
    assert (waiting[0].lines[0].promise_date, waiting[0].lines[0].is_promise_pinned) == (date(2027, 2, 3), True)


def test_a_promise_that_somebody_changed_since_is_said_and_nothing_is_done(client, session, waiting):
    opened = form_in(client.get("/sales/orders/").text, "/sales/orders/action/")
    waiting[0].lines[0].promise_date = date(2026, 12, 2)
    session.commit()
    ticked = {"action": "promise", "rowid": [order.id for order in waiting], "by": "expected_day", "go": "1"}
    answer = client.post("/sales/orders/action/", data={**opened, **ticked})
    assert answer.status_code == 409
    assert "is now 2026-12-02, was 2026-12-01 when this page was opened" in unescape(answer.text)
    assert promises(session)[1] == date(2026, 12, 1)


@pytest.mark.parametrize(("path", "action"), [
    ("/sales/orders/", "promise"), ("/preorder/late/", "promise"), ("/preorder/late/", "hold"),
])  # fmt: skip
def test_an_action_sends_as_many_statements_for_four_rows_as_for_one(
    client, session, count_statements, waiting, path, action
):
    counts = []
    for chosen in (waiting[:1], waiting[1:2], waiting[2:6]):
        ids = [order.id if path.startswith("/sales") else order.lines[0].id for order in chosen]
        db.session.rollback()
        with count_statements() as sent:
            answer = client.post(
                f"{path}action/", data={"action": action, "rowid": ids, "by": "expected_day", "go": "1"}
            )
        assert f"{len(ids)} done" in answer.text, answer.text
        counts.append(len(sent))
    assert counts[1] == counts[2], [each for each in sent if sent.count(each) > 3][:4]
