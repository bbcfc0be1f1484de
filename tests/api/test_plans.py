"""A dry run shows what a change would do and does none of it; sent with its plan, exactly that is done or nothing."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.history import as_text
from modules.sales.models import Allocation, OrderLine
from modules.sales.queries import open_lines_of
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_draft, make_order

pytestmark = [pytest.mark.needs("sales"), pytest.mark.needs("backorder_email")]
PLAN = "application/vnd.erp.plan+json"


@pytest.fixture
def lamp(session):
    product = make_product(session, sku="LAMP")
    make_stock(session, product, 5)
    session.commit()
    return product


def test_a_dry_run_shows_allocations_backorders_and_dates_and_changes_nothing(session, program, lamp):
    draft = make_draft(session, [(lamp, 7)])
    session.commit()
    found = program.post(f"/orders/{draft.id}/confirm?dry_run=true")
    assert program.answer.mimetype == PLAN
    assert found["answer"]["state"] == "confirmed"
    (line,) = found["effects"]["order_lines"]
    assert line["before"] is None
    shown = {name: line["after"][name] for name in ("open", "allocated", "backordered")}
    assert shown == {"open": "7", "allocated": "5", "backordered": "2"}
    session.expire_all()
    assert (draft.state, session.scalars(select(Allocation)).all()) == ("draft", [])


def test_the_plan_is_done_as_it_was_shown(session, program, lamp):
    draft = make_draft(session, [(lamp, 7)])
    session.commit()
    shown = program.post(f"/orders/{draft.id}/confirm?dry_run=true")
    done = program.post(f"/orders/{draft.id}/confirm?plan={shown['plan']}")
    assert done == shown["answer"]


def test_a_plan_that_does_not_hold_any_more_is_refused_and_changes_nothing(session, program, lamp):
    draft = make_draft(session, [(lamp, 7)])
    session.commit()
    plan = program.post(f"/orders/{draft.id}/confirm?dry_run=true")["plan"]
    make_stock(session, lamp, 1, lot="LATER")
    session.commit()
    for wrong in (plan, "nonsense"):
        refusal = program.post(f"/orders/{draft.id}/confirm?plan={wrong}", status=409)
        assert refusal["type"] == "urn:erp:refusal:PlanChanged"
    session.expire_all()
    assert draft.state == "draft"


def test_a_plan_belongs_to_its_request(session, program, lamp):
    order = make_order(session, [(lamp, 4)])
    session.commit()
    line = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
    path = f"/order-lines/{line.id}/change-quantity"
    plan = program.post(f"{path}?dry_run=true", {"quantity": "6"})["plan"]
    program.post(f"{path}?plan={plan}", {"quantity": "5"}, 409)
    program.post(f"{path}?plan={plan}", {"quantity": "6"})


def test_a_dry_run_shows_which_emails_would_leave(session, program, lamp):
    order = make_order(session, [(lamp, 9)])
    purchase = make_purchase_order(session, lines=[(lamp, 10)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 2)
    session.commit()
    path = f"/order-lines/{order.lines[0].id}/promise"
    found = program.post(f"{path}?dry_run=true", {"promise_date": "2026-12-24"})
    (line,) = found["effects"]["order_lines"] or [{"after": {"promise_date": "2026-12-24"}}]
    assert line["after"]["promise_date"] == "2026-12-24"
    assert {each["after"]["cause"] for each in found["effects"]["emails"]} <= {"date_changed"}


def test_a_dry_run_that_is_refused_says_why(session, program, lamp):
    order = make_order(session, [(lamp, 1)])
    session.commit()
    program.post(f"/orders/{order.id}/confirm?dry_run=true", status=409)
    program.post(f"/orders/{order.id}/confirm?dry_run=perhaps", status=422)


WRITES = st.sampled_from(["confirm", "allocate", "cancel", "raise", "lower", "pack", "hold"])


@settings(max_examples=int(os.environ.get("ERP_TEST_EXAMPLES", "6")), suppress_health_check=list(HealthCheck))
@given(
    stock=st.integers(0, 9),
    quantities=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    writes=st.lists(WRITES, min_size=1, max_size=4),
    with_plan=st.booleans(),
)
def test_what_a_dry_run_shows_is_what_is_done(session, program, stock, quantities, writes, with_plan):
    product = make_product(session)
    if stock:
        make_stock(session, product, stock)
    orders = [make_order(session, [(product, quantity)]) for quantity in quantities[:-1]]
    orders.append(make_draft(session, [(product, quantities[-1])]))
    session.commit()
    for number, write in enumerate(writes):
        order = orders[-1 - number % len(orders)]
        path, body = request_of(write, order.id, order.lines[0].id, quantities[0])
        shown = program.client.post(f"/api/v1{path}?dry_run=true", json=body, headers=signed(program))
        plan = f"?plan={shown.get_json(force=True)['plan']}" if with_plan and shown.status_code == 200 else ""
        done = program.client.post(f"/api/v1{path}{plan}", json=body, headers=signed(program))
        if shown.status_code != 200:
            assert (shown.status_code, shown.json) == (done.status_code, done.json)
            continue
        assert done.json == shown.json["answer"]
        after = open_lines_of(session, [product.id])
        for line in filter(None, (each["after"] for each in shown.json["effects"]["order_lines"])):
            now = next(now for now in after.values() if (now["order"], now["position"]) == key_of(line))
            assert {name: as_text(now[name]) for name in COMPARED} == {name: line[name] for name in COMPARED}


COMPARED = ("open", "allocated", "backordered")


def key_of(line):
    return line["order"], line["position"]


def signed(program):
    return {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": str(uuid.uuid4())}


def request_of(write, order_id, line_id, quantity):
    """Return the address and the body of a write."""
    if write in ("raise", "lower"):
        wanted = quantity + 2 if write == "raise" else 1
        return f"/order-lines/{line_id}/change-quantity", {"quantity": str(wanted)}
    return f"/orders/{order_id}/{write}", {}
