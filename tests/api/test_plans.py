"""A dry run shows what a change would do and does none of it; sent with its plan, exactly that is done or nothing."""

from __future__ import annotations

import os
import uuid

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from erp.history import as_text
from modules.sales.models import Allocation, Order, OrderLine
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


WRITES = st.sampled_from(["confirm", "allocate", "cancel", "raise", "lower", "pack", "hold", "release", "remove"])


@settings(max_examples=int(os.environ.get("ERP_TEST_EXAMPLES", "6")), suppress_health_check=list(HealthCheck))
@given(
    stock=st.integers(0, 9),
    quantities=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    writes=st.lists(st.tuples(WRITES, st.integers(0, 3)), min_size=1, max_size=5),
)
def test_a_dry_run_and_its_plan_do_what_the_write_itself_does(session, program, stock, quantities, writes):
    """Of two equal books one is written directly, the other by a dry run and its plan: they stay equal."""
    direct, planned = (Book(session, stock, quantities) for _ in range(2))
    session.commit()
    for write, number in writes:
        done = send(program, *direct.request_of(write, number))
        path, body = planned.request_of(write, number)
        shown = send(program, f"{path}?dry_run=true", body)
        assert shown.status_code == done.status_code
        if shown.status_code != 200:
            assert shown.json["type"] == done.json["type"]
            assert send(program, path, body).json["type"] == done.json["type"]
            continue
        applied = send(program, f"{path}?plan={shown.json['plan']}", body)
        assert applied.json == shown.json["answer"]
        after = planned.lines(session)
        assert after == direct.lines(session)
        for line in filter(None, (each["after"] for each in shown.json["effects"]["order_lines"])):
            assert {name: line[name] for name in COMPARED} in after.values()


COMPARED = ("open", "allocated", "backordered")


class Book:
    """A product, the stock of it, and orders for it, of which the last is a draft."""

    def __init__(self, session, stock, quantities):
        self.product = make_product(session)
        if stock:
            make_stock(session, self.product, stock)
        orders = [make_order(session, [(self.product, quantity)]) for quantity in quantities[:-1]]
        orders.append(make_draft(session, [(self.product, quantities[-1])]))
        self.product_id, self.quantity = self.product.id, quantities[0]
        self.ids = [(order.id, order.lines[0].id) for order in orders]

    def request_of(self, write, number):
        """Return the address and the body of a write on one of the orders."""
        order_id, line_id = self.ids[-1 - number % len(self.ids)]
        if write in ("raise", "lower"):
            wanted = self.quantity + 2 if write == "raise" else 1
            return f"/order-lines/{line_id}/change-quantity", {"quantity": str(wanted)}
        return f"/orders/{order_id}/{'remove-allocations' if write == 'remove' else write}", {}

    def lines(self, session):
        """Return the open lines by the place of their order in the book."""
        session.rollback()
        numbers = dict(session.execute(select(Order.number, Order.id)).all())
        places = {order_id: place for place, (order_id, _) in enumerate(self.ids)}
        found = open_lines_of(session, [self.product_id]).values()
        session.rollback()
        return {places[numbers[each["order"]]]: {name: as_text(each[name]) for name in COMPARED} for each in found}


def send(program, path, body):
    headers = {"Authorization": f"Bearer {program.secret}", "Idempotency-Key": str(uuid.uuid4())}
    return program.client.post(f"/api/v1{path}", json=body, headers=headers)
