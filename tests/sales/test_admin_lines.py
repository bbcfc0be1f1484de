"""Lines on screen: adding, changing and cancelling them, and why one is not allocated."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import Tracking
from modules.sales.models import Backorder
from tests.support.inventory_lots import make_product, make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_customer, make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")


def test_a_confirmed_order_gains_lines(session, desk, order, screws, set_option):
    set_option("sales.allocate_on_confirm", "yes")
    assert "New lines" in desk.open(f"/sales/orders/{order.id}/add-lines/").text
    fields = {"lines-0-product": str(screws[0].id), "lines-0-quantity": "2", "lines-4-product": str(screws[1].id)}
    page = desk.order(order, "add-lines", **fields, **{"lines-4-quantity": "1"})
    assert "2 lines added to SO00001." in page.text
    assert [(line.position, line.quantity) for line in order.lines][2:] == [(3, 2), (4, 1)]


def test_adding_no_line_is_refused(desk, order):
    page = desk.order(order, "add-lines", **{"lines-0-product": "", "lines-0-quantity": ""})
    assert page.status == 409
    assert "Enter at least one line." in page.text


def test_a_raised_quantity_is_new_need(session, desk, order):
    line = order.lines[0]
    assert "Backordered" in desk.line(line, "change-quantity").text
    page = desk.line(line, "change-quantity", quantity="30")
    assert "Line 1: the quantity is now 30." in page.text
    assert line.quantity == 30


def test_a_lowered_quantity_gives_back(session, desk, order):
    desk.order(order, "allocate")
    desk.line(order.lines[1], "change-quantity", quantity="20")
    assert (order.lines[1].quantity, order.lines[1].allocated) == (20, 20)
    assert session.scalars(select(Backorder.state)).all() == ["cancelled"]


def test_a_line_is_cancelled_with_a_reason(session, desk, order):
    desk.order(order, "allocate")
    assert "Allocated 25" in desk.line(order.lines[0], "cancel").text
    page = desk.line(order.lines[0], "cancel", why="Changed their mind")
    assert "Line 1 is cancelled: 25 in all." in page.text
    assert "Changed their mind" in page.text
    assert (order.lines[0].cancelled, order.lines[0].allocated) == (25, 0)


@pytest.mark.needs("preorder")
def test_the_page_why_names_the_place_in_the_queue_and_every_supply(session, desk, screws):
    product = screws[1]
    first = make_order(session, [(product, 30)])
    allocate(session, product)
    second = make_order(session, [(product, 5)], customer=make_customer(session, name="Second Ltd"))
    asking = make_order(session, [(product, 7)])
    held = make_stock(session, product, 8, lot="T9", received_on=date(2026, 11, 9))
    hold_lot(session, held.lot_id)
    make_purchase_order(session, [(product, 40, date(2026, 12, 15))], number="PO7")
    session.commit()
    page = desk.line(asking.lines[0], "why")
    assert "7 pcs are not allocated. All usable stock is taken." in page.text
    assert "Place in the queue 3" in page.text
    assert [row[0] for row in page.rows("before")] == [first.number, second.number]
    assert [row[5] for row in page.rows("before")] == ["8", "5"]
    assert page.rows("candidates") == [
        ["T9", "WH/STOCK", "8", "0", "Not used: it is on hold.", ""],
        ["T1", "WH/STOCK", "22", "0", "22 allocated to other orders.", f"{first.number} 22"],
    ]
    reason = "40 still available (automatic allocation is off: a clerk may allocate it); expected 15 Dec 2026."
    assert page.rows("notes") == [["Purchase order PO7/1", "40", reason]]


def test_priority_stands_before_age_in_the_queue(session, desk, screws):
    make_order(session, [(screws[0], 1)])
    urgent = make_order(session, [(screws[0], 1)], priority=1)
    assert "Place in the queue 1" in desk.line(urgent.lines[0], "why").text


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        ("draft", "The order is a draft: nothing is allocated before it is confirmed."),
        ("serial", "Serial numbers are never allocated: they are asked for when the order is packed."),
        ("held", "The line is held out of automatic runs; Allocate Order lets it in again."),
        ("allocated", "All that is open is allocated."),
        ("cancelled", "Nothing is open on this line: all of it is packed or cancelled."),
        ("free", "22 are free: Allocate Order or the next run takes them."),
        ("queue", "22 are free; the lines before it wait for 100."),
        ("nothing", "There is no stock."),
    ],
)
def test_the_page_why_answers_in_one_sentence(session, desk, screws, prepare, says):
    product = screws[1]
    if prepare == "serial":
        product = make_product(session, tracking=Tracking.serial)
    if prepare == "nothing":
        product = make_product(session)
    if prepare == "queue":
        make_order(session, [(product, 100)])
    order = make_draft(session, [(product, 3)]) if prepare == "draft" else make_order(session, [(product, 3)])
    if prepare == "held":
        order.lines[0].hold_allocation = True
        session.commit()
    if prepare == "allocated":
        desk.order(order, "allocate")
    if prepare == "cancelled":
        desk.line(order.lines[0], "cancel", why="x")
    assert says in desk.line(order.lines[0], "why").text
