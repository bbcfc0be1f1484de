"""Many orders at once: the same as one by one, row by row said, in a fixed number of statements."""

from __future__ import annotations

import re
from html import unescape

import pytest
from sqlalchemy import func, select

from erp.db import commit, db
from modules.sales import queries, services
from modules.sales.errors import (
    HoldUnchanged,
    LinesRefused,
    NothingToAllocate,
    NothingToPack,
    OrderWithoutLines,
    ShipsComplete,
    TakesFromEarlier,
)
from modules.sales.models import Order, OrderLine, Pack
from modules.sales.states import OrderState, ShippingPolicy
from tests.support import inventory_lots, sales
from tests.support.concurrency import together
from tests.support.forms import form_in


def stocked(session, quantity=100, **more):
    product = inventory_lots.make_product(session, **more)
    inventory_lots.make_stock(session, product, quantity)
    return product


def states(session, orders):
    session.expire_all()
    return [session.get_one(Order, order.id).state for order in orders]


def test_drafts_are_confirmed_with_numbers_in_order_and_the_refused_stay_drafts(session):
    product, inactive = stocked(session), inventory_lots.make_product(session)
    drafts = [sales.make_draft(session, [(product, 2)]) for _ in range(2)]
    empty, refused = sales.make_draft(session, []), sales.make_draft(session, [(inactive, 1)])
    inactive.is_active = False
    session.commit()
    refusals = services.confirm_orders(session, [order.id for order in (*drafts, empty, refused)])
    assert {id_: type(error) for id_, error in refusals.items()} == {
        empty.id: OrderWithoutLines,
        refused.id: LinesRefused,
    }
    assert states(session, [*drafts, empty, refused]) == [OrderState.confirmed] * 2 + [OrderState.draft] * 2
    numbers = [order.number for order in drafts]
    assert numbers == sorted(numbers)
    assert all(numbers)
    assert [line.allocated for order in drafts for line in order.lines] == [2, 2]
    page = [(entry.field, entry.old_value, entry.new_value) for entry in sales_history(session, drafts[0])]
    assert ("state", "draft", "confirmed") in page
    assert list(queries.broken_invariants(session)) == []


def sales_history(session, order):
    from erp.models import HistoryEntry

    about = HistoryEntry.document == "sales.order", HistoryEntry.document_id == order.id
    return session.scalars(select(HistoryEntry).where(*about)).all()


def test_ticked_orders_are_served_in_order_of_service_and_nobody_else_loses(session):
    product, scarce = inventory_lots.make_product(session), inventory_lots.make_product(session)
    first, second = (sales.make_order(session, [(product, 6)]) for _ in range(2))
    earlier, later = (sales.make_order(session, [(scarce, 5)]) for _ in range(2))
    for each in (product, scarce):
        inventory_lots.make_stock(session, each, 8)
    for line in (*first.lines, *second.lines):
        line.hold_allocation = True
    session.commit()
    refusals = services.allocate_orders(session, [second.id, first.id, later.id])
    session.expire_all()
    assert {id_: type(error) for id_, error in refusals.items()} == {later.id: TakesFromEarlier}
    assert earlier.name in str(refusals[later.id])
    assert [first.lines[0].allocated, second.lines[0].allocated, later.lines[0].allocated] == [6, 2, 0]
    assert not first.lines[0].hold_allocation
    assert list(queries.broken_invariants(session)) == []
    (done,) = services.allocate_orders(session, [first.id]).values()
    assert isinstance(done, NothingToAllocate)


def test_ticked_orders_are_packed_and_those_that_cannot_leave_say_why(session):
    product = stocked(session)
    ready = [sales.make_order(session, [(product, 3)]) for _ in range(2)]
    whole = sales.make_order(session, [(product, 3), (inventory_lots.make_product(session), 1)])
    whole.shipping_policy = ShippingPolicy.complete
    waiting = sales.make_order(session, [(inventory_lots.make_product(session), 1)])
    session.commit()
    commit(lambda session: services.allocate_products(session, [product.id]))
    packs, refusals = services.pack_orders(session, [order.id for order in (*ready, whole, waiting)])
    assert {id_: type(error) for id_, error in refusals.items()} == {whole.id: ShipsComplete, waiting.id: NothingToPack}
    assert {id_: len(numbers) for id_, numbers in packs.items()} == {order.id: 1 for order in ready}
    assert states(session, [*ready, whole, waiting]) == [OrderState.done] * 2 + [OrderState.confirmed] * 2
    assert session.scalar(select(func.count()).select_from(Pack)) == 2
    assert list(queries.broken_invariants(session)) == []


def test_ticked_orders_are_cancelled_drafts_too_and_give_back_what_they_hold(session):
    product = stocked(session, 5)
    draft, order = sales.make_draft(session, [(product, 1)]), sales.make_order(session, [(product, 4)])
    session.commit()
    commit(lambda session: services.allocate_products(session, [product.id]))
    assert services.cancel_orders(session, [draft.id, order.id], why="closed") == {}
    assert states(session, [draft, order]) == [OrderState.cancelled] * 2
    assert order.lines[0].allocated == 0
    (refused,) = services.cancel_orders(session, [order.id]).values()
    assert "cancelled" in str(refused)
    assert list(queries.broken_invariants(session)) == []


