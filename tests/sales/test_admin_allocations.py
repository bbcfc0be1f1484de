"""Confirm, Allocate Order and Remove Allocation Lines on screen: what the page says then."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import services
from modules.sales.models import Allocation, Backorder
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")


def test_confirm_gives_the_number_and_waits_for_allocate_order(session, desk, screws):
    draft = make_draft(session, [(screws[0], 3)])
    page = desk.order(draft, "confirm")
    assert (draft.state, draft.number) == (OrderState.confirmed, "SO00001")
    assert "SO00001 is confirmed." in page.text
    assert page.buttons[:3] == ["Allocate Order", "Pack Allocated Order", "Remove Allocation Lines"]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def test_confirm_shows_what_the_order_got_when_it_is_served_at_once(session, desk, screws, set_option):
    set_option("sales.allocate_on_confirm", "yes")
    page = desk.order(make_draft(session, [(screws[1], 25)]), "confirm")
    assert "is confirmed. What was allocated:" in page.text
    assert page.rows("allocation-result")[0][4:6] == ["22 of lot T1 at WH/STOCK", "3"]


def test_allocate_order_says_line_by_line_what_came_from_where_and_what_is_backordered(session, desk, order):
    page = desk.order(order, "allocate")
    assert page.status == 200
    first, second = page.rows("allocation-result")
    assert first[:6] == [
        "1",
        "[BRASS] Brass Screw",
        "25",
        "25",
        "15 of lot B1 at WH/STOCK 10 of lot B2 at WH/RACK",
        "0",
    ]
    assert second[:6] == ["2", "[TAP] Self-Tapping Screw", "25", "22", "22 of lot T1 at WH/STOCK", "3"]
    assert second[-1] == "No usable stock is left: 22 allocated to orders. Why is this not allocated?"
    assert [row[2:6] for row in page.rows("allocation-lines")] == [
        ["B1", "WH/STOCK", "15", "0"],
        ["B2", "WH/RACK", "10", "0"],
        ["T1", "WH/STOCK", "22", "0"],
    ]
    assert [row[6:8] for row in page.rows("allocation-lines")] == [["Manual", "admin"]] * 3
    assert page.rows("backorder-lines")[0][2:4] == ["3", "3"]


def test_allocate_order_pressed_twice_allocates_once(session, desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "allocate")
    assert page.status == 200
    assert page.rows("allocation-result")[0][4] == "nothing more"
    assert session.scalar(select(func.count()).select_from(Allocation)) == 3
    assert session.scalar(select(func.count()).select_from(Backorder)) == 1


@pytest.mark.needs("preorder")
def test_allocate_order_says_what_is_on_purchase_orders(session, desk, order, screws):
    desk.order(order, "allocate")
    purchase = make_purchase_order(session, [(screws[1], 40, date(2026, 12, 15))], number="PO7")
    session.commit()
    allocate_purchase(session, order.lines[1], purchase.lines[0], 3)
    page = desk.order(order, "allocate")
    assert page.rows("allocation-result")[1][6] == "3 Purchase order PO7/1, expected 15 Dec 2026"


def test_allocate_order_says_why_stock_on_hand_is_not_used(session, desk):
    product = make_product(session)
    held = make_stock(session, product, 5)
    make_stock(session, product, 4, expires_on=date(2026, 11, 1))
    make_stock(session, product, 3, location=make_location(session, "WH/Q", kind=LocationKind.quarantine))
    hold_lot(session, held.lot_id)
    session.commit()
    page = desk.order(make_order(session, [(product, 9)]), "allocate")
    why = page.rows("allocation-result")[0][-1]
    assert why.startswith("No usable stock is left: 4 expired, 3 in quarantine, 5 on hold.")


def test_allocate_order_says_that_serial_numbers_are_asked_for_at_packing(session, desk):
    phone = make_product(session, tracking=Tracking.serial)
    make_serials(session, phone, "S1")
    page = desk.order(make_order(session, [(phone, 2), (make_product(session), 1)]), "allocate")
    why = page.rows("allocation-result")[0][-1]
    assert why.startswith("Serial numbers are not allocated: they are asked for when the order is packed.")
    assert session.scalar(select(func.count()).select_from(Backorder)) == 1


def test_with_backorders_off_the_shortage_is_shown_and_not_written_down(session, desk, order, set_option):
    set_option("sales.backorders", "no")
    page = desk.order(order, "allocate")
    assert "Backorders are switched off, so the shortage is not written down." in page.text
    assert page.rows("backorder-lines") == []
    assert "Short 3" in desk.order(order).text


def test_chosen_allocation_lines_are_removed_and_the_remainder_is_shown(session, desk, order):
    desk.order(order, "allocate")
    asks = desk.open(f"/sales/orders/{order.id}/remove-allocations/")
    assert "Remove All/Selected" in asks.text
    assert 'data-confirm="Remove the chosen allocation lines?' in asks.html
    assert "pick-all" in asks.html
    first = session.scalars(select(Allocation).order_by(Allocation.id)).first()
    page = desk.order(order, "remove-allocations", row=str(first.id), hold_allocation="y")
    assert "1 allocation line removed." in page.text
    assert [row[2] for row in page.rows("remaining-lines")] == ["B2", "T1"]
    assert [line.hold_allocation for line in order.lines] == [True, False]
    assert page.rows("backorder-lines")[0][3] == "3"


def test_all_allocation_lines_are_removed_and_another_order_takes_the_goods(session, desk, order, screws):
    desk.order(order, "allocate")
    ids = [str(id_) for id_ in session.scalars(select(Allocation.id))]
    page = desk.order(order, "remove-allocations", row=ids, hold_allocation="y")
    assert "3 allocation lines removed. No allocation lines remain." in page.text
    assert "There are no allocation lines." in page.text
    other = make_order(session, [(screws[0], 20)])
    desk.order(other, "allocate")
    assert other.lines[0].allocated == 20
    page = desk.order(order, "allocate")
    assert page.rows("allocation-result")[0][3:6] == ["5", "5 of lot B2 at WH/RACK", "20"]


def test_without_the_tick_a_line_is_served_by_the_next_run(session, desk, order, screws):
    desk.order(order, "allocate")
    ids = [str(id_) for id_ in session.scalars(select(Allocation.id))]
    desk.order(order, "remove-allocations", row=ids)
    assert not any(line.hold_allocation for line in order.lines)
    allocate(session, *screws)
    assert order.lines[0].allocated == 25


def test_removing_nothing_is_refused(session, desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "remove-allocations", hold_allocation="y")
    assert page.status == 409
    assert "Tick at least one row." in page.text


def test_another_orders_allocation_is_not_removed_from_here(session, desk, order, screws):
    other = make_order(session, [(screws[0], 1)])
    services.allocate_order(session, other.id)
    session.commit()
    foreign = session.scalars(select(Allocation.id)).one()
    assert desk.order(order, "remove-allocations", row=str(foreign)).status == 409
    assert other.lines[0].allocated == 1
