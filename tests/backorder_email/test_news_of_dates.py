"""News of changed promise dates."""

from datetime import date

import pytest

from erp.exchange import import_csv
from modules.backorder_email import services
from modules.backorder_email.states import DropReason, MessageState
from modules.preorder.services import sync_promises
from modules.procurement.services import set_expected_dates
from modules.sales.services import set_promise_dates
from tests.support.backorder_email import (
    ARRIVAL,
    allocate_all,
    give_status,
    in_a_run,
    make_supply,
    make_template,
    messages,
    news,
    states,
)
from tests.support.sales import make_order


@pytest.fixture
def date_template(session, set_option):
    """A template for changed dates, named by its option."""
    dates = "{{ line.old_promise_date }} > {{ line.promise_date }} {{ line.purchase_order }}"
    body = f"{{% for line in lines %}}{dates}{{% endfor %}}"
    template = make_template(session, name="Dates", subject="{{ cause }}", body=body)
    set_option("backorder_email.date_template", "Dates")
    return template


def set_promise(line, day, **more):
    """Change a promise date as a clerk does."""
    line_id = line.id
    in_a_run(lambda session: set_promise_dates(session, {line_id: day}, **({"cause": "edit"} | more)))


def make_allocated(session):
    """Return an allocated supply without pending messages, promised for the day of arrival."""
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    assert messages(session) == []
    assert supply.line.promise_date == ARRIVAL
    return supply


@pytest.mark.parametrize("cause", ["edit", "sync", "import"])
def test_a_changed_promise_date_of_a_line_on_a_purchase_order_is_news(session, date_template, cause):
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5), cause=cause)
    (message,) = messages(session)
    assert message.subject == "date_changed"
    assert message.text == f"2026-12-10 > 2027-01-05 {supply.purchase.number}\n"


@pytest.mark.option("backorder_email.date_template", "Dates")
def test_a_synced_date_is_news(session, date_template):
    supply = make_allocated(session)
    line_id, purchase_line_id = supply.line.id, supply.purchase_line.id
    in_a_run(lambda session: set_expected_dates(session, {purchase_line_id: date(2027, 2, 1)}))
    in_a_run(lambda session: sync_promises(session, [line_id]))
    (message,) = messages(session)
    assert "2026-12-10 > 2027-02-01" in message.text


def test_a_date_that_allocation_sets_is_no_news(session, date_template):
    make_allocated(session)
    assert news(session) == []


def test_a_date_is_no_news_when_the_clerk_chooses_not_to_notify(session, date_template):
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5), notify=False)
    assert news(session) == []


def test_a_date_of_a_line_without_a_purchase_order_is_no_news(session, date_template):
    order = make_order(session)
    set_promise(order.lines[0], date(2027, 1, 5))
    assert news(session) == []


@pytest.mark.option("backorder_email.date_template", "")
def test_without_a_date_template_dates_are_no_news(session):
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5))
    assert news(session) == []


def test_a_message_whose_date_template_does_not_exist_fails_and_names_the_option(session, set_option):
    set_option("backorder_email.date_template", "Nowhere")
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5))
    (message,) = messages(session)
    assert message.state is MessageState.failed
    assert (
        message.last_error == "There is no email template 'Nowhere', which option backorder_email.date_template names."
    )
    make_template(session, name="Nowhere", subject="Date")
    in_a_run(lambda session: services.retry(session, [message.id]))
    (message,) = messages(session)
    assert (message.state, message.subject, message.last_error) == (MessageState.pending, "Date", "")


def test_the_old_date_is_the_one_that_the_customer_knows(session, date_template):
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5))
    set_promise(supply.line, date(2027, 1, 9))
    assert states(session) == ["superseded", "pending"]
    assert messages(session)[1].text.startswith("2026-12-10 > 2027-01-09")


def test_a_date_that_is_again_the_one_that_the_customer_knows_is_dropped(session, date_template):
    supply = make_allocated(session)
    set_promise(supply.line, date(2027, 1, 5))
    set_promise(supply.line, ARRIVAL)
    assert states(session) == ["superseded"]
    assert [row.dropped for row in news(session)] == [DropReason.superseded, DropReason.unchanged]


MOVED = date(2027, 1, 15)


@pytest.fixture
def supply(session, set_option):
    """Two orders allocated to one purchase order line and promised for its arrival; changed dates are news."""
    supply = make_supply(session, orders=2)
    give_status(supply, None)
    allocate_all(supply)
    dates = "{% for line in lines %}{{ line.old_promise_date }} > {{ line.promise_date }}{% endfor %}"
    make_template(session, name="Dates", subject="{{ cause }}", body=dates)
    set_option("backorder_email.date_template", "Dates")
    return supply


def texts(session):
    return [message.text for message in messages(session)]


@pytest.mark.parametrize(("tick", "expected"), [({"notify": "y"}, [f"{ARRIVAL} > {MOVED}\n"]), ({}, [])])
def test_the_edit_of_an_item_notifies_the_customer_when_ticked(client, session, supply, tick, expected):
    address = f"/sales/orders/{supply.line.order_id}/lines/{supply.line.id}/edit/"
    client.post(address, data={"promise_date": MOVED.isoformat(), **tick})
    assert texts(session) == expected


@pytest.mark.parametrize(("tick", "count"), [({"notify": "y"}, 2), ({}, 0)])
def test_sync_date_with_so_notifies_the_customers_when_ticked(client, session, supply, tick, count):
    supply.purchase_line.expected_on = MOVED
    session.commit()
    rows = [order.lines[0].id for order in supply.orders]
    address = f"/procurement/purchase-orders/{supply.purchase.id}/lines/{supply.purchase_line.id}/sync/"
    client.post(address, data={"row": rows, **tick})
    assert supply.line.promise_date == MOVED
    assert texts(session) == [f"{ARRIVAL} > {MOVED}\n"] * count


def test_a_file_of_promise_dates_is_one_run_and_one_message_an_order(session, supply):
    rows = "".join(f"{order.number},1,{MOVED}\n" for order in supply.orders)
    file = f"order,line,promise_date\n{rows}".encode()
    in_a_run(lambda session: import_csv(session, "promise_dates", file))
    assert texts(session) == [f"{ARRIVAL} > {MOVED}\n"] * 2
    assert len({message.run_id for message in messages(session)}) == 1


def test_a_moved_arrival_is_news_where_dates_are_synced_automatically(session, supply, set_option):
    set_option("preorder.sync_dates", "auto")
    line_id = supply.purchase_line.id
    in_a_run(lambda session: set_expected_dates(session, {line_id: MOVED}))
    assert texts(session) == [f"{ARRIVAL} > {MOVED}\n"] * 2
