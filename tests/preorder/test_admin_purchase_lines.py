"""The four actions on a line of a purchase order: Review, Allocate, Sync and Remove."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.admin import purchase_lines
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from modules.procurement.states import PurchaseState
from modules.sales.events import PromiseDateChanged
from modules.sales.models import Order, OrderLine
from modules.sales.services import hold_lines, set_promise_dates
from modules.sales.states import AllocationSource
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product
from tests.support.marked_fields import marked_fields
from tests.support.preorder import allocate_many, allocate_purchase, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)

FOUR = ["Review Allocations", "Allocate Sales Order", "Sync Date with SO", "Remove Allocation"]


@pytest.fixture
def purchase(session: Session, product: Product) -> PurchaseOrder:
    """Twenty pumps, expected in December."""
    return make_purchase_order(session, [(product, 20, DECEMBER)], number="PO-1")


def order_of(session: Session, product: Product, quantity: int, name: str) -> Order:
    return make_order(session, [(product, quantity)], number=f"SO-{name}", customer=make_customer(session, name=name))


def url(line: PurchaseOrderLine, action: str = "") -> str:
    page = f"/procurement/purchase-orders/{line.order_id}/"
    return f"{page}lines/{line.id}/{action}/" if action else page


def backorder_id(line: OrderLine) -> int:
    return next(row.id for row in line.backorders)


def test_each_line_offers_the_four_actions(session: Session, clerk: Clerk, purchase: PurchaseOrder) -> None:
    shown = clerk.open(url(purchase.lines[0]))
    assert [label for label in shown.actions(purchase.lines[0].id) if label in FOUR] == FOUR


def test_a_draft_offers_none_of_them(session: Session, clerk: Clerk) -> None:
    draft = make_purchase_order(session, state=PurchaseState.draft)
    assert not set(FOUR) & set(clerk.open(url(draft.lines[0])).actions(draft.lines[0].id))
    assert clerk.open(url(draft.lines[0], "review")).status == 409


def test_allocating_and_syncing_ask_yes_or_no_first(session: Session, clerk: Clerk, purchase: PurchaseOrder) -> None:
    html = clerk.open(url(purchase.lines[0])).html
    for label in ("Allocate Sales Order", "Sync Date with SO"):
        assert f'data-title="{label}" data-yes="Yes" data-no="No"' in html


# Review Allocations


def test_review_shows_every_allocated_sales_order_and_the_totals(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    first, second = order_of(session, product, 6, "Acme"), order_of(session, product, 8, "Bolt")
    allocate_purchase(session, second.lines[0], purchase.lines[0], 5)
    allocate_purchase(session, first.lines[0], purchase.lines[0], 6)
    shown = clerk.open(url(purchase.lines[0], "review"))
    assert [row[:6] for row in shown.rows("allocations")] == [
        ["SO-Acme/1", "Acme", f"{first.ordered_at:%d %b %Y %H:%M}", "6", "01 Dec 2026", "Manual"],
        ["SO-Bolt/1", "Bolt", f"{second.ordered_at:%d %b %Y %H:%M}", "5", "", "Manual"],
    ]
    for total in ("Ordered 20 pcs", "Received 0", "Allocated (consumed ATP) 11", "Still available 9"):
        assert total in shown.text
    assert shown.html.count("<rect") >= 3


def test_review_of_a_line_without_allocations_says_so(session: Session, clerk: Clerk, purchase: PurchaseOrder) -> None:
    assert "This line is not allocated to any sales order." in clerk.open(url(purchase.lines[0], "review")).text


# Allocate Sales Order


def test_open_uncovered_backorders_of_the_product_are_listed_in_order_of_service(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    late = order_of(session, product, 3, "Late")
    urgent = make_order(session, [(product, 4)], number="SO-Urgent", priority=9)
    covered = order_of(session, product, 2, "Covered")
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 2)
    part = order_of(session, product, 8, "Part")
    allocate_purchase(session, part.lines[0], purchase.lines[0], 5)
    order_of(session, make_product(session), 4, "Other")
    hold_lines(session, [late.lines[0].id], True)
    shown = clerk.open(url(purchase.lines[0], "allocate"))
    assert "13 pcs of PO-1/1 are available." in shown.text
    assert [(row[1], row[6], row[7], row[8]) for row in shown.rows("")] == [
        ("SO-Urgent/1", "4", "0", "4"),
        ("SO-Late/1", "3", "0", "3"),
        ("SO-Part/1", "8", "5", "3"),
    ]
    assert "Held" in shown.rows("")[1][9]
    assert set(shown.ticks().values()) == {"open"}
    assert outstanding(session, urgent.lines[0]) == [0]


def test_chosen_sales_orders_are_allocated_each_with_its_quantity(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    first, second = order_of(session, product, 6, "Acme"), order_of(session, product, 8, "Bolt")
    keys = [backorder_id(order.lines[0]) for order in (first, second)]
    shown = clerk.press(
        url(purchase.lines[0], "allocate"), row=[str(key) for key in keys], **{f"quantity-{keys[1]}": "3"}
    )
    assert "9 of PO-1/1 are allocated to 2 sales orders." in shown.text
    assert outstanding(session, first.lines[0], second.lines[0]) == [6, 3]
    made = purchase_allocations_of(session, first.lines[0])[0]
    assert (made.source, made.user_name) == (AllocationSource.manual, "admin")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("7", "is not between 0 and 6"),
        ("0", "is not between 0 and 6"),
        ("-1", "is not between 0 and 6"),
        ("x", "is not a quantity"),
        ("0.5", "has more than 0 decimals"),
    ],
)
def test_a_wrong_quantity_is_refused_and_nothing_is_allocated(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder, typed: str, message: str
) -> None:
    order = order_of(session, product, 6, "Acme")
    key = backorder_id(order.lines[0])
    shown = clerk.press(url(purchase.lines[0], "allocate"), row=str(key), **{f"quantity-{key}": typed})
    assert (shown.status, message in shown.text) == (409, True)
    assert marked_fields(shown.html) == [f"quantity-{key}"]
    assert outstanding(session, order.lines[0]) == [0]


def test_a_quantity_out_of_range_is_marked_in_its_row(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    keys = [str(backorder_id(order_of(session, product, 6, name).lines[0])) for name in ("Acme", "Bolt")]
    typed = {f"quantity-{keys[0]}": "6", f"quantity-{keys[1]}": "7"}
    shown = clerk.press(url(purchase.lines[0], "allocate"), row=keys, **typed)
    assert (shown.status, marked_fields(shown.html)) == (409, [f"quantity-{keys[1]}"])


def test_more_than_the_line_has_is_refused_with_what_it_has(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    orders = [order_of(session, product, 15, name) for name in ("Acme", "Bolt")]
    keys = [str(backorder_id(order.lines[0])) for order in orders]
    shown = clerk.press(url(purchase.lines[0], "allocate"), row=keys)
    assert shown.status == 409
    assert "PO-1/1 has 20 available: 30 cannot be allocated." in shown.text
    assert set(shown.ticks().values()) == {"ticked"}
    assert outstanding(session, *(order.lines[0] for order in orders)) == [0, 0]


def test_nothing_chosen_and_forged_rows_are_refused(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    other = order_of(session, make_product(session), 4, "Other")
    for fields in ({}, {"row": str(backorder_id(other.lines[0]))}, {"row": "x"}):
        assert clerk.press(url(purchase.lines[0], "allocate"), **fields).status == 409
    assert session.scalars(select(PurchaseAllocation)).all() == []


def test_without_anything_available_there_is_nothing_to_choose(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    order = order_of(session, product, 30, "Acme")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 20)
    shown = clerk.open(url(purchase.lines[0], "allocate"))
    assert "Nothing of PO-1/1 is available" in shown.text
    assert shown.ticks() == {}


# Sync Date with SO


def test_each_allocated_line_is_shown_with_its_promise_and_the_date_it_would_get(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder, set_option: Callable[[str, str], None]
) -> None:
    other = make_purchase_order(session, [(product, 9, date(2027, 2, 1)), (product, 9)], number="PO-2")
    plain, pinned, more, undated = (order_of(session, product, 4, name) for name in ("A", "B", "C", "D"))
    for order in (plain, pinned):
        allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    for order, second in ((more, other.lines[0]), (undated, other.lines[1])):
        allocate_purchase(session, order.lines[0], purchase.lines[0], 2)
        allocate_purchase(session, order.lines[0], second, 2)
    set_promise_dates(session, {pinned.lines[0].id: DECEMBER}, cause="edit", pin=True)
    session.commit()
    set_expected_dates(session, {purchase.lines[0].id: JANUARY})
    session.commit()
    set_option("preorder.promise_buffer_days", "2")
    shown = clerk.open(url(purchase.lines[0], "sync"))
    assert [row[1:7] for row in shown.rows("")] == [
        ["SO-A/1", "A", "4", "01 Dec 2026", "12 Jan 2027", "PO-1/1 (10 Jan 2027)"],
        ["SO-B/1", "B", "4", "01 Dec 2026 Pinned", "12 Jan 2027", "PO-1/1 (10 Jan 2027)"],
        ["SO-C/1", "C", "2", "01 Feb 2027", "03 Feb 2027", "PO-2/1 (01 Feb 2027)"],
        ["SO-D/1", "D", "2", "", "no expected date", "PO-2/2 (no date)"],
    ]
    assert list(shown.ticks().values()) == ["ticked", "open", "ticked", "off"]
    assert 'name="notify" type="checkbox"' in shown.html or 'id="notify"' in shown.html
    assert "Notify customers" in shown.text


def test_chosen_lines_are_synced_and_customers_notified_unless_the_tick_is_removed(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder, heard: list[Any]
) -> None:
    first, second = order_of(session, product, 4, "A"), order_of(session, product, 4, "B")
    for order in (first, second):
        allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    session.commit()
    set_expected_dates(session, {purchase.lines[0].id: JANUARY})
    page = url(purchase.lines[0], "sync")
    shown = clerk.press(page, row=str(first.lines[0].id), notify="y", why="ship is late")
    assert "1 promise date is synced." in shown.text
    clerk.press(page, row=str(second.lines[0].id))
    assert [order.lines[0].promise_date for order in (first, second)] == [JANUARY, JANUARY]
    assert [fact.notify for fact in heard if isinstance(fact, PromiseDateChanged)] == [True, False]


def test_a_line_without_an_expected_date_cannot_be_ticked_by_force(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    order = order_of(session, product, 4, "A")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    session.commit()
    set_expected_dates(session, {purchase.lines[0].id: None})
    shown = clerk.press(url(purchase.lines[0], "sync"), row=str(order.lines[0].id), notify="y")
    assert shown.status == 409
    assert order.lines[0].promise_date == DECEMBER


# Remove Allocation


def test_allocated_orders_are_chosen_with_checkboxes_and_removed_after_a_confirmation(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    first, second = order_of(session, product, 6, "Acme"), order_of(session, product, 8, "Bolt")
    for order, quantity in ((first, 6), (second, 8)):
        allocate_purchase(session, order.lines[0], purchase.lines[0], quantity)
    page = url(purchase.lines[0], "remove")
    shown = clerk.open(page)
    assert [row[1:5:3] for row in shown.rows("")] == [["SO-Acme/1", "6"], ["SO-Bolt/1", "8"]]
    assert set(shown.ticks().values()) == {"open"}
    assert 'data-yes="Remove Allocations"' in shown.html
    assert 'checked id="hold_allocation"' in shown.html
    (row,) = purchase_allocations_of(session, second.lines[0])
    shown = clerk.press(page, row=str(row.id), hold_allocation="y")
    assert "8 are no longer allocated to SO-Bolt." in shown.text
    assert outstanding(session, first.lines[0], second.lines[0]) == [6, 0]
    assert (first.lines[0].hold_allocation, second.lines[0].hold_allocation) == (False, True)


def test_without_the_tick_the_line_is_not_held(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    order = order_of(session, product, 6, "Acme")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 6)
    clerk.press(url(purchase.lines[0], "remove"), row=str(purchase_allocations_of(session, order.lines[0])[0].id))
    assert (outstanding(session, order.lines[0]), order.lines[0].hold_allocation) == ([0], False)


# The panel


def test_the_purchase_order_shows_for_whom_each_line_is_meant(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder
) -> None:
    order = order_of(session, product, 6, "Acme")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 6)
    shown = clerk.open(url(purchase.lines[0]))
    assert shown.rows("sales-orders")[0][:3] == ["1", "SO-Acme/1", "Acme"]
    assert "SO-Acme/1, Acme: 6 pcs" in shown.html


def test_of_very_many_allocated_orders_the_first_are_shown(
    session: Session, clerk: Clerk, product: Product, purchase: PurchaseOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purchase_lines, "MOST_DRAWN", 1)
    monkeypatch.setattr(queries, "MOST_SHOWN", 2)
    orders = [order_of(session, product, 5, name) for name in ("Acme", "Bolt", "Core")]
    allocate_many(session, {(order.lines[0], purchase.lines[0]): 5 for order in orders})
    shown = clerk.open(url(purchase.lines[0]))
    assert [row[1] for row in shown.rows("sales-orders")] == ["SO-Acme/1", "SO-Bolt/1"]
    assert "10 pcs for more orders" in shown.html
    assert "The first 2 are shown; Review Allocations of a line shows all of it." in shown.text
    assert len(clerk.open(url(purchase.lines[0], "review")).rows("allocations")) == 3


# Rights


def test_merchandisers_may_use_all_actions_and_others_only_some(
    session: Session, clerk_as: Callable[[str], Clerk], purchase: PurchaseOrder
) -> None:
    pages = [url(purchase.lines[0], action) for action in ("review", "allocate", "sync", "remove")]
    for role, statuses in (
        ("Merchandiser", [200, 200, 200, 200]),
        ("Sales clerk", [200, 403, 200, 403]),
        ("Warehouse clerk", [200, 403, 403, 403]),
        ("Auditor", [200, 403, 403, 403]),
    ):
        user = clerk_as(role)
        assert [user.open(page).status for page in pages] == statuses, role
        assert (user.press(pages[3], row="1").status == 403) is (statuses[3] == 403), role


def test_another_documents_line_does_not_exist_here(session: Session, clerk: Clerk, purchase: PurchaseOrder) -> None:
    other = make_purchase_order(session)
    page = f"/procurement/purchase-orders/{other.id}/lines/{purchase.lines[0].id}/review/"
    assert clerk.open(page).status == 404


# Speed


@pytest.mark.parametrize("action", ["review", "allocate", "sync", "remove", ""])
def test_a_page_of_many_allocations_takes_as_many_statements_as_one_of_few(
    session: Session,
    clerk: Clerk,
    product: Product,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    action: str,
) -> None:
    def count(size: int) -> int:
        purchase = make_purchase_order(session, [(product, 2 * size, DECEMBER)])
        for _ in range(size):
            allocate_purchase(session, make_order(session, [(product, 2)]).lines[0], purchase.lines[0], Decimal(1))
        page = url(purchase.lines[0], action)
        with count_statements() as sent:
            assert clerk.open(page).status == 200
        return len(sent)

    count(1)
    few = count(2)
    assert count(12) <= few
