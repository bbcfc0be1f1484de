"""Many purchase orders or lines at once: as one by one, said row by row, in a fixed number of statements."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from erp.db import commit, db
from modules.procurement import services
from modules.procurement.errors import NothingOutstanding, OrderWithoutLines, PartlyReceived
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PurchaseState
from tests.support import inventory_lots, procurement
from tests.support.concurrency import together


def drafts_of(session, count):
    product = inventory_lots.make_product(session)
    state = {"state": PurchaseState.draft, "number": None}
    made = [procurement.make_purchase_order(session, [(product, 5)], **state) for _ in range(count)]
    session.commit()
    return made


def states(session, orders):
    session.expire_all()
    return [session.get_one(PurchaseOrder, order.id).state for order in orders]


def test_drafts_are_ordered_with_numbers_in_order_and_empty_ones_stay(session):
    drafts, empty = drafts_of(session, 2), procurement.make_purchase_order(session, [], state=PurchaseState.draft)
    session.commit()
    refusals = commit(lambda session: services.place_orders(session, [order.id for order in (*drafts, empty)]))
    assert {id_: type(error) for id_, error in refusals.items()} == {empty.id: OrderWithoutLines}
    assert states(session, [*drafts, empty]) == [PurchaseState.ordered] * 2 + [PurchaseState.draft]
    numbers = [order.number for order in drafts]
    assert all(numbers)
    assert numbers == sorted(numbers)


def test_ticked_orders_are_cancelled_and_partly_received_ones_say_why_not(session):
    (draft,) = drafts_of(session, 1)
    ordered = procurement.make_purchase_order(session, [(inventory_lots.make_product(session), 5)])
    partly = procurement.make_purchase_order(session, [(inventory_lots.make_product(session), 5)])
    partly.state, partly.lines[0].received = PurchaseState.partly_received, 2
    session.commit()
    ids = [order.id for order in (draft, ordered, partly)]
    refusals = commit(lambda session: services.cancel_orders(session, ids))
    assert {id_: type(error) for id_, error in refusals.items()} == {partly.id: PartlyReceived}
    assert states(session, [draft, ordered]) == [PurchaseState.cancelled] * 2
    assert [order.lines[0].outstanding for order in (draft, ordered)] == [0, 0]


def test_ticked_lines_are_closed_short_and_closed_ones_say_why_not(session):
    product = inventory_lots.make_product(session)
    order = procurement.make_purchase_order(session, [(product, 5), (product, 3)])
    session.commit()
    first, second = (line.id for line in order.lines)
    commit(lambda session: services.close_lines(session, [first]))
    refusals = commit(lambda session: services.close_many_lines(session, [first, second]))
    assert {id_: type(error) for id_, error in refusals.items()} == {first: NothingOutstanding}
    assert states(session, [order]) == [PurchaseState.cancelled]


@pytest.mark.parametrize("action", ["order", "cancel"])
def test_an_action_on_orders_sends_as_many_statements_for_ten_as_for_two(client, session, count_statements, action):
    ids = [order.id for order in drafts_of(session, 14)]
    if action == "cancel":
        commit(lambda session: services.place_orders(session, ids))
    assert_constant(client, count_statements, "/procurement/purchase-orders/", ids, {"action": action})


@pytest.mark.parametrize("action", ["dates", "status", "close-short"])
def test_an_action_on_lines_sends_as_many_statements_for_ten_as_for_two(client, session, count_statements, action):
    product, status = inventory_lots.make_product(session), procurement.make_status(session)
    for _ in range(14):
        procurement.make_purchase_order(session, [(product, 5)])
    session.commit()
    ids = session.scalars(select(PurchaseOrderLine.id)).all()
    form = {"action": action, "expected_on": "2027-03-01", "status": status.id}
    assert_constant(client, count_statements, "/procurement/incoming/", ids, form)
    session.expire_all()
    line = session.get_one(PurchaseOrderLine, ids[0])
    changed = {"dates": line.expected_on == date(2027, 3, 1), "status": line.status_id == status.id,
               "close-short": line.outstanding == 0}  # fmt: skip
    assert changed[action]


def assert_constant(client, count_statements, path, ids, form):
    counts = []
    for chosen in (ids[:2], ids[2:4], ids[4:]):
        db.session.rollback()
        with count_statements() as sent:
            answer = client.post(f"{path}action/", data={**form, "rowid": chosen, "go": "1"})
        assert f"{len(chosen)} done" in answer.text, answer.text
        counts.append(len(sent))
    assert counts[1] == counts[2], [each for each in sent if sent.count(each) > 3][:4]


def test_two_who_order_the_same_drafts_at_once_order_each_once(app, session):
    ids = [order.id for order in drafts_of(session, 2)]
    session.rollback()
    results = together(app, *[lambda session: len(services.place_orders(session, ids))] * 2)
    assert sorted(results) == [0, 2]
