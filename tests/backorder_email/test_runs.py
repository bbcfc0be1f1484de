"""News is written in the transaction that makes it and told when its run is over: by screens, files and jobs."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp import jobs
from erp.db import db
from erp.exchange import import_csv
from erp.registry import current_registry
from modules.backorder_email.delivery import send_pending
from modules.backorder_email.delivery.transports import SmtpTransport
from modules.backorder_email.models import Message
from modules.backorder_email.states import Cause, MessageState
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services import allocate_by_hand
from modules.procurement.services import set_expected_dates
from modules.sales.services import allocate_products
from tests.support.backorder_email import (
    ARRIVAL,
    allocate_all,
    give_status,
    in_a_run,
    make_message,
    make_supply,
    make_telling_status,
    make_template,
    messages,
    news,
    states,
)
from tests.support.sales import make_order

MOVED = date(2027, 1, 15)


@pytest.fixture
def supply(session, set_option):
    """Two orders linked to one purchase order line, promised for its arrival; changed dates are told."""
    supply = make_supply(session, orders=2)
    give_status(supply, None)
    allocate_all(supply)
    dates = "{% for line in lines %}{{ line.old_promise_date }} > {{ line.promise_date }}{% endfor %}"
    make_template(session, name="Dates", subject="{{ cause }}", body=dates)
    set_option("backorder_email.date_template", "Dates")
    return supply


def texts(session):
    return [message.text for message in messages(session)]


def test_news_is_undone_with_the_transaction_that_makes_it(session):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.rollback()
    assert session.scalar(select(func.count()).select_from(PurchaseAllocation)) == 0
    assert news(session) == []


@pytest.mark.parametrize(("tick", "notified"), [({"notify": "y"}, [f"{ARRIVAL} > {MOVED}\n"]), ({}, [])])
def test_the_edit_of_an_item_tells_the_customer_when_ticked(client, session, supply, tick, notified):
    address = f"/sales/orders/{supply.line.order_id}/lines/{supply.line.id}/edit/"
    client.post(address, data={"promise_date": MOVED.isoformat(), **tick})
    assert texts(session) == notified


@pytest.mark.parametrize(("tick", "count"), [({"notify": "y"}, 2), ({}, 0)])
def test_sync_date_with_so_tells_the_customers_when_ticked(client, session, supply, tick, count):
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


def test_an_arrival_that_moves_is_told_where_dates_follow_by_themselves(session, supply, set_option):
    set_option("preorder.sync_dates", "auto")
    line_id = supply.purchase_line.id
    in_a_run(lambda session: set_expected_dates(session, {line_id: MOVED}))
    assert texts(session) == [f"{ARRIVAL} > {MOVED}\n"] * 2


def test_the_daily_job_that_cancels_is_a_run_that_tells(session, set_option, at):
    make_template(session, name="Sorry", subject="{{ cause }}")
    set_option("backorder_email.cancellation_template", "Sorry")
    set_option("sales.backorder_cancellation_days", "10")
    make_supply(session, orders=2)
    at("2026-12-20T12:00:00Z")
    jobs.run("cancel-overdue-backorders")
    assert [message.cause for message in messages(session)] == [Cause.cancelled] * 2
    jobs.run("cancel-overdue-backorders")
    assert states(session) == ["pending"] * 2


def test_a_new_order_that_is_linked_by_itself_is_told(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    supply = make_supply(session, orders=0)
    product = supply.purchase_line.product
    product_id, notified = product.id, f"2 {product.sku} from {supply.purchase.number}\n"
    in_a_run(lambda session: make_order(session, [(product, 2)]))
    assert texts(session) == [notified]
    in_a_run(lambda session: allocate_products(session, [product_id]))
    assert states(session) == ["pending"]


def test_two_runs_about_one_order_are_two_messages_where_both_hold(session):
    supply = make_supply(session)
    give_status(supply, None)
    allocate_all(supply)
    give_status(supply, make_telling_status(session))
    send_pending()
    give_status(supply, make_telling_status(session))
    assert states(session) == ["sent", "pending"]


def test_the_sending_job_first_tells_what_runs_that_died_left(session, mailbox, at):
    supply = make_supply(session)
    allocate_by_hand(session, {(supply.line.id, supply.purchase_line.id): Decimal(2)})
    session.commit()
    at("2026-11-23T12:02:00Z")
    jobs.run("send-pending-emails")
    assert states(session) == ["sent"]
    assert mailbox.recipients == [supply.orders[0].customer.email]


def test_a_worker_has_claimed_and_committed_before_it_connects(session, mailbox, monkeypatch):
    seen = []
    connect = SmtpTransport._connect

    def watched(self):
        with db.engine.connect() as other:
            seen.append(other.execute(select(Message.state, Message.begun_at)).one())
        return connect(self)

    monkeypatch.setattr(SmtpTransport, "_connect", watched)
    make_message(session)
    send_pending()
    assert [tuple(row) for row in seen] == [(MessageState.sending, None)]


def test_the_password_of_the_mail_server_is_no_option(app):
    names = [option.name for option in current_registry().option_table.by_section()["backorder_email"]]
    assert "user" in names
    assert not [name for name in names if "password" in name or "secret" in name]
