"""Backorders on screen: the list, cancelling and deleting."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from erp.db import commit
from modules.sales import services
from modules.sales.errors import NothingOpen
from modules.sales.models import Backorder
from tests.support.forms import form_in
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.procurement import make_purchase_order

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def backorder(session, desk, order, screws):
    """The open row of 3, allocated to a purchase order."""
    desk.order(order, "allocate")
    purchase = make_purchase_order(session, [(screws[1], 40, date(2026, 12, 15))], number="PO7")
    session.commit()
    allocate_purchase(session, order.lines[1], purchase.lines[0], 3)
    return session.scalars(select(Backorder)).one()


@pytest.mark.parametrize("name", ["cancel", "drop"])
@pytest.mark.needs("preorder")
def test_the_confirmation_names_the_purchase_allocations_that_are_released(desk, backorder, name):
    page = desk.open(f"/sales/backorders/{backorder.id}/{name}/")
    assert "3 Purchase order PO7/1, expected 15 Dec 2026" in page.text


@pytest.mark.needs("preorder")
def test_a_cancelled_backorder_is_cancelled_for_good(session, desk, order, backorder):
    page = desk.press(f"/sales/backorders/{backorder.id}/cancel/", why="Not wanted")
    assert f"Backorder of {order.number}, line 2 is cancelled." in page.text
    assert "Cancelled" in page.rows("backorder-lines")[0]
    assert (order.lines[1].cancelled, order.lines[1].hold_allocation) == (3, False)
    assert purchase_allocations_of(session, order.lines[1]) == []


@pytest.mark.needs("preorder")
def test_a_deleted_backorder_is_gone_and_its_line_is_held(session, desk, order, backorder):
    page = desk.press(f"/sales/backorders/{backorder.id}/drop/")
    assert f"Backorder of {order.number}, line 2 is deleted." in page.text
    assert page.rows("backorder-lines") == []
    assert "Held" in page.text
    assert (order.lines[1].cancelled, order.lines[1].hold_allocation) == (0, True)
    assert purchase_allocations_of(session, order.lines[1]) == []


def test_backorders_are_listed_over_all_orders(desk, order, backorder):
    page = desk.open("/sales/backorders/", flt0_state_is="open")
    assert all(word in page.text for word in (order.number, "[TAP] Self-Tapping Screw", "1 backorder"))
    assert "Nothing matches" in desk.open("/sales/backorders/", flt0_state_is="cancelled").text
    assert order.number in desk.open("/sales/backorders/", search="tap").text
    assert "Days count from" in desk.open(f"/sales/backorders/{backorder.id}/").text


@pytest.mark.needs("preorder")
def test_ticked_backorders_are_cancelled_and_closed_ones_say_why_not(client, session, desk, order, backorder):
    opened = form_in(client.get("/sales/backorders/").text, "/sales/backorders/action/")
    ticked = {**opened, "action": "cancel", "rowid": [backorder.id]}
    shown = desk.press("/sales/backorders/action/", **ticked)
    assert "1 would change" in shown.text
    assert "3 cancelled for good; released: 3 of Purchase order PO7/1" in shown.text
    assert order.lines[1].cancelled == 0
    assert "1 done" in desk.press("/sales/backorders/action/", **ticked, go="1", why="Not wanted").text
    session.expire_all()
    assert (order.lines[1].cancelled, backorder.is_open) == (3, False)
    assert purchase_allocations_of(session, order.lines[1]) == []
    refusals = commit(lambda session: services.cancel_open_backorders(session, [backorder.id]))
    assert {id_: type(error) for id_, error in refusals.items()} == {backorder.id: NothingOpen}
