"""All screens of sales: customers, the dashboard, text shown as it is, and the number of statements."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from modules.sales.models import Backorder, Customer, OrderLine
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_customer, make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")


def test_customers_are_entered_found_and_shown_with_their_orders(session, desk, order):
    page = desk.press("/sales/customers/new/", code="NEW", name="New Customer", email="new@x.example")
    customer = session.scalars(select(Customer).where(Customer.code == "NEW")).one()
    assert "There are no orders yet." in page.text
    assert "New Customer" in desk.open("/sales/customers/", search="new@x").text
    page = desk.open(f"/sales/customers/{order.customer_id}/")
    assert all(word in page.text for word in (order.number, "Confirmed", "Unallocated"))
    page = desk.press("/sales/customers/new/", code="NEW", name="Again")
    assert page.status == 422
    assert "Already exists." in page.text
    page = desk.press("/sales/customers/new/", code="X", name="X", email="a@b, c@d")
    assert "This is not an email address" in page.text
    assert customer.email == "new@x.example"


def test_the_dashboard_counts_what_waits(session, desk, order):
    make_draft(session)
    desk.order(order, "allocate")
    page = desk.open("/")
    assert all(words in page.text for words in ("Drafts to confirm 1", "Confirmed orders 1", "Open backorders 1"))


def test_names_are_shown_as_they_are_and_never_run(session, desk):
    nasty = '<script>alert("x")</script>'
    product = make_product(session, sku="<i>S", name=nasty)
    customer = make_customer(session, name=nasty, code="<b>C")
    make_stock(session, product, 2, lot="<u>L", location="<W>/<L>")
    order = make_order(session, [(product, 3)], customer=customer, note=nasty)
    pages = [
        desk.order(order, "allocate"),
        desk.order(order),
        desk.open("/sales/orders/"),
        desk.open(f"/sales/orders/{order.id}/remove-allocations/"),
        desk.line(order.lines[0], "why"),
        desk.line(order.lines[0], "change-quantity"),
        desk.press("/sales/book/preview/"),
        desk.open("/sales/backorders/"),
        desk.open(f"/sales/customers/{customer.id}/"),
        desk.order(order, "pack"),
        desk.open("/sales/packs/"),
        desk.open("/sales/packs/1/slip/"),
        desk.open(f"/sales/backorders/{session.scalars(select(Backorder.id)).one()}/drop/"),
    ]
    for page in pages:
        assert page.status == 200
        assert not any(tag in page.html for tag in (nasty, "<i>S", "<b>C", "<u>L", "<W>"))


@pytest.mark.parametrize("url", ["/sales/orders/", "/sales/backorders/", "/sales/packs/", "/sales/customers/"])
def test_a_list_takes_as_many_statements_for_a_full_page_as_for_one_row(session, desk, screws, count_statements, url):
    def opened():
        with count_statements() as sent:
            assert desk.open(url).status == 200
        return len(sent)

    def one_more():
        order = make_order(session, [(screws[0], 1), (make_product(session), 1)])
        desk.order(order, "allocate")
        desk.order(order, "pack")

    one_more()
    opened()
    one = opened()
    for _ in range(20):
        one_more()
    assert opened() == one


def test_an_orders_page_takes_as_many_statements_for_a_hundred_lines_as_for_one(session, desk, count_statements):
    def pages(order):
        counts = []
        for press in ("", "allocate", "allocate", "pack"):
            with count_statements() as sent:
                assert desk.order(order, press).status == 200
            counts.append(len(sent))
        return counts

    def order_of(lines):
        products = [make_product(session) for _ in range(lines)]
        for product in products:
            make_stock(session, product, 2)
        return make_order(session, [(product, Decimal(3)) for product in products])

    pages(order_of(1))
    one = pages(order_of(1))
    assert pages(order_of(100)) == one


def test_the_line_of_another_order_is_not_found_under_this_one(session, desk, order):
    other = make_order(session)
    assert desk.open(f"/sales/orders/{order.id}/lines/{other.lines[0].id}/why/").status == 404
    assert session.scalar(select(func.count()).select_from(OrderLine)) == 3


def test_an_address_that_cannot_be_mailed_is_marked_on_the_customer_and_in_the_list(session, desk):
    bad = make_customer(session, code="BAD", email="acme at example.com")
    good = make_customer(session, code="GOOD", email="a@straße.example")
    none = make_customer(session, code="NONE", email="")
    session.commit()
    warning = "acme at example.com Cannot be mailed: it is not of the form name@domain"
    assert warning in desk.open(f"/sales/customers/{bad.id}/").text
    assert desk.open("/sales/customers/").text.count("Cannot be mailed") == 1
    assert warning in desk.open("/sales/customers/", search="BAD").text
    for customer in (good, none):
        assert "Cannot be mailed" not in desk.open(f"/sales/customers/{customer.id}/").text
