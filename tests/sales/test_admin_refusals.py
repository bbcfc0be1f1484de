"""What the screens of sales refuse: the sentence is shown, and nothing is changed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from modules.inventory_lots.services import change_kind, hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import services
from modules.sales.models import Allocation, Backorder, Pack
from modules.sales.states import OrderState, ShippingPolicy
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.marked_fields import marked_fields
from tests.support.preorder import make_preorder_product
from tests.support.sales import make_draft, make_order

pytestmark = pytest.mark.usefixtures("by_hand")


@pytest.fixture
def product(session):
    """Ten pieces in one lot."""
    product = make_product(session, sku="BOLT")
    make_stock(session, product, 10, lot="L1")
    return product


def allocated(session, lines):
    """Return a confirmed order that was allocated by hand."""
    order = make_order(session, lines)
    services.allocate_order(session, order.id)
    session.commit()
    return order


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


# Confirming


def test_an_order_without_lines_is_not_confirmed(session, desk):
    draft = make_draft(session, [])
    page = desk.order(draft, "confirm")
    assert page.status == 409
    assert f"Draft {draft.id} has no lines. Add one before you confirm it." in page.text
    assert draft.state == OrderState.draft


def test_lines_that_may_not_be_sold_are_named_at_confirmation(session, desk, product):
    old = make_product(session, sku="OLD", is_active=False)
    draft = make_draft(session, [(product, 1), (old, 1), (product, "1.5")])
    page = desk.order(draft, "confirm")
    assert page.status == 409
    assert "Line 2: OLD is no longer active." in page.text
    assert "Line 3: " in page.text
    assert (draft.state, draft.number) == (OrderState.draft, None)


@pytest.mark.needs("preorder")
def test_a_preorder_over_its_limit_is_refused_at_confirmation(session, desk):
    soon = make_preorder_product(session, sku="SOON", limit=5)
    page = desk.order(make_draft(session, [(soon, 6)]), "confirm")
    assert page.status == 409
    assert "SOON" in page.text


def test_a_confirmed_order_is_not_confirmed_again(session, desk, product):
    order = make_order(session, [(product, 1)])
    page = desk.order(order, "confirm")
    assert page.status == 409
    assert "Confirm is not possible now" in page.text
    assert order.number == "SO00001"


@pytest.mark.parametrize("name", ["allocate", "pack", "remove-allocations", "add-lines"])
@pytest.mark.parametrize("state", [OrderState.draft, OrderState.cancelled])
def test_what_the_state_does_not_allow_is_refused(session, desk, product, name, state):
    order = make_draft(session, [(product, 1)])
    order.state = state
    session.commit()
    page = desk.order(order, name, row="1")
    assert page.status == 409
    assert "is not possible now: the document has changed since the page was opened." in page.text
    assert (order.state, count(session, Allocation), count(session, Pack)) == (state, 0, 0)


def test_a_done_order_is_not_cancelled(session, desk, product):
    order = allocated(session, [(product, 1)])
    desk.order(order, "pack")
    page = desk.order(order, "cancel")
    assert page.status == 409
    assert order.state == OrderState.done


# Packing


def test_an_order_that_ships_complete_does_not_leave_in_parts(session, desk, product):
    order = make_order(session, [(product, 12)], shipping_policy=ShippingPolicy.complete)
    desk.order(order, "allocate")
    page = desk.order(order, "pack")
    assert page.status == 409
    assert f"{order.number} ships complete. Line 1: 2 of BOLT cannot leave now." in page.text
    assert count(session, Pack) == 0


def test_an_order_that_ships_complete_asks_for_all_serial_numbers(session, desk, product):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "S1", "S2")
    order = make_order(session, [(product, 1), (phone, 2)], shipping_policy=ShippingPolicy.complete)
    desk.order(order, "allocate")
    page = desk.order(order, "pack-serials", **{f"serials-{order.lines[1].id}": "S1"})
    assert page.status == 409
    assert "Line 2: 1 of PHONE cannot leave now." in page.text
    desk.order(order, "pack-serials", **{f"serials-{order.lines[1].id}": "S1\nS2"})
    assert order.state == OrderState.done


def test_nothing_allocated_is_nothing_to_pack(session, desk, product):
    order = make_order(session, [(product, 1)])
    page = desk.order(order, "pack")
    assert page.status == 409
    assert f"{order.number} has nothing to pack. Nothing is allocated." in page.text
    assert count(session, Pack) == 0


@pytest.mark.parametrize("source", ["on hold", "expired", "in quarantine"])
def test_stock_that_may_not_be_used_any_more_is_not_packed(session, desk, at, source):
    product = make_product(session, sku="BOLT")
    balance = make_stock(session, product, 10, lot="L1", expires_on=date(2026, 11, 30))
    order = allocated(session, [(product, 4)])
    if source == "on hold":
        hold_lot(session, balance.lot_id)
    elif source == "expired":
        at("2026-12-01T12:00:00Z")
    else:
        change_kind(session, make_location(session).id, LocationKind.quarantine)
    session.commit()
    page = desk.order(order, "pack")
    assert page.status == 409
    assert f"has nothing to pack. Line 1: Lot L1 at WH/STOCK is {source}, so it cannot be packed." in page.text
    assert (order.lines[0].packed, order.lines[0].allocated) == (0, 4)


@pytest.mark.needs("preorder")
def test_a_preorder_does_not_leave_before_its_launch(session, desk):
    soon = make_preorder_product(session, sku="SOON")
    make_stock(session, soon, 5)
    order = allocated(session, [(soon, 2)])
    page = desk.order(order, "pack")
    assert page.status == 409
    assert "SOON" in page.text
    assert order.lines[0].packed == 0


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("NOPE", "Serial number NOPE of PHONE cannot be packed: it is not in stock."),
        ("S1\nS1", "Serial number S1 of PHONE cannot be packed: it is given twice."),
        ("HELD", "Serial number HELD of PHONE cannot be packed: it is on hold."),
        ("OTHER", "Serial number OTHER of PHONE cannot be packed: it is not in stock."),
        ("S1\nS2\nS3", "Line 1: 3 serial numbers are given, 2 are open."),
    ],
)
def test_a_serial_number_that_cannot_leave_is_refused(session, desk, typed, says):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    other = make_product(session, tracking=Tracking.serial)
    make_serials(session, phone, "S1", "S2", "S3")
    make_serials(session, other, "OTHER")
    hold_lot(session, make_stock(session, phone, 1, lot="HELD").lot_id)
    session.commit()
    order = make_order(session, [(phone, 2)])
    page = desk.order(order, "pack-serials", **{f"serials-{order.lines[0].id}": typed})
    assert page.status == 409
    assert says in page.text
    assert typed.split("\n")[0] in page.html.partition("<textarea")[2]
    assert (order.lines[0].packed, count(session, Pack)) == (0, 0)


def test_a_serial_number_that_has_left_is_not_packed_again(session, desk):
    phone = make_product(session, sku="PHONE", tracking=Tracking.serial)
    make_serials(session, phone, "S1")
    first, second = make_order(session, [(phone, 1)]), make_order(session, [(phone, 1)])
    desk.order(first, "pack-serials", **{f"serials-{first.lines[0].id}": "S1"})
    page = desk.order(second, "pack-serials", **{f"serials-{second.lines[0].id}": "S1"})
    assert page.status == 409
    assert "it is not in stock" in page.text
    assert second.lines[0].packed == 0


# Removing and changing


def test_an_allocation_that_was_removed_since_is_not_removed_again(session, desk, product):
    order = allocated(session, [(product, 4)])
    row = str(session.scalars(select(Allocation.id)).one())
    assert desk.order(order, "remove-allocations", row=row).status == 200
    page = desk.order(order, "remove-allocations", row=row)
    assert page.status == 409
    assert order.lines[0].allocated == 0


@pytest.mark.parametrize(
    ("typed", "status", "says"),
    [
        ("2", 409, "The quantity cannot be 2: 3 are packed and 0 are cancelled already."),
        ("4.5", 409, "has more than 0 decimals"),
        ("0", 422, "At least 0.0001 is possible."),
        ("", 422, "Enter a quantity."),
        ("a lot", 422, "Enter a number"),
    ],
)
def test_a_quantity_that_cannot_be_is_refused(session, desk, product, typed, status, says):
    order = allocated(session, [(product, 3)])
    order.lines[0].quantity = 5
    session.commit()
    desk.order(order, "pack")
    page = desk.line(order.lines[0], "change-quantity", quantity=typed)
    assert (page.status, order.lines[0].quantity) == (status, 5)
    assert says in page.text
    assert marked_fields(page.html) == ["quantity"]


@pytest.mark.needs("preorder")
def test_a_raised_preorder_over_its_limit_is_refused(session, desk):
    soon = make_preorder_product(session, sku="SOON", limit=5)
    order = make_order(session, [(soon, 4)])
    page = desk.line(order.lines[0], "change-quantity", quantity="6")
    assert page.status == 409
    assert "SOON" in page.text
    assert order.lines[0].quantity == 4


def test_a_line_with_nothing_open_is_not_cancelled(session, desk, product):
    order = make_order(session, [(product, 1), (product, 1)])
    desk.line(order.lines[0], "cancel", why="x")
    page = desk.line(order.lines[0], "cancel", why="y")
    assert page.status == 409
    assert order.lines[0].cancelled == 1


def test_a_closed_backorder_is_neither_cancelled_nor_deleted(session, desk, product):
    order = allocated(session, [(product, 12)])
    row = session.scalars(select(Backorder)).one()
    services.cancel_backorder(session, row.id)
    session.commit()
    for name in ("cancel", "drop"):
        page = desk.press(f"/sales/backorders/{row.id}/{name}/")
        assert page.status == 409
        assert "is not possible now" in page.text
    assert order.lines[0].cancelled == 2
    assert count(session, Backorder) == 1


def test_added_lines_that_may_not_be_sold_are_refused(session, desk, product):
    order = make_order(session, [(product, 1)])
    old = make_product(session, sku="OLD", is_active=False)
    session.commit()
    page = desk.order(order, "add-lines", **{"lines-0-product": str(old.id), "lines-0-quantity": "1"})
    assert page.status == 409
    assert "Line 2: OLD is no longer active." in page.text
    assert len(order.lines) == 1


@pytest.mark.parametrize(
    "url",
    [
        "/sales/orders/999999/",
        "/sales/orders/1/lines/999999/why/",
        "/sales/orders/99999999999999999999/",
        "/sales/orders/1/nothing/",
        "/sales/packs/7/slip/",
        "/sales/backorders/7/cancel/",
        "/sales/customers/7/",
    ],
)
def test_what_does_not_exist_is_not_found(session, desk, url):
    assert desk.open(url).status == 404


def test_an_order_of_serial_products_alone_is_not_allocated(session, desk):
    serial = make_product(session, sku="PHONE", tracking=Tracking.serial)
    order = make_order(session, [(serial, 1)])
    page = desk.order(order, "allocate")
    assert page.status == 409
    assert "PHONE is tracked by serial number: it is not allocated; give the numbers when packing." in page.text
