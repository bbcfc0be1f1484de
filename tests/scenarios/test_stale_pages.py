"""Two users have the same page open: the second one hears what has changed, and what was typed is kept."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from io import BytesIO
from threading import Barrier

import pytest
from sqlalchemy import func, select

from erp.db import db
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import set_expiry
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.procurement.services import set_expected_dates
from modules.sales import services
from modules.sales.models import Order, OrderLine
from tests.conftest import browser_of
from tests.support.forms import form_in
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft, make_order


def opened(client, address, **typed):
    """Open a page, and return what its form sends with what was typed."""
    return form_in(client.get(address).text) | {name.replace("__", "-"): value for name, value in typed.items()}


@pytest.fixture
def purchase(session):
    """A purchase order of 20 lamps and 5 shades."""
    make_location(session, "WH/S")
    lines = [{"product": make_product(session), "quantity": quantity} for quantity in (20, 5)]
    order = make_purchase_order(session, lines)
    session.commit()
    return order


def delivery(client, purchase, at, quantity):
    """Open the page Receive and enter what came of one line."""
    form = opened(client, f"/procurement/purchase-orders/{purchase.id}/receive/")
    cleared = {name: "" for name in form if name.endswith("-quantity")}
    lot = {f"lines-{at}-lot": "L1", f"lines-{at}-location": "WH/S"}
    return form | cleared | lot | {f"lines-{at}-quantity": quantity}


def test_a_delivery_that_two_clerks_enter_is_received_once(client, sign_in, session, purchase):
    other, address = sign_in("Warehouse clerk"), f"/procurement/purchase-orders/{purchase.id}/receive/"
    one, two = (delivery(browser, purchase, 0, "10") for browser in (client, other))
    assert client.post(address, data=one).status_code == 200
    late = other.post(address, data=two)
    assert late.status_code == 409
    assert "received of line 1 is now 10, was 0 when this page was opened" in late.text
    assert form_in(late.text)["lines-0-quantity"] == "10"
    assert session.scalars(select(PurchaseOrderLine.received).order_by(PurchaseOrderLine.id)).all() == [10, 0]
    assert session.scalar(select(func.sum(Balance.on_hand))) == 10


def test_the_clerk_who_has_seen_it_may_send_the_page_again(client, session, purchase):
    address = f"/procurement/purchase-orders/{purchase.id}/receive/"
    form = delivery(client, purchase, 0, "10")
    client.post(address, data=form)
    seen = form_in(client.post(address, data=form).text)
    assert client.post(address, data=seen).status_code == 200
    assert session.scalars(select(Receipt.quantity)).all() == [10, 10]


def test_what_was_received_of_another_line_refuses_nobody(client, session, purchase):
    address = f"/procurement/purchase-orders/{purchase.id}/receive/"
    client.post(address, data=delivery(client, purchase, 0, "1"))
    one, two = delivery(client, purchase, 0, "4"), delivery(client, purchase, 1, "2")
    assert [client.post(address, data=form).status_code for form in (one, two)] == [200, 200]
    assert session.scalars(select(PurchaseOrderLine.received).order_by(PurchaseOrderLine.id)).all() == [5, 2]


def test_a_page_whose_order_is_finished_meanwhile_keeps_what_was_typed(client, session, purchase):
    address = f"/procurement/purchase-orders/{purchase.id}/receive/"
    late = delivery(client, purchase, 1, "3")
    everything = opened(client, address, lines__0__lot="L1", lines__1__lot="L2")
    everything |= {"lines-0-location": "WH/S", "lines-1-location": "WH/S"}
    assert client.post(address, data=everything).status_code == 200
    answer = client.post(address, data=late)
    assert answer.status_code == 409
    assert "state is now received, was ordered when this page was opened" in answer.text
    assert form_in(answer.text)["lines-1-quantity"] == "3"


def at_once(app, requests):
    """Send each (browser, address, form) at the same time; return the status codes in order of their size."""
    db.session.commit()  # the test itself holds no lock
    start = Barrier(len(requests))

    def send(browser, address, form):
        start.wait()
        return browser.post(address, data=form).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        tasks = [pool.submit(contextvars.Context().run, _in_context, app, send, *each) for each in requests]
        codes = [task.result() for task in tasks]
    db.session.expire_all()
    return sorted(codes)


def _in_context(app, work, *arguments):
    with app.app_context():
        try:
            return work(*arguments)
        finally:
            db.session.remove()


def test_of_two_who_set_an_option_at_the_same_moment_one_is_refused(app, client, sign_in):
    address = "/settings/options/?section=sales"
    opened = form_in(client.get(address).text, address)
    texts = {client: "20 min", sign_in("Administrator"): "30 min"}
    requests = [(browser, address, opened | {"sales.allocate_every": text}) for browser, text in texts.items()]
    assert at_once(app, requests) == [302, 409]


def test_of_two_deliveries_sent_at_the_same_moment_one_is_refused(app, session, purchase):
    address = f"/procurement/purchase-orders/{purchase.id}/receive/"
    browsers = [browser_of(app, "Administrator") for _ in range(2)]
    requests = [(browser, address, delivery(browser, purchase, 0, "10")) for browser in browsers]
    session.commit()
    assert at_once(app, requests) == [200, 409]
    assert session.scalar(select(func.sum(Balance.on_hand))) == 10


def test_of_two_counts_sent_at_the_same_moment_one_is_refused(app, session):
    balance = make_stock(session, make_product(session), 10)
    address, browsers = f"/inventory/stock/{balance.id}/adjust/", [browser_of(app, "Administrator") for _ in range(2)]
    session.commit()
    requests = [
        (browser, address, opened(browser, address, quantity=quantity, reason="count"))
        for browser, quantity in zip(browsers, ("7", "6"), strict=True)
    ]
    assert at_once(app, requests) == [302, 409]
    assert session.scalar(select(func.count()).select_from(StockMove).where(StockMove.reason == "count")) == 1


def test_a_new_order_that_is_sent_twice_at_the_same_moment_is_made_once(app, session):
    customer, product = make_customer(session), make_product(session)
    browser, other = (browser_of(app, "Administrator") for _ in range(2))
    session.commit()
    form = opened(browser, "/sales/orders/new/", customer=str(customer.id))
    form |= {"lines-0-product": str(product.id), "lines-0-quantity": "3"}
    assert at_once(app, [(each, "/sales/orders/new/", form) for each in (browser, other)]) == [302, 302]
    assert len(session.scalars(select(Order.id)).all()) == 1
    assert session.scalars(select(OrderLine.quantity)).all() == [3]


def test_the_same_file_of_receipts_is_imported_once_from_one_page(client, session, purchase):
    def send(text):
        form = page | {"kind": "receipts", "file": (BytesIO(text.encode()), "receipts.csv")}
        return client.post("/settings/import/", data=form).location

    def apply(address):
        return client.get(client.post(f"{address}apply/").location).text

    page = form_in(client.get("/settings/import/").text, "/settings/import/")
    rows = f"number,line,quantity,location,lot\n{purchase.number},1,4,WH/S,L1\n"
    first = send(rows)
    assert send(rows) == "/settings/import/"
    assert "1 receipt" in apply(first)
    assert "has been applied already" in apply(first)
    assert "1 receipt" in apply(send(rows.replace(",4,", ",5,")))
    assert session.scalars(select(Receipt.quantity).order_by(Receipt.id)).all() == [4, 5]


def test_a_count_is_refused_where_stock_was_allocated_since(client, session):
    product = make_product(session)
    balance = make_stock(session, product, 10)
    address = f"/inventory/stock/{balance.id}/adjust/"
    form = opened(client, address, quantity="4", reason="count")
    make_order(session, [(product, 3)])
    answer = client.post(address, data=form)
    assert answer.status_code == 409
    assert "allocated is now 3, was 0 when this page was opened" in answer.text
    assert form_in(answer.text)["quantity"] == "4"
    assert session.get(Balance, balance.id).on_hand == 10


def test_an_expiry_is_not_written_over_one_that_was_entered_since(client, session, at):
    lot = make_stock(session, make_product(session), 10).lot
    address = f"/inventory/lots/{lot.id}/expiry/"
    form = opened(client, address, expires_on="2027-01-01")
    set_expiry(session, lot.id, date(2027, 2, 1))
    session.commit()
    answer = client.post(address, data=form)
    assert answer.status_code == 409
    assert "expires on is now 2027-02-01, was empty when this page was opened" in answer.text
    assert session.get(type(lot), lot.id).expires_on == date(2027, 2, 1)


@pytest.fixture
def order(session):
    """A confirmed order for 5 of which 10 are in stock; nothing is allocated yet."""
    product = make_product(session)
    made = make_order(session, [(product, 5)])
    make_stock(session, product, 10)
    session.commit()
    return made


def test_pack_is_refused_where_more_was_allocated_since_the_page_was_opened(client, session, order):
    address = f"/sales/orders/{order.id}/"
    button = form_in(client.get(address).text, f"{address}pack/")
    services.allocate_order(session, order.id)
    session.commit()
    answer = client.post(f"{address}pack/", data=button)
    assert answer.status_code == 409
    assert "allocated of line 1 is now 5, was 0 when this page was opened" in answer.text
    assert session.get(OrderLine, order.lines[0].id).packed == 0
    again = form_in(answer.text, f"{address}pack/")
    assert client.post(f"{address}pack/", data=again).status_code == 200
    assert session.get(OrderLine, order.lines[0].id).packed == 5


def test_confirm_is_refused_where_the_draft_was_changed_since(client, session):
    draft = make_draft(session, [(make_product(session, sku="A"), 5)])
    session.commit()
    address = f"/sales/orders/{draft.id}/"
    button = form_in(client.get(address).text, f"{address}confirm/")
    edit = opened(client, f"{address}edit/") | {"lines-0-quantity": "50"}
    assert client.post(f"{address}edit/", data=edit).status_code == 302
    answer = client.post(f"{address}confirm/", data=button)
    assert answer.status_code == 409
    assert "line 1 is now 50 of A, was 5 of A when this page was opened" in answer.text
    assert session.get(Order, draft.id).state == "draft"


def test_an_action_that_the_state_forbids_by_now_says_so(client, session, order):
    address = f"/sales/orders/{order.id}/"
    button = form_in(client.get(address).text, f"{address}allocate/")
    services.cancel_order(session, order.id)
    session.commit()
    answer = client.post(f"{address}allocate/", data=button)
    assert answer.status_code == 409
    assert "state is now cancelled, was confirmed when this page was opened" in answer.text


def test_lines_that_are_added_by_one_page_sent_twice_are_added_once(client, session, order):
    product = order.lines[0].product_id
    address = f"/sales/orders/{order.id}/add-lines/"
    form = opened(client, address, lines__0__product=str(product), lines__0__quantity="2")
    assert [client.post(address, data=form).status_code for _ in range(2)] == [200, 409]
    assert session.scalars(select(OrderLine.quantity).order_by(OrderLine.position)).all() == [5, 2]


def test_a_quantity_is_not_changed_on_top_of_another_change(client, session, order):
    address = f"/sales/orders/{order.id}/lines/{order.lines[0].id}/change-quantity/"
    form = opened(client, address, quantity="4")
    services.change_quantity(session, order.lines[0].id, Decimal(9))
    session.commit()
    answer = client.post(address, data=form)
    assert answer.status_code == 409
    assert "ordered of line 1 is now 9, was 5 when this page was opened" in answer.text
    assert form_in(answer.text)["quantity"] == "4"


@pytest.fixture
def waiting(session, purchase):
    """An order for 8 lamps, on backorder."""
    made = make_order(session, [(purchase.lines[0].product, 8)])
    session.commit()
    return made


def test_only_the_ticked_rows_of_a_page_have_to_be_as_they_were(client, session, purchase, waiting):
    other = make_order(session, [(purchase.lines[0].product, 2)])
    lines = [waiting.lines[0], other.lines[0]]
    for line in lines:
        allocate_purchase(session, line, purchase.lines[0], line.quantity)
    session.commit()
    address = f"/procurement/purchase-orders/{purchase.id}/lines/{purchase.lines[0].id}/remove/"
    form = opened(client, address)
    services.change_quantity(session, lines[1].id, Decimal(1))
    session.commit()
    kept, changed = session.scalars(select(PurchaseAllocation.id).order_by(PurchaseAllocation.id)).all()
    answer = client.post(address, data=form | {"row": changed})
    assert answer.status_code == 409
    assert f"allocated to {other.number}/1 is now 1, was 2 when this page was opened" in answer.text
    assert client.post(address, data=form | {"row": kept}).status_code == 302


def test_a_promise_date_is_not_written_over_one_that_was_given_since(client, session, purchase, waiting):
    line = waiting.lines[0]
    address = f"/sales/orders/{waiting.id}/lines/{line.id}/edit/"
    form = opened(client, address, promise_date="2027-01-01")
    other = opened(client, address, promise_date="2027-02-01")
    assert client.post(address, data=other).status_code == 302
    answer = client.post(address, data=form)
    assert answer.status_code == 409
    assert "promise date is now 2027-02-01, was empty when this page was opened" in answer.text
    assert session.get(OrderLine, line.id).promise_date == date(2027, 2, 1)


def test_an_expected_date_is_not_written_over_one_that_was_entered_since(client, session, purchase):
    address = f"/procurement/purchase-orders/{purchase.id}/expected-dates/"
    form = opened(client, address, lines__1__expected_on="2027-03-01")
    set_expected_dates(session, {purchase.lines[0].id: date(2027, 2, 1)})
    session.commit()
    answer = client.post(address, data=form)
    assert answer.status_code == 409
    assert "expected date of line 1 is now 2027-02-01, was empty when this page was opened" in answer.text
    assert form_in(answer.text)["lines-1-expected_on"] == "2027-03-01"
