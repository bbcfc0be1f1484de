"""The screens of sales: every button, and what the page says then."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.models import HistoryEntry
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.preorder.models import PurchaseAllocation
from modules.procurement.services import set_expected_dates
from modules.sales import services
from modules.sales.models import Allocation, Backorder, Customer, Order, OrderLine, Pack
from modules.sales.states import OrderState, ShippingPolicy
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_customer, make_draft, make_order


@pytest.fixture(autouse=True)
def by_hand(set_option):
    """Let nothing be allocated before somebody says so."""
    set_option("sales.allocate_on_confirm", "no")


@pytest.fixture
def screws(session):
    """The two screws of the story: 25 in two lots at two locations, and 22."""
    brass = make_product(session, sku="BRASS", name="Brass Screw")
    tapping = make_product(session, sku="TAP", name="Self-Tapping Screw")
    make_stock(session, brass, 15, lot="B1", received_on=date(2026, 10, 1))
    make_stock(session, brass, 10, lot="B2", location="WH/RACK", received_on=date(2026, 10, 2))
    make_stock(session, tapping, 22, lot="T1")
    return brass, tapping


@pytest.fixture
def order(session, screws):
    """25 of each, confirmed."""
    return make_order(session, [(product, 25) for product in screws])


# Entering an order


def _entered(customer, **fields):
    return {
        "customer": str(customer.id),
        "ordered_at": "2026-11-20T10:00",
        "priority": "0",
        "shipping_policy": "partial",
        "note": "",
    } | fields


def test_an_order_and_its_lines_are_entered_in_one_form(session, desk, screws):
    customer = make_customer(session, name="Northwind")
    session.commit()
    page = desk.press(
        "/sales/orders/new/",
        **_entered(
            customer,
            **{
                "shipping_policy": "complete",
                "lines-0-product": str(screws[0].id),
                "lines-0-quantity": "25",
                "lines-0-unit_price": "1.5",
                "lines-0-requested_on": "2026-12-01",
                "lines-1-product": str(screws[1].id),
                "lines-1-quantity": "7",
            },
        ),
    )
    order = session.scalars(select(Order)).one()
    assert (order.state, order.customer.name, order.shipping_policy) == (
        OrderState.draft,
        "Northwind",
        ShippingPolicy.complete,
    )
    assert [(line.position, line.product.sku, line.quantity) for line in order.lines] == [
        (1, "BRASS", 25),
        (2, "TAP", 7),
    ]
    assert order.lines[0].requested_on == date(2026, 12, 1)
    assert f"Draft {order.id}" in page.text
    assert "37.50" in page.text
    assert page.buttons == ["Confirm", "Cancel order", "Edit"]


@pytest.mark.parametrize(
    ("quantity", "says"),
    [
        ("0", "is not above 0"),
        ("-1", "is not above 0"),
        ("1.5", "has more than 0 decimals"),
        ("many", "Enter a number"),
        ("", "This field is required"),
        ("1000000001", "At most 1000000000 is possible"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused_in_the_form(session, desk, screws, quantity, says):
    customer = make_customer(session)
    session.commit()
    lines = {"lines-0-product": str(screws[0].id), "lines-0-quantity": quantity}
    page = desk.press("/sales/orders/new/", **_entered(customer, **lines))
    assert page.status == 422
    assert says in page.text
    assert session.scalar(select(func.count()).select_from(Order)) == 0


def test_what_the_form_of_a_draft_changes_stands_in_the_history(session, desk, screws):
    draft = make_draft(
        session, [(screws[0], 1), (screws[1], 2)], customer=make_customer(session, code="A", name="Anna")
    )
    berta = make_customer(session, code="B", name="Berta")
    session.commit()
    first, second = draft.lines
    lines = {
        "row_version": str(draft.row_version),
        "lines-0-id": str(first.id),
        "lines-0-removed": "1",
        "lines-0-product": str(screws[0].id),
        "lines-0-quantity": "1",
        "lines-1-id": str(second.id),
        "lines-1-product": str(screws[0].id),
        "lines-1-quantity": "2",
        "lines-7-product": str(screws[1].id),
        "lines-7-quantity": "4",
    }
    ordered_at = draft.ordered_at.strftime("%Y-%m-%dT%H:%M")
    desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(berta, ordered_at=ordered_at, **lines))
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.order"))
    message = [(entry.line, entry.action, entry.field, entry.old_value, entry.new_value) for entry in entries]
    assert sorted(message, key=lambda entry: entry[0] or 0) == [
        (None, "changed", "customer", "Anna (A)", "Berta (B)"),
        (1, "removed", "line", "[BRASS] Brass Screw, 1", ""),
        (2, "changed", "product", "[TAP] Self-Tapping Screw", "[BRASS] Brass Screw"),
        (3, "added", "line", "", "[TAP] Self-Tapping Screw, 4"),
    ]


def test_a_draft_gains_changes_and_loses_lines_in_its_form(session, desk, screws):
    draft = make_draft(session, [(screws[0], 1), (screws[1], 2)])
    first, second = draft.lines
    desk.press(
        f"/sales/orders/{draft.id}/edit/",
        **_entered(
            draft.customer,
            **{
                "row_version": str(draft.row_version),
                "lines-0-id": str(first.id),
                "lines-0-removed": "1",
                "lines-0-product": str(screws[0].id),
                "lines-0-quantity": "1",
                "lines-1-id": str(second.id),
                "lines-1-product": str(screws[1].id),
                "lines-1-quantity": "9",
                "lines-7-product": str(screws[0].id),
                "lines-7-quantity": "4",
            },
        ),
    )
    assert [(line.position, line.product.sku, line.quantity) for line in draft.lines] == [
        (2, "TAP", 9),
        (3, "BRASS", 4),
    ]


def test_the_lines_of_a_confirmed_order_are_not_in_its_form(session, desk, order):
    page = desk.open(f"/sales/orders/{order.id}/edit/")
    assert 'name="priority"' in page.html
    assert not any(f'name="{name}' in page.html for name in ("customer", "ordered_at", "lines-"))
    fields = _entered(order.customer, priority="7", row_version=str(order.row_version))
    desk.press(f"/sales/orders/{order.id}/edit/", **fields, **{"lines-0-quantity": "1"})
    assert order.priority == 7
    assert [line.quantity for line in order.lines] == [25, 25]


def test_a_confirmed_order_saved_from_a_drafts_old_form_is_refused(session, desk, screws):
    draft = make_draft(session, [(screws[0], 3)])
    version = str(draft.row_version)
    desk.order(draft, "confirm")
    page = desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(draft.customer, row_version=version, note="late"))
    assert page.status == 409
    assert draft.note == ""


def test_a_draft_that_is_confirmed_while_its_edit_waits_is_not_changed(session, desk, screws, monkeypatch):
    draft = make_draft(session, [(screws[0], 3)])
    fields = {"row_version": str(draft.row_version), "lines-0-id": str(draft.lines[0].id)}
    fields |= {"lines-0-product": str(screws[0].id), "lines-0-quantity": "9"}
    lock_order = services.lock_order

    def confirmed_meanwhile(session, order_id):
        services.confirm(session, order_id)
        return lock_order(session, order_id)

    monkeypatch.setattr(services, "lock_order", confirmed_meanwhile)
    assert desk.press(f"/sales/orders/{draft.id}/edit/", **_entered(draft.customer, **fields)).status == 409
    assert draft.lines[0].quantity == 3


def test_a_done_order_is_not_edited(session, desk, order):
    order.state = OrderState.cancelled
    session.commit()
    assert desk.open(f"/sales/orders/{order.id}/edit/").status == 403


def test_only_active_products_are_offered(session, desk, screws):
    make_product(session, sku="BRASS-OLD", name="Old Brass", is_active=False)
    session.commit()
    found = desk.client.get("/sales/orders/ajax/lookup/?name=lines-product&query=brass").get_json()
    assert [text for _, text in found] == ["[BRASS] Brass Screw"]


# Confirm and Allocate Order


def test_confirm_gives_the_number_and_waits_for_allocate_order(session, desk, screws):
    draft = make_draft(session, [(screws[0], 3)])
    page = desk.order(draft, "confirm")
    assert (draft.state, draft.number) == (OrderState.confirmed, "SO00001")
    assert "SO00001 is confirmed." in page.text
    assert page.buttons[:3] == ["Allocate Order", "Pack Allocated Order", "Remove Allocation Lines"]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def test_confirm_tells_what_the_order_got_when_it_is_served_at_once(session, desk, screws, set_option):
    set_option("sales.allocate_on_confirm", "yes")
    page = desk.order(make_draft(session, [(screws[1], 25)]), "confirm")
    assert "is confirmed. This is what it got:" in page.text
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
    assert [row[6:8] for row in page.rows("allocation-lines")] == [["By hand", "admin"]] * 3
    assert page.rows("backorder-lines")[0][2:4] == ["3", "3"]


def test_allocate_order_pressed_twice_allocates_once(session, desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "allocate")
    assert page.status == 200
    assert page.rows("allocation-result")[0][4] == "nothing more"
    assert session.scalar(select(func.count()).select_from(Allocation)) == 3
    assert session.scalar(select(func.count()).select_from(Backorder)) == 1


@pytest.mark.needs("preorder")
def test_allocate_order_says_what_is_linked(session, desk, order, screws):
    desk.order(order, "allocate")
    purchase = make_purchase_order(session, [(screws[1], 40, date(2026, 12, 15))], number="PO7")
    session.commit()
    allocate_purchase(session, order.lines[1], purchase.lines[0], 3)
    page = desk.order(order, "allocate")
    assert page.rows("allocation-result")[1][6] == "3 Purchase order PO7/1, expected 2026-12-15"


def test_allocate_order_says_why_stock_that_lies_there_is_not_used(session, desk):
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


# Pack Allocated Order


def test_the_story_of_the_two_screws(session, desk, order, screws):
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert [row[4] for row in page.rows("pack-result")] == ["15", "10", "22"]
    assert page.rows("backorder-lines")[0][3] == "3"
    make_stock(session, screws[1], 100, lot="T2")
    page = desk.order(order, "allocate")
    assert [row[2:6] for row in page.rows("allocation-lines")][-1] == ["T2", "WH/STOCK", "3", "0"]
    assert "Allocated" in page.rows("backorder-lines")[0]
    assert "fa-check-square-o" in page.html
    page = desk.order(order, "pack")
    assert [row[5] for row in page.rows("packs")] == ["15", "10", "22", "3"]
    assert "Done" in page.text
    assert order.state == OrderState.done


def test_pack_shows_the_packing_slip(session, desk, order):
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert "PK00001 is packed." in page.text
    pack = session.scalars(select(Pack)).one()
    slip = desk.open(f"/sales/packs/{pack.id}/slip/")
    assert slip.status == 200
    assert all(word in slip.text for word in ("Packing slip", "PK00001", order.number, order.customer.name, "B2", "22"))
    assert "erp-side" not in slip.html


def test_packing_twice_packs_once(session, desk, order):
    desk.order(order, "allocate")
    desk.order(order, "pack")
    page = desk.order(order, "pack")
    assert page.status == 409
    assert f"{order.number} has nothing to pack. Nothing is allocated." in page.text
    assert session.scalar(select(func.count()).select_from(Pack)) == 1


def test_pack_says_what_stays_behind_and_why(session, desk, order):
    desk.order(order, "allocate")
    lot_id = session.scalars(select(Allocation).order_by(Allocation.id)).first().balance.lot_id
    session.commit()
    hold_lot(session, lot_id)
    session.commit()
    page = desk.order(order, "pack")
    assert "15 of [BRASS] Brass Screw, lot B1 at WH/STOCK. The lot is on hold." in page.text
    assert [row[2] for row in page.rows("pack-result")] == ["B2", "T1"]


def test_packing_asks_for_serial_numbers(session, desk, screws):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "SN 1", "SN 2", "SN 3")
    order = make_order(session, [(phone, 2), (screws[1], 1)])
    desk.order(order, "allocate")
    line = order.lines[0]
    asks = desk.open(f"/sales/orders/{order.id}/pack-serials/")
    assert "In stock: SN 1, SN 2, SN 3" in asks.text
    page = desk.order(order, "pack-serials", **{f"serials-{line.id}": "SN 3\r\n\r\nSN 1 "})
    assert [row[2] for row in page.rows("pack-result")] == ["SN 3", "SN 1", "T1"]
    assert line.packed == 2
    assert order.state == OrderState.done


def test_serial_numbers_may_be_left_for_later(session, desk, screws):
    phone = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(phone, 2), (screws[1], 1)])
    desk.order(order, "allocate")
    desk.order(order, "pack-serials")
    assert [line.packed for line in order.lines] == [0, 1]


# Remove Allocation Lines


def test_chosen_allocation_lines_are_removed_and_the_rest_is_shown(session, desk, order):
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
    desk.order(other, "allocate")
    foreign = session.scalars(select(Allocation.id)).one()
    assert desk.order(order, "remove-allocations", row=str(foreign)).status == 409
    assert other.lines[0].allocated == 1


# Lines


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


def test_an_order_is_cancelled_with_a_reason(session, desk, order):
    desk.order(order, "allocate")
    assert "given back" in desk.open(f"/sales/orders/{order.id}/cancel/").text
    page = desk.order(order, "cancel", why="Too late")
    assert f"{order.number} is cancelled." in page.text
    assert "Too late" in page.text
    assert order.state == OrderState.cancelled
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


# Backorder lines


@pytest.fixture
def backorder(session, desk, order, screws):
    """The open row of 3, linked to a purchase order."""
    desk.order(order, "allocate")
    purchase = make_purchase_order(session, [(screws[1], 40, date(2026, 12, 15))], number="PO7")
    session.commit()
    allocate_purchase(session, order.lines[1], purchase.lines[0], 3)
    return session.scalars(select(Backorder)).one()


@pytest.mark.parametrize("name", ["cancel", "drop"])
@pytest.mark.needs("preorder")
def test_the_confirmation_names_the_links_that_go(desk, backorder, name):
    page = desk.open(f"/sales/backorders/{backorder.id}/{name}/")
    assert "3 Purchase order PO7/1, expected 2026-12-15" in page.text


@pytest.mark.needs("preorder")
def test_a_cancelled_backorder_is_given_up_for_good(session, desk, order, backorder):
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


# Why is this not allocated?


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
    assert page.rows("looks") == [
        ["T9", "WH/STOCK", "8", "0", "Not used: it is on hold.", ""],
        ["T1", "WH/STOCK", "22", "0", "22 allocated to other orders.", f"{first.number} 22"],
    ]
    reason = "40 still available (automatic allocation is off: a clerk may allocate it); expected 2026-12-15."
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
        ("held", "Somebody took the line out of automatic runs; Allocate Order lets it in again."),
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


# The whole book


def test_the_preview_shows_what_each_order_would_get_and_changes_nothing(session, desk, order):
    page = desk.press("/sales/book/preview/")
    assert [row[:7] for row in page.rows("preview")] == [
        [order.number, "1", "BRASS", "0", "25", "0", "0"],
        ["", "2", "TAP", "0", "22", "0", "3"],
    ]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def _mark(page):
    return page.html.partition('name="mark" value="')[2].partition('"')[0]


def test_a_preview_is_applied_exactly(session, desk, order):
    page = desk.press("/sales/book/apply/", mark=_mark(desk.press("/sales/book/preview/")))
    assert "2 lines were served as previewed." in page.text
    assert [line.allocated for line in order.lines] == [25, 22]
    assert "Nothing would change" in desk.press("/sales/book/preview/").text


def test_an_applied_preview_stands_in_the_history_as_one_run(session, desk, order):
    desk.press("/sales/book/apply/", mark=_mark(desk.press("/sales/book/preview/")))
    (entry,) = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.run")).all()
    assert entry.new_value == "2 products run, 47 units allocated."


def test_a_preview_of_a_book_that_has_changed_is_refused_and_shown_anew(session, desk, order, screws):
    mark = _mark(desk.press("/sales/book/preview/"))
    make_stock(session, screws[1], 1)
    page = desk.press("/sales/book/apply/", mark=mark)
    assert page.status == 409
    assert "The book has changed since this preview." in page.text
    assert page.rows("preview")[1][4] == "23"
    assert [line.allocated for line in order.lines] == [0, 0]


@pytest.mark.needs("preorder")
def test_a_preview_that_would_link_as_much_from_another_purchase_order_is_refused(session, desk, screws, set_option):
    set_option("preorder.auto_allocate", "yes")
    make_order(session, [(screws[1], 25)])
    bought = [make_purchase_order(session, [(screws[1], 3, date(2026, 12, day))]).lines[0].id for day in (1, 10)]
    session.commit()
    page = desk.press("/sales/book/preview/")
    assert page.rows("preview")[0][7:] == ["0", "3"]
    set_expected_dates(session, {bought[0]: date(2026, 12, 20)})
    session.commit()
    again = desk.press("/sales/book/apply/", mark=_mark(page))
    assert again.status == 409
    assert "The book has changed since this preview." in again.text
    assert again.rows("preview") == page.rows("preview")
    desk.press("/sales/book/apply/", mark=_mark(again))
    assert session.scalars(select(PurchaseAllocation.purchase_line_id)).all() == [bought[1]]


# Customers, packs, lists, dashboard


def test_customers_are_entered_found_and_shown_with_their_orders(session, desk, order):
    page = desk.press("/sales/customers/new/", code="NEW", name="New Customer", email="new@x.example")
    customer = session.scalars(select(Customer).where(Customer.code == "NEW")).one()
    assert "There are no orders yet." in page.text
    assert "New Customer" in desk.open("/sales/customers/", search="new@x").text
    page = desk.open(f"/sales/customers/{order.customer_id}/")
    assert all(word in page.text for word in (order.number, "Confirmed", "Unallocated"))
    page = desk.press("/sales/customers/new/", code="NEW", name="Again")
    assert page.status == 422
    assert "Already exists." in page.text
    assert "Enter one address." in desk.press("/sales/customers/new/", code="X", name="X", email="a@b, c@d").text
    assert customer.email == "new@x.example"


def test_the_list_of_orders_shows_how_far_each_is(session, desk, order):
    desk.order(order, "allocate")
    draft = make_draft(session)
    page = desk.open("/sales/orders/")
    assert f"Draft {draft.id}" in page.text
    assert "Part allocated" in page.text
    assert order.number not in desk.open("/sales/orders/", flt0_state_is="draft").text
    assert order.number in desk.open("/sales/orders/", search=order.customer.code).text


def test_packs_are_listed_and_shown(session, desk, order):
    desk.order(order, "allocate")
    desk.order(order, "pack")
    page = desk.open("/sales/packs/", search=order.number)
    assert "PK00001" in page.text
    pack = session.scalars(select(Pack)).one()
    assert all(word in desk.open(f"/sales/packs/{pack.id}/").text for word in ("B1", "15", "Packing slip"))


def test_the_dashboard_counts_what_waits(session, desk, order):
    make_draft(session)
    desk.order(order, "allocate")
    page = desk.open("/")
    assert all(words in page.text for words in ("Drafts to confirm 1", "Confirmed orders 1", "Open backorders 1"))


def test_names_are_shown_as_they_are_and_never_run(session, desk):
    nasty = '<script>alert("x")</script>'
    product = make_product(session, sku="<i>S", name=nasty)
    customer = make_customer(session, name=nasty, code="<b>C")
    make_stock(session, product, 2, lot="<u>L", location="<W>/<L>")
    order = make_order(session, [(product, 3)], customer=customer, note=nasty)
    pages = [
        desk.order(order, "allocate"),
        desk.order(order),
        desk.open("/sales/orders/"),
        desk.open(f"/sales/orders/{order.id}/remove-allocations/"),
        desk.line(order.lines[0], "why"),
        desk.line(order.lines[0], "change-quantity"),
        desk.press("/sales/book/preview/"),
        desk.open("/sales/backorders/"),
        desk.open(f"/sales/customers/{customer.id}/"),
        desk.order(order, "pack"),
        desk.open("/sales/packs/"),
        desk.open("/sales/packs/1/slip/"),
        desk.open(f"/sales/backorders/{session.scalars(select(Backorder.id)).one()}/drop/"),
    ]
    for page in pages:
        assert page.status == 200
        assert not any(tag in page.html for tag in (nasty, "<i>S", "<b>C", "<u>L", "<W>"))


# Statements


@pytest.mark.parametrize("url", ["/sales/orders/", "/sales/backorders/", "/sales/packs/", "/sales/customers/"])
def test_a_list_takes_as_many_statements_for_a_full_page_as_for_one_row(session, desk, screws, count_statements, url):
    def opened():
        with count_statements() as sent:
            assert desk.open(url).status == 200
        return len(sent)

    def one_more():
        order = make_order(session, [(screws[0], 1), (make_product(session), 1)])
        desk.order(order, "allocate")
        desk.order(order, "pack")

    one_more()
    opened()
    one = opened()
    for _ in range(20):
        one_more()
    assert opened() == one


def test_an_orders_page_takes_as_many_statements_for_a_hundred_lines_as_for_one(session, desk, count_statements):
    def pages(order):
        counts = []
        for press in ("", "allocate", "allocate", "pack"):
            with count_statements() as sent:
                assert desk.order(order, press).status == 200
            counts.append(len(sent))
        return counts

    def order_of(lines):
        products = [make_product(session) for _ in range(lines)]
        for product in products:
            make_stock(session, product, 2)
        return make_order(session, [(product, Decimal(3)) for product in products])

    pages(order_of(1))
    one = pages(order_of(1))
    assert pages(order_of(100)) == one


def test_the_line_of_another_order_is_not_found_under_this_one(session, desk, order):
    other = make_order(session)
    assert desk.open(f"/sales/orders/{order.id}/lines/{other.lines[0].id}/why/").status == 404
    assert session.scalar(select(func.count()).select_from(OrderLine)) == 3
