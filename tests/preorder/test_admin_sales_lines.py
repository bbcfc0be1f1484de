"""What preorder adds to sales orders: allocating an item, editing its promise, its history, and what is shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from typing import Any

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import set_expected_dates
from modules.sales.events import PromiseDateChanged
from modules.sales.models import Order, OrderLine
from modules.sales.services import hold_lines
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product, make_stock
from tests.support.marked_fields import marked_fields
from tests.support.preorder import allocate_purchase, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order, make_supplier
from tests.support.sales import allocate, make_draft, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)

THREE = ["Allocate Sales Order", "Edit", "Order Item Change History"]


@pytest.fixture
def order(session: Session, product: Product) -> Order:
    """Ten pumps, four of them in stock."""
    make_stock(session, product, 4)
    return make_order(session, [(product, 10)], number="SO-1")


@pytest.fixture
def purchase(session: Session, product: Product) -> PurchaseOrder:
    """Five pumps in December, nine in January, seven without a date."""
    supplier = make_supplier(session, name="Pump Works")
    lines = [(product, 9, JANUARY), (product, 5, DECEMBER), (product, 7)]
    return make_purchase_order(session, lines, number="PO-1", supplier=supplier)


def url(line: OrderLine, action: str = "") -> str:
    page = f"/sales/orders/{line.order_id}/"
    return f"{page}lines/{line.id}/{action}/" if action else page


def test_each_item_offers_the_three_actions(session: Session, clerk: Clerk, order: Order) -> None:
    shown = clerk.open(url(order.lines[0]))
    assert [label for label in shown.actions(order.lines[0].id) if label in THREE] == THREE


def test_a_serial_item_is_not_allocated_and_a_draft_is_neither_allocated_nor_promised(
    session: Session, clerk: Clerk, product: Product
) -> None:
    serial = make_order(session, [(make_product(session, tracking=Tracking.serial), 1)])
    assert "Allocate Sales Order" not in clerk.open(url(serial.lines[0])).actions(serial.lines[0].id)
    draft = make_draft(session, [(product, 1)])
    assert not set(THREE[:2]) & set(clerk.open(url(draft.lines[0])).actions(draft.lines[0].id))


# Allocate Sales Order


def test_the_open_purchase_lines_of_the_product_are_listed_with_date_and_what_is_available(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    other = make_order(session, [(order.lines[0].product, 3)])
    allocate_purchase(session, other.lines[0], purchase.lines[0], 3)
    make_purchase_order(session)
    shown = clerk.open(url(order.lines[0], "allocate"))
    assert "6 pcs of SO-1/1 are not covered." in shown.text
    assert [row[1:6] for row in shown.rows("")] == [
        ["PO-1/2", "Pump Works", "01 Dec 2026", "5", "5"],
        ["PO-1/1", "Pump Works", "10 Jan 2027", "9", "6"],
        ["PO-1/3", "Pump Works", "no date", "7", "7"],
    ]
    assert f'name="quantity-{purchase.lines[1].id}" value="5"' in shown.html


def test_one_or_several_are_used_in_their_order_until_the_line_is_covered(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    line = order.lines[0]
    keys = [str(purchase.lines[number].id) for number in (0, 1)]
    shown = clerk.press(url(line, "allocate"), row=keys)
    assert "5 of PO-1/2 and 1 of PO-1/1 are allocated to SO-1/1." in shown.text
    assert [(row.purchase_line.position, row.outstanding) for row in purchase_allocations_of(session, line)] == [
        (2, 5),
        (1, 1),
    ]


def test_less_than_all_can_be_typed(session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder) -> None:
    key = str(purchase.lines[1].id)
    clerk.press(url(order.lines[0], "allocate"), row=key, **{f"quantity-{key}": "2"})
    assert outstanding(session, order.lines[0]) == [2]


def test_too_many_decimals_are_marked_in_their_row(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    keys = [str(purchase.lines[number].id) for number in (0, 1)]
    typed = {f"quantity-{keys[0]}": "1", f"quantity-{keys[1]}": "0.5"}
    shown = clerk.press(url(order.lines[0], "allocate"), row=keys, **typed)
    assert "has more than 0 decimals" in shown.text
    assert (shown.status, marked_fields(shown.html)) == (409, [f"quantity-{keys[1]}"])
    assert outstanding(session, order.lines[0]) == [0]


def test_an_item_whose_backorder_is_not_written_yet_gets_it_first_and_loses_its_hold(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    order = make_order(session, [(product, 3)])
    hold_lines(session, [order.lines[0].id], True)
    clerk.press(url(order.lines[0], "allocate"), row=str(purchase.lines[1].id))
    assert (outstanding(session, order.lines[0]), order.lines[0].hold_allocation) == ([3], False)
    assert [row.open_quantity for row in order.lines[0].backorders] == [3]


def test_an_item_that_is_covered_has_nothing_to_choose(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    allocate_purchase(session, order.lines[0], purchase.lines[0], 6)
    shown = clerk.open(url(order.lines[0], "allocate"))
    assert "All of this line that stock does not cover is on purchase orders already." in shown.text
    assert shown.ticks() == {}
    assert clerk.press(url(order.lines[0], "allocate"), row=str(purchase.lines[1].id)).status == 409


def test_supply_that_was_taken_in_the_meantime_is_refused(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    rival = make_order(session, [(order.lines[0].product, 5)])
    allocate_purchase(session, rival.lines[0], purchase.lines[1], 5)
    shown = clerk.press(url(order.lines[0], "allocate"), row=str(purchase.lines[1].id))
    assert (shown.status, "Choose at least one" in shown.text or "tick" in shown.text.lower()) == (409, True)


# Edit


def test_the_edit_shows_the_dates_and_changes_and_pins_the_promise_with_a_reason(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder, heard: list[Any]
) -> None:
    line = order.lines[0]
    allocate_purchase(session, line, purchase.lines[0], 6)
    page = url(line, "edit")
    shown = clerk.open(page)
    assert "Promised 10 Jan 2027 Expected 10 Jan 2027" in shown.text
    assert 'type="date"' in shown.html
    assert 'value="2027-01-10"' in shown.html
    assert 'disabled id="notify"' in shown.html
    shown = clerk.press(page, promise_date="2027-02-01", why="asked on the phone", notify="y")
    assert "SO-1/1 is promised for 01 Feb 2027." in shown.text
    assert (line.promise_date, line.is_promise_pinned) == (date(2027, 2, 1), True)
    (fact,) = [fact for fact in heard if isinstance(fact, PromiseDateChanged)]
    assert (fact.cause, fact.notify) == ("edit", True)


@pytest.mark.parametrize("typed", ["", "2027-02-30", "soon"])
def test_a_promise_without_a_day_of_the_calendar_is_not_saved(
    session: Session, clerk: Clerk, order: Order, typed: str
) -> None:
    before = order.lines[0].promise_date
    assert clerk.press(url(order.lines[0], "edit"), promise_date=typed).status == 422
    assert (order.lines[0].promise_date, order.lines[0].is_promise_pinned) == (before, False)


# Order Item Change History


def test_the_history_shows_when_who_field_from_to_and_why_of_this_item_alone(
    session: Session, clerk: Clerk, product: Product
) -> None:
    order = make_order(session, [(product, 2), (product, 3)], number="SO-1")
    clerk.press(url(order.lines[0], "edit"), promise_date="2027-02-01", why="asked on the phone")
    clerk.press(url(order.lines[0], "edit"), promise_date="2027-02-03")
    clerk.press(url(order.lines[1], "edit"), promise_date="2027-03-01")
    shown = clerk.open(url(order.lines[0], "history"))
    assert shown.rows("") == [
        ["23 Nov 2026 12:00", "admin", "Changed line 1", "Promise date", "01 Feb 2027", "03 Feb 2027", ""],
        ["23 Nov 2026 12:00", "admin", "Changed line 1", "Promise date", "", "01 Feb 2027", "asked on the phone"],
    ]


def test_removed_allocations_are_in_the_history_of_the_item(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    allocate_purchase(session, order.lines[0], purchase.lines[1], 5)
    page = f"/procurement/purchase-orders/{purchase.id}/lines/{purchase.lines[1].id}/remove/"
    clerk.press(page, row=str(purchase_allocations_of(session, order.lines[0])[0].id), hold_allocation="y")
    rows = clerk.open(url(order.lines[0], "history")).rows("")
    assert [row[2:6] for row in rows] == [
        ["Changed line 1", "Hold allocation", "no", "yes"],
        ["Removed line 1", "Purchase allocation", "5 of PO-1/2", ""],
    ]


# What is shown


def test_lines_show_what_is_on_purchase_orders_when_it_is_expected_and_whether_that_is_late(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    line = order.lines[0]

    def cells() -> str:
        shown = clerk.open(url(line))
        return shown.text.partition("Order lines")[2].partition("Allocation lines")[0]

    assert "0 Not covered no date" in cells()
    allocate_purchase(session, line, purchase.lines[1], 5)
    assert "5 Part covered no date" in cells()
    allocate_purchase(session, line, purchase.lines[0], 1)
    assert "6 Covered 10 Jan 2027" in cells()
    assert "Late" not in cells()
    session.commit()
    set_expected_dates(session, {purchase.lines[0].id: date(2027, 1, 20)})
    assert "6 Covered 20 Jan 2027 Late" in cells()


def test_the_panel_shows_purchase_allocations_with_bars_and_the_head_the_coverage_of_the_order(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    allocate_purchase(session, order.lines[0], purchase.lines[1], 5)
    shown = clerk.open(url(order.lines[0]))
    assert "SO-1 Confirmed Part allocated Part covered" in shown.text
    assert [row[2:6] for row in shown.rows("purchase-allocations")] == [["PO-1/2", "01 Dec 2026", "5", "Manual"]]
    for note in ("4 pcs allocated in stock", "5 pcs of PO-1/2, expected 01 Dec 2026", "1 pcs not covered"):
        assert note in shown.html


def test_the_order_is_expected_when_all_of_it_is(
    session: Session, clerk: Clerk, order: Order, purchase: PurchaseOrder
) -> None:
    def head() -> str:
        return clerk.open(url(order.lines[0])).text.partition("Order lines")[0]

    assert "Expected –" in head()
    allocate_purchase(session, order.lines[0], purchase.lines[0], 6)
    assert "Expected 10 Jan 2027" in head()


def test_the_list_of_orders_shows_the_coverage_of_each(
    session: Session, clerk: Clerk, product: Product, order: Order, purchase: PurchaseOrder
) -> None:
    covered, open_one = make_order(session, [(product, 3)]), make_order(session, [(product, 2)])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 3)
    allocate_purchase(session, order.lines[0], purchase.lines[0], 1)
    plain = make_order(session, [(make_product(session), 1)])
    make_stock(session, plain.lines[0].product, 1)
    allocate(session, plain.lines[0].product)
    by_order = {row[0]: row[-1] for row in clerk.open("/sales/orders/").rows("")}
    shown = [by_order[each.number] for each in (covered, order, open_one, plain)]
    assert shown == ["Covered", "Part covered", "Not covered", ""]


def test_the_form_of_an_order_brings_the_script_of_the_hint(session: Session, clerk: Clerk) -> None:
    html = clerk.open("/sales/orders/new/").html
    assert "/preorder/atp/hint/" in html


# Rights


def test_merchandisers_allocate_merchandisers_and_sales_clerks_promise_and_all_may_read(
    session: Session, clerk_as: Callable[[str], Clerk], order: Order
) -> None:
    pages = [url(order.lines[0], action) for action in ("allocate", "edit", "history")]
    for role, statuses in (
        ("Merchandiser", [200, 200, 200]),
        ("Sales clerk", [403, 200, 200]),
        ("Warehouse clerk", [403, 403, 200]),
        ("Auditor", [403, 403, 200]),
    ):
        user = clerk_as(role)
        assert [user.open(page).status for page in pages] == statuses, role
        assert (user.press(pages[1], promise_date="").status == 403) is (statuses[1] == 403), role


def test_with_preorder_off_its_actions_and_panels_are_gone(
    session: Session, clerk: Clerk, order: Order, app: Any
) -> None:
    registry = app.extensions["erp"]
    registry.disable(session, "backorder_email")
    registry.disable(session, "preorder")
    session.commit()
    shown = clerk.open(url(order.lines[0]))
    assert shown.status == 200
    assert not set(THREE) & set(shown.actions(order.lines[0].id))
    assert "Purchase allocations" not in shown.text
    assert clerk.open(url(order.lines[0], "edit")).status == 404
    for page in ("demand", "atp", "late", "unallocated", "on-hand-changes"):
        assert clerk.open(f"/preorder/{page}/").status == 404


# Speed


@pytest.mark.parametrize("page", ["order", "list"])
def test_many_lines_and_orders_take_as_many_statements_as_few(
    session: Session,
    clerk: Clerk,
    product: Product,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    page: str,
) -> None:
    def count(size: int) -> int:
        (purchase,) = make_purchase_order(session, [(product, size, DECEMBER)]).lines
        order = make_order(session, [(product, 2)] * size)
        for line in order.lines:
            allocate_purchase(session, line, purchase, 1)
        with count_statements() as sent:
            assert clerk.open(url(order.lines[0]) if page == "order" else "/sales/orders/").status == 200
        return len(sent)

    count(1)
    few = count(2)
    assert count(10) <= few
