"""Whom a change would notify, said on each page before it is saved."""

import re
from datetime import date
from html import unescape
from io import BytesIO

import pytest

from erp.registry import current_registry
from modules.backorder_email import queries
from modules.sales.services import set_promise_dates
from tests.backorder_email.pages import page, words
from tests.support.backorder_email import (
    allocate_all,
    in_a_run,
    make_status_with_template,
    make_supply,
    make_template,
    messages,
    news,
)
from tests.support.procurement import make_status

ORDERS = "/procurement/purchase-orders/"


def sample_of(client, html):
    """Return the page of the first message that a page shows as it would leave."""
    (address, *_) = re.findall(r'href="(/emails/pending/sample/[^"]*)"', html)
    return words(page(client, unescape(address)))


@pytest.fixture
def delayed(session):
    """A status with a template that says so, and the supply of two customers that does not have it yet."""
    template = make_template(
        session, name="Late", subject="{{ order.number }} is {{ status }}", body="Sorry, {{ customer.name }}"
    )
    supply = make_supply(session, orders=2)
    allocate_all(supply)
    return supply, make_status_with_template(session, template, name="Delayed")


def test_the_status_pages_say_who_would_be_notified_and_show_one_message(session, client, delayed):
    supply, _ = delayed
    number = supply.orders[0].number
    for address in (f"{ORDERS}{supply.purchase.id}/status/", f"{ORDERS}{supply.purchase.id}/edit/"):
        html = page(client, address)
        assert "Delayed : 2 customers would be notified with the template Late. See one email" in words(html)
        text = sample_of(client, html)
        assert f"{number} is Delayed" in text and "Sorry, " in text
    assert len(news(session)) == 2, "a question writes nothing"


def test_a_status_that_the_lines_have_and_one_without_a_template_are_not_named(session, client, delayed):
    supply, _ = delayed
    make_status(session, name="Quiet")
    session.commit()
    text = words(
        page(client, f"{ORDERS}{supply.purchase.id}/status/").partition('id="news"')[2].partition("</section>")[0]
    )
    assert supply.status.name not in text and "Quiet" not in text


def test_customers_without_an_address_are_counted_apart(session, client, delayed):
    supply, _ = delayed
    supply.orders[0].customer.email = ""
    session.commit()
    text = words(page(client, f"{ORDERS}{supply.purchase.id}/status/"))
    assert "1 customer would be notified with the template Late; 1 more without an email address." in text


def test_with_the_module_off_the_page_says_nothing(session, client, delayed):
    supply, _ = delayed
    current_registry().disable(session, "backorder_email")
    session.commit()
    assert 'id="news"' not in page(client, f"{ORDERS}{supply.purchase.id}/status/")


def notify_tick(html):
    return re.search(r'<input[^>]*name="notify"[^>]*>', html)[0]


@pytest.fixture
def dated(session, set_option):
    """The supply of one customer, whose promise date differs from what a sync would give."""
    supply = make_supply(session)
    allocate_all(supply)
    line_id = supply.line.id
    in_a_run(lambda session: set_promise_dates(session, {line_id: date(2026, 12, 1)}, cause="edit", notify=False))
    return supply


def date_pages(supply):
    return (
        f"{ORDERS}{supply.purchase.id}/lines/{supply.purchase_line.id}/sync/",
        f"/sales/orders/{supply.orders[0].id}/lines/{supply.line.id}/edit/",
    )


def test_a_tick_that_can_notify_nobody_is_off_and_says_why(session, client, dated):
    for address in date_pages(dated):
        html = page(client, address)
        assert "disabled" in notify_tick(html) and "checked" not in notify_tick(html)
        assert "no template is chosen (option backorder_email.date_template)" in words(html)


def test_a_tick_of_a_customer_without_an_address_is_off_and_says_why(session, client, dated, set_option):
    make_template(session, name="Dates")
    set_option("backorder_email.date_template", "Dates")
    dated.orders[0].customer.email = ""
    session.commit()
    for address in date_pages(dated):
        html = page(client, address)
        assert "disabled" in notify_tick(html) and "checked" not in notify_tick(html)
        assert "the customer has no email address" in words(html)


