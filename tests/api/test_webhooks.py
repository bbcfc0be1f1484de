"""Webhooks: what they are told, to whom it is sent, and in which state each delivery ends."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from erp.db import db
from erp.deliveries import Ending, Outcome
from modules.api.delivery import deliver_due
from modules.api.delivery.http import _is_public, send, signature
from modules.api.errors import BadWebhookAddress, UnknownEvents
from modules.api.models import Delivery, Webhook
from modules.api.services import Outgoing, recover_deliveries, replay_delivery, save_webhook
from modules.preorder.services import remove_purchase_allocations
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery as Goods
from modules.sales.models import OrderLine
from modules.sales.services import cancel_order, pack_order, reverse_pack, set_promise_dates
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

pytestmark = pytest.mark.needs("sales")

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@contextmanager
def receiver(answer):
    """A receiver that answers each request with these bytes; `None` says nothing until the other side goes away."""
    heard = []
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(20)

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                request = b""
                while b"\r\n\r\n" not in request or len(_body(request)) < _length(request):
                    more = connection.recv(65536)
                    if not more:
                        break
                    request += more
                heard.append(request)
                if answer is None:
                    connection.recv(1)
                else:
                    connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook?a=1", heard
    finally:
        server.shutdown(socket.SHUT_RDWR)  # else the thread would accept one more
        server.close()
        thread.join(5)


def _body(request):
    return request.partition(b"\r\n\r\n")[2]


def _length(request):
    return int(_headers(request).get("content-length", "0"))


def _headers(request):
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


def webhook(session, url="https://shop.example/hook", events="order-confirmed", **more):
    """Store a webhook. Commits."""
    found = Webhook(name=f"Shop {url[-24:]}", url=url, events=events, secret="s3cret", **more)
    save_webhook(session, found)
    session.commit()
    return found


def waiting(session):
    """The events that wait for webhooks, with what they say."""
    rows = session.scalars(select(Delivery).order_by(Delivery.id))
    return [(row.event, json.loads(row.body)["data"]) for row in rows if row.state == "pending"]


@pytest.fixture(autouse=True)
def webhooks_are_on(set_option):
    """Webhooks hear what happens."""
    set_option("api.webhooks", "yes")


@pytest.fixture
def private(set_option):
    """Deliveries may go to this machine."""
    set_option("api.allow_private_targets", "yes")


def test_webhooks_hear_what_happens_to_an_order(session):
    every = "order-confirmed allocated backordered promise-date-changed goods-packed pack-reversed order-cancelled"
    webhook(session, events=every)
    lamp = make_product(session, sku="LAMP")
    make_stock(session, lamp, 3)
    order = make_order(session, [(lamp, 5)], customer=make_customer(session, code="C1"))
    (pack,) = pack_order(session, order.id)
    reverse_pack(session, pack.id, None, why="wrong parcel")
    for day in (date(2026, 12, 1), date(2026, 12, 2)):
        set_promise_dates(session, {order.lines[0].id: day}, cause="edit", pin=True)
    cancel_order(session, order.id)
    session.commit()
    facts = dict(waiting(session))
    line = {"line": 1, "sku": "LAMP"}
    assert facts["allocated"]["lines"][0] | {"promise_date": None} == {**line, "quantity": "3", "promise_date": None}
    assert facts["backordered"]["lines"][0]["quantity"] == "2"
    assert facts["goods-packed"]["lines"] == [{**line, "quantity": "3"}]
    assert (facts["pack-reversed"]["why"], facts["pack-reversed"]["pack"]) == ("wrong parcel", pack.number)
    assert facts["order-cancelled"] == {"order": order.number, "customer": "C1"}
    assert facts["promise-date-changed"]["new"] == "2026-12-02"
    assert [event for event, _ in waiting(session)].count("promise-date-changed") == 1, "the earlier one is superseded"


@pytest.mark.needs("preorder")
def test_webhooks_hear_what_is_taken_back_of_incoming_goods(session):
    every = "purchase-allocated purchase-allocation-removed receipt-reversed"
    webhook(session, events=every)
    lamp = make_product(session, sku="LAMP")
    order = make_order(session, [(lamp, 2)], customer=make_customer(session, code="C1"))
    purchase = make_purchase_order(session, [(lamp, 5, date(2026, 12, 20)), (lamp, 5, date(2026, 12, 30))])
    first, second = purchase.lines
    for line in (first, second):
        allocate_purchase(session, order.lines[0], line, 1)
    remove_purchase_allocations(session, [purchase_allocations_of(session, order.lines[0])[1].id])
    receipt_id = procurement.receive(session, Goods(first.id, Decimal(5), make_location(session).id, "L1"))
    procurement.reverse_receipt(session, receipt_id, Decimal(3), why="wrong goods")
    session.commit()
    facts = dict(waiting(session))
    goods = {"purchase_order": purchase.number, "sku": "LAMP"}
    assert facts["receipt-reversed"] == {
        **goods,
        "receipt": receipt_id,
        "purchase_line": 1,
        "quantity": "3",
        "why": "wrong goods",
    }
    line = {"order": order.number, "customer": "C1", "line": 1}
    assert facts["purchase-allocation-removed"] == {**goods, **line, "purchase_line": 2}
    assert [event for event, _ in waiting(session)].count("purchase-allocated") == 2


@pytest.mark.option("api.webhooks", "yes", "no")
def test_webhooks_hear_nothing_while_the_option_is_off(session, set_option):
    webhook(session)
    for text, count in (("yes", 1), ("no", 1)):
        set_option("api.webhooks", text)
        make_order(session)
        assert len(waiting(session)) == count


def test_a_webhook_hears_only_of_its_events_and_customers(session):
    webhook(session, customers="C1 C2")
    for code in ("C1", "C3"):
        make_order(session, [(make_product(session), 1)], customer=make_customer(session, code=code))
    assert [data["customer"] for _, data in waiting(session)] == ["C1"]


@pytest.mark.usefixtures("private")
@pytest.mark.option("api.allow_private_targets", "yes")
def test_a_delivery_is_signed_and_made_once(session):
    with receiver(OK) as (url, heard):
        webhook(session, url)
        order = make_order(session)
        assert deliver_due() == "1 delivery made."
        assert deliver_due() is None
    (request,) = heard
    headers, body = _headers(request), _body(request).decode()
    assert request.startswith(b"POST /hook?a=1 HTTP/1.1\r\n")
    assert headers["erp-webhook-signature"] == signature("s3cret", headers["erp-webhook-timestamp"], body)
    assert (headers["erp-webhook-event"], json.loads(body)["data"]["order"]) == ("order-confirmed", order.number)
    (delivery,) = db.session.scalars(select(Delivery))
    assert (delivery.state, delivery.attempts, str(delivery.id)) == ("sent", 1, headers["erp-webhook-id"])


@pytest.mark.parametrize(
    ("event", "undo"),
    [
        ("allocated", lambda session, order: cancel_order(session, order.id)),
        ("backordered", lambda session, order: cancel_order(session, order.id)),
        ("promise-date-changed", lambda session, order: forget_promise(session, order.lines[0])),
    ],
)
def test_what_does_not_hold_any_more_is_not_sent(session, event, undo):
    webhook(session, url="https://shop.example/gone", events=event)
    lamp = make_product(session)
    make_stock(session, lamp, 2)
    order = make_order(session, [(lamp, 5)])
    set_promise_dates(session, {order.lines[0].id: date(2026, 12, 1)}, cause="edit", pin=True)
    session.commit()
    undo(session, order)
    session.commit()
    assert deliver_due() is None
    (delivery,) = db.session.scalars(select(Delivery))
    assert (delivery.state, delivery.attempts) == ("superseded", 0)
    assert delivery.last_error == "What it tells does not hold any more."


def forget_promise(session, line):
    """Take the promise date away as a statement past the services would: nobody announces it."""
    session.execute(update(OrderLine).where(OrderLine.id == line.id).values(promise_date=None, is_promise_pinned=False))


def attempt(url, *, timeout=5.0, may_be_private=True):
    return send(Outgoing(1, "allocated", url, "s", "{}"), timeout=timeout, may_be_private=may_be_private)


@pytest.mark.parametrize(
    ("answer", "ending"),
    [
        (OK, Ending.sent),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Ending.sent),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", Ending.permanent),
        (b"HTTP/1.1 410 Gone\r\n\r\n", Ending.permanent),
        (b"HTTP/1.1 429 Slow down\r\n\r\n", Ending.transient),
        (b"HTTP/1.1 503 Busy\r\n\r\n", Ending.transient),
        (b"I took it, believe me\r\n\r\n", Ending.uncertain),
        (b"", Ending.uncertain),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Ending.uncertain),
    ],
)
def test_the_answer_of_a_receiver_decides_about_the_end_of_a_delivery(answer, ending):
    with receiver(answer) as (url, heard):
        assert attempt(url).ending is ending
    assert len(heard) == 1, "nothing was sent twice, and no redirect was followed"


def test_a_receiver_that_hangs_leaves_a_delivery_uncertain_in_time():
    with receiver(None) as (url, _):
        assert attempt(url, timeout=0.3).ending is Ending.uncertain


@pytest.mark.option("api.webhook_timeout", "3 s", "20 s")
def test_the_option_says_until_when_an_answer_is_awaited(session, set_option, monkeypatch):
    given = []

    def send_nothing(_outgoing, *, timeout, may_be_private):
        given.append(timeout)
        return Outcome(Ending.sent)

    monkeypatch.setattr("modules.api.delivery.worker.send", send_nothing)
    webhook(session)
    for text in ("3 s", "20 s"):
        set_option("api.webhook_timeout", text)
        make_order(session)
        deliver_due()
    assert given == [3, 20]


def test_nobody_listens_is_tried_again():
    with receiver(OK) as (url, _):
        pass
    assert attempt(url).ending is Ending.transient


@pytest.mark.option("api.allow_private_targets", "no")
def test_an_address_that_is_not_public_is_refused_before_anything_is_sent(session, set_option):
    set_option("api.allow_private_targets", "no")
    with receiver(OK) as (url, heard):
        webhook(session, url)
        make_order(session)
        deliver_due()
    (delivery,) = db.session.scalars(select(Delivery))
    assert (delivery.state, heard) == ("failed", [])
    assert "127.0.0.1, which is no public address" in delivery.last_error


PRIVATE = (
    "127.0.0.1 10.1.2.3 169.254.169.254 192.168.0.1 100.64.0.1 0.0.0.0 224.0.0.1 ::1 fe80::1 fd00::1 ::ffff:10.0.0.1"
)


@pytest.mark.parametrize("address", PRIVATE.split())
def test_which_addresses_are_not_public(address):
    assert not _is_public(address)
    assert _is_public("93.184.215.14")


@pytest.mark.usefixtures("private")
def test_what_fails_is_tried_again_later_and_given_up_at_last(session, at):
    with receiver(b"HTTP/1.1 500 Oh\r\n\r\n") as (url, heard):
        webhook(session, url)
        make_order(session)
        assert deliver_due() == "0 deliveries made, 1 to be tried again."
        assert deliver_due() is None, "it waits"
        for day in range(24, 31):
            at(f"2026-11-{day}T12:00:00Z")
            deliver_due()
    (delivery,) = db.session.scalars(select(Delivery))
    assert (delivery.state, delivery.attempts, len(heard)) == ("failed", 8, 8)
    assert delivery.last_error == "The receiver answered 500."


def test_what_a_dead_worker_had_begun_is_uncertain_until_a_user_sends_it_again(session):
    webhook(session)
    make_order(session)
    make_order(session)
    first, second = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
    session.execute(update(Delivery).values(state="sending"))
    session.execute(update(Delivery).where(Delivery.id == first).values(begun_at=Delivery.created_at))
    session.commit()
    recover_deliveries(session)
    session.commit()
    assert [session.get_one(Delivery, id_).state for id_ in (first, second)] == ["uncertain", "pending"]
    replay_delivery(session, first)
    session.commit()
    assert session.get_one(Delivery, first).state == "pending"


@pytest.mark.parametrize("url", ["ftp://shop.example/", "https://user:pw@shop.example/", "shop.example", "http://a:0/"])
def test_addresses_that_cannot_be_used_are_refused(session, url):
    with pytest.raises(BadWebhookAddress):
        webhook(session, url)


def test_events_that_nobody_announces_are_refused(session):
    with pytest.raises(UnknownEvents, match="order-confirmed"):
        webhook(session, events="order-conformed")