def test_a_hold_keeps_orders_and_lines_out_of_runs_until_it_is_released(session):
    product = inventory_lots.make_product(session)
    order, other = (sales.make_order(session, [(product, 2)]) for _ in range(2))
    session.commit()
    assert commit(lambda session: services.hold_orders(session, [order.id], True)) == {}
    (already,) = commit(lambda session: services.hold_orders(session, [order.id], True)).values()
    assert isinstance(already, HoldUnchanged)
    arrive(session, product, 2)
    assert [order.lines[0].allocated, other.lines[0].allocated] == [0, 2]
    arrive(session, product, 2)
    assert order.lines[0].allocated == 0
    assert commit(lambda session: services.hold_many_lines(session, [order.lines[0].id], False)) == {}
    session.expire_all()
    assert order.lines[0].allocated == 2


def arrive(session, product, quantity):
    inventory_lots.make_stock(session, product, quantity)
    session.commit()
    commit(lambda session: services.allocate_products(session, [product.id]))
    session.expire_all()


@pytest.mark.parametrize("action", ["confirm", "allocate", "pack", "hold", "release", "cancel"])
def test_an_action_sends_as_many_statements_for_twenty_orders_as_for_two(client, session, count_statements, action):
    product = inventory_lots.make_product(session)
    orders = []
    for _ in range(24):
        make = sales.make_draft if action == "confirm" else sales.make_order
        made = make(session, [(product, 1)])
        for line in made.lines:
            line.hold_allocation = action in ("release", "allocate")
        orders.append(made.id)
    session.commit()
    arrive(session, product, 1000)
    counts = []
    for chosen in (orders[:2], orders[2:4], orders[4:]):
        db.session.rollback()
        with count_statements() as sent:
            form = {"action": action, "rowid": chosen, "go": "1", "why": ""}
            answer = client.post("/sales/orders/action/", data=form)
        assert answer.status_code == 200, answer.text
        assert f"{len(chosen)} done" in answer.text, rows_of(answer.text)
        counts.append(len(sent))
    assert counts[1] == counts[2], [each for each in sent if sent.count(each) > 3][:6]


def test_the_page_before_says_exactly_what_happens_and_changes_nothing(client, session):
    product = inventory_lots.make_product(session)
    done = sales.make_order(session, [(product, 1)])
    session.commit()
    commit(lambda session: services.cancel_orders(session, [done.id]))
    orders = held_orders(session, product)
    ids = [order.id for order in (*orders, done)]
    ticked = {**form_in(client.get("/sales/orders/").text, "/sales/orders/action/"), "action": "allocate", "rowid": ids}
    before = client.post("/sales/orders/action/", data=ticked)
    assert before.status_code == 200, re.findall(r'class="alert.*?</div>', before.text, re.S)
    said = rows_of(before.text)
    session.expire_all()
    assert session.scalars(select(OrderLine.allocated).where(OrderLine.order_id.in_(ids))).all() == [0, 0, 0]
    assert "2 would change" in before.text
    assert "1 would be left as they are" in before.text
    after = client.post("/sales/orders/action/", data={**ticked, "go": "1"})
    assert rows_of(after.text) == said
    session.expire_all()
    assert session.scalars(select(OrderLine.allocated).order_by(OrderLine.id)).all() == [0, 3, 2]


def held_orders(session, product):
    """Return two orders over 3 that are on hold, for which 5 are in stock."""
    orders = [sales.make_order(session, [(product, 3)]) for _ in range(2)]
    for order in orders:
        order.lines[0].hold_allocation = True
    session.commit()
    arrive(session, product, 5)
    return orders


def rows_of(page):
    cells = re.findall(r'<td class="keep">(.*?)</td><td>(.*?)</td>', page, re.S)
    return [tuple(re.sub(r"<[^>]+>", "", cell).strip() for cell in row) for row in cells]


def test_what_changed_since_the_list_was_opened_is_said_and_nothing_is_done(client, session):
    product = inventory_lots.make_product(session)
    orders = held_orders(session, product)
    opened = form_in(client.get("/sales/orders/").text, "/sales/orders/action/")
    commit(lambda session: services.allocate_order(session, orders[0].id))
    ticked = {**opened, "action": "allocate", "rowid": [order.id for order in orders], "go": "1"}
    answer = client.post("/sales/orders/action/", data=ticked)
    assert answer.status_code == 409
    assert f"allocated of {orders[0].name} is now 3, was 0 when this page was opened" in unescape(answer.text)
    session.expire_all()
    assert orders[1].lines[0].allocated == 0
    fresh = form_in(answer.text, "/sales/orders/action/")
    again = client.post("/sales/orders/action/", data={**ticked, "page_version": fresh["page_version"]})
    assert again.status_code == 200
    assert "1 not done" in again.text


def test_two_who_pack_the_same_orders_at_once_pack_each_once(app, session):
    product = stocked(session, 9)
    orders = [sales.make_order(session, [(product, 3)]) for _ in range(3)]
    session.commit()
    ids = [order.id for order in orders]
    commit(lambda session: services.allocate_products(session, [product.id]))
    session.rollback()

    def pack(session):
        return len(services.pack_orders(session, ids)[0])

    results = together(app, pack, pack)
    assert sorted(results) == [0, 3]
    session.expire_all()
    assert session.scalar(select(func.count()).select_from(Pack)) == 3
    assert list(queries.broken_invariants(session)) == []
