"""A change is made once for its key, on what its sender has read, and answers what became of it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from erp.db import commit
from modules.api import services
from modules.sales.models import Order
from tests.support.concurrency import together
from tests.support.inventory_lots import make_product
from tests.support.sales import make_customer, make_draft

pytestmark = pytest.mark.needs("sales")


def new_order(session, **changes):
    make_product(session, sku="LAMP")
    make_customer(session, code="C1")
    session.commit()
    return {"customer": "C1", "lines": [{"sku": "LAMP", "quantity": "2.0", "unit_price": "9.99"}], **changes}


def count(session):
    return session.scalar(select(func.count()).select_from(Order))


def test_an_order_is_entered_and_confirmed(session, program):
    draft = program.post("/orders", new_order(session, note="Ring twice"), 201)
    assert (draft["state"], draft["number"], draft["note"]) == ("draft", None, "Ring twice")
    (line,) = draft["lines"]
    assert (line["sku"], line["quantity"], line["unit_price"]) == ("LAMP", "2", "9.99")
    assert program.post(f"/orders/{draft['id']}/confirm")["state"] == "confirmed"


def test_a_request_that_is_sent_again_is_done_once_and_answered_as_before(session, program):
    body = new_order(session)
    first = program.post("/orders", body, 201, key="one")
    assert program.post("/orders", body, 201, key="one") == first
    assert program.answer.headers["Idempotent-Replayed"] == "true"
    assert count(session) == 1
    program.post("/orders", {**body, "priority": 1}, 422, key="one")
    program.post("/orders", body, 201, key="two")
    assert count(session) == 2


def test_a_refused_request_changes_nothing_and_may_be_sent_again_with_its_key(session, program):
    body = new_order(session)
    for wrong, status in (
        ({**body, "customer": "C2"}, 422),
        ({**body, "lines": [{"sku": "LAMP", "quantity": "0"}]}, 422),
        ({**body, "lines": [{"sku": "LAMP", "quantity": 2}]}, 422),
        ({**body, "lines": []}, 422),
        ({**body, "colour": "red"}, 422),
        ({**body, "note": "\x00"}, 422),
    ):
        program.post("/orders", wrong, status, key="one")
    assert count(session) == 0
    program.post("/orders", body, 201, key="one")


def test_a_write_without_a_key_is_refused(session, program):
    program.send("POST", "/orders", 400, json=new_order(session))
    assert count(session) == 0


def test_one_of_two_requests_with_one_key_is_done(app, session, program):
    body, answers = new_order(session), []

    def send(_session):
        answers.append(program.client.post("/api/v1/orders", json=body, headers=headers).get_json())

    headers = {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": "one"}
    together(app, send, send)
    assert answers[0] == answers[1]
    assert count(session) == 1


def test_a_change_of_what_has_changed_since_it_was_read_is_refused(session, program):
    draft = make_draft(session)
    session.commit()
    program.get(f"/orders/{draft.id}")
    read = {"If-Match": program.answer.headers["ETag"]}
    draft.note = "changed"
    session.commit()
    program.post(f"/orders/{draft.id}/confirm", status=412, headers=read)
    program.get(f"/orders/{draft.id}")
    program.post(f"/orders/{draft.id}/confirm", headers={"If-Match": program.answer.headers["ETag"]})


def test_many_orders_are_confirmed_as_far_as_they_can_be(session, program):
    draft, empty = make_draft(session), make_draft(session, [])
    session.commit()
    found = program.post("/orders/confirm", {"ids": [draft.id, empty.id]})
    assert [each["status"] for each in found["items"]] == [200, 409]
    assert found["items"][1]["problem"]["type"] == "urn:erp:refusal:OrderWithoutLines"
    program.post("/orders/confirm", {"ids": [draft.id, 999]}, 404)


@pytest.mark.option("api.keep_answers", "7 days", "1 day")
def test_an_answer_is_forgotten_when_nobody_asks_for_it_again(at, session, set_option, program):
    body = new_order(session)
    program.post("/orders", body, 201, key="one")
    at("2026-11-26T12:00:00Z")
    assert commit(services.forget_answers) == 0
    set_option("api.keep_answers", "1 day")
    assert commit(services.forget_answers) == 1
    program.post("/orders", body, 201, key="one")
    assert count(session) == 2