def test_a_tick_says_whom_it_notifies_and_shows_the_message(session, client, dated, set_option):
    make_template(session, name="Dates", subject="{{ lines[0].old_promise_date }} to {{ lines[0].promise_date }}")
    set_option("backorder_email.date_template", "Dates")
    for address in date_pages(dated):
        html = page(client, address)
        assert "disabled" not in notify_tick(html) and "checked" in notify_tick(html)
        assert "1 customer would be notified with the template Dates." in words(html)
        assert "2026-12-01 to 2026-12-10" in sample_of(client, html)


def test_with_automatic_syncs_the_page_of_an_expected_date_says_who_would_be_notified(
    session, client, dated, set_option
):
    make_template(session, name="Dates")
    set_option("backorder_email.date_template", "Dates")
    address = f"{ORDERS}{dated.purchase.id}/lines/{dated.purchase_line.id}/expected-date/"
    assert "would be notified" not in words(page(client, address))
    set_option("preorder.sync_dates", "auto")
    assert "1 customer would be notified with the template Dates." in words(page(client, address))


def test_the_pages_that_allocate_say_who_would_be_notified(session, client):
    template = make_template(session, name="Coming", subject="{{ status }}: {{ lines[0].purchase_order }}")
    supply = make_supply(session, orders=2)
    supply.purchase_line.status = make_status_with_template(session, template, name="Shipped")
    session.commit()
    html = page(client, f"{ORDERS}{supply.purchase.id}/lines/{supply.purchase_line.id}/allocate/")
    assert "2 customers would be notified with the template Coming." in words(html)
    assert f"Shipped: {supply.purchase.number}" in sample_of(client, html)
    html = page(client, f"/sales/orders/{supply.orders[0].id}/lines/{supply.line.id}/allocate/")
    assert "1 customer would be notified with the template Coming." in words(html)


def test_a_check_of_promise_dates_says_who_would_be_notified_and_writes_nothing(session, client, dated, set_option):
    make_template(session, name="Dates")
    set_option("backorder_email.date_template", "Dates")
    before = len(messages(session))
    data = f"order,line,promise_date\n{dated.orders[0].number},1,2027-01-05\n".encode()
    form = {"kind": "promise_dates", "file": (BytesIO(data), "dates.csv")}
    answer = client.post("/settings/import/", data=form, content_type="multipart/form-data")
    assert "1 customer would be notified with the template Dates." in words(client.get(answer.location).text)
    assert len(messages(session)) == before


@pytest.mark.parametrize("query", ["", "?template=1&cause=odd&order=1", "?template=999&cause=cancelled&order=1&line=1"])
def test_a_sample_that_does_not_exist_is_not_found(client, query):
    page(client, f"/emails/pending/sample/{query}", 404)


def test_the_questions_take_as_many_statements_for_many_customers_as_for_one(
    session, client, set_option, count_statements
):
    make_template(session, name="Dates")
    set_option("backorder_email.date_template", "Dates")
    set_option("preorder.sync_dates", "auto")
    make_status_with_template(session, name="Delayed")

    def ask(orders):
        supply = make_supply(session, orders=orders)
        allocate_all(supply)
        line_ids = [order.lines[0].id for order in supply.orders]
        purchase_line_id = supply.purchase_line.id
        with count_statements() as sent:
            assert any(each.customers == orders for each in queries.status_news(session, [purchase_line_id]).values())
            assert queries.date_news(session, dict.fromkeys(line_ids)).customers == orders
            assert queries.arrival_news(session, [purchase_line_id]).customers == orders
            assert queries.allocation_news(session, [(line_id, purchase_line_id) for line_id in line_ids]) == []
        return len(sent)

    ask(1)
    assert ask(1) == ask(20)
