"""The lists of preorder: demand, late lines, unallocated lines; who may open them, and how fast they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.states import Tracking
from modules.procurement.services import set_expected_dates
from modules.sales.services import change_quantity, delete_backorder, grow_backorders, hold_lines, lock_order
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product
from tests.support.preorder import allocate_purchase, make_on_hand_change, make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


def test_demand_shows_by_product_what_is_ordered_allocated_incoming_and_left(session: Session, clerk: Clerk) -> None:
    later = make_preorder_product(session, sku="LATER", name="Hose", launch_date=date(2027, 3, 1))
    product = make_preorder_product(session, sku="SOON", name="Pump", limit=40)
    make_product(session)
    first = make_order(session, [(product, 12)])
    make_order(session, [(product, 8)])
    purchase = make_purchase_order(session, [(product, 20, DECEMBER)])
    allocate_purchase(session, first.lines[0], purchase.lines[0], 12)
    rows = clerk.open("/preorder/demand/").rows("")
    assert rows == [
        ["SOON", "Pump", "15 Jan 2027", "20", "20", "12", "20", "8", "40", "20"],
        ["LATER", "Hose", "01 Mar 2027", "0", "0", "0", "0", "0", "", ""],
    ]
    assert clerk.open("/preorder/demand/", search="later").rows("")[0][0] == later.sku


def test_late_lines_are_listed_with_the_days_and_what_decides(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    order = make_order(session, [(product, 5)], number="SO-1", customer=make_customer(session, name="Acme", code="A"))
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)], number="PO-1")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    assert "Every promise will be kept." in clerk.open("/preorder/late/").text
    set_expected_dates(session, {purchase.lines[0].id: DECEMBER + timedelta(9)})
    (row,) = clerk.open("/preorder/late/").rows("")
    assert row == [
        "SO-1/1", "Acme (A)", "[P-1] Pump", "", "01 Dec 2026", "5", "10 Dec 2026", "9", "PO-1/1",
    ]  # fmt: skip


def test_late_lines_are_found_among_others_whatever_a_list_is_sorted_by(session: Session, clerk: Clerk) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    for number, quantity in (("SO-1", 5), ("SO-2", 4), ("SO-3", 0)):
        line = make_order(session, [(product, 5)], number=number).lines[0]
        if quantity:
            allocate_purchase(session, line, purchase.lines[0], quantity)
        line.promise_date = {"SO-1": DECEMBER, "SO-2": DECEMBER - timedelta(1)}.get(number)
    session.commit()

    def listed(path: str, **asked: str) -> list[str]:
        return [row[0] for row in clerk.open(path, **asked).rows("")]

    assert listed("/preorder/late/") == listed("/preorder/late/", sort="4", desc="1") == ["SO-2/1"]
    assert listed("/preorder/late/", search="SO-2") == ["SO-2/1"]
    lists = [listed("/preorder/late-or-never-promised/", **asked) for asked in ({}, {"sort": "5"}, {"search": "SO"})]
    assert [sorted(found) for found in lists] == [["SO-2/1", "SO-3/1"]] * 3
    assert [listed("/sales/orders/", flt0_late_is=word) for word in ("yes", "no")] == [["SO-2"], ["SO-3", "SO-1"]]


@pytest.mark.parametrize("descending", ["", "1"])
def test_lines_by_their_promise_start_the_same_however_few_are_looked_at(
    session: Session, clerk: Clerk, monkeypatch: pytest.MonkeyPatch, descending: str
) -> None:
    orders = [make_order(session, [(make_product(session), 5)], number=f"SO-{n}") for n in range(1, 9)]
    for order, day in zip(orders[2:4], (TODAY - timedelta(3), TODAY - timedelta(1)), strict=True):
        order.lines[0].promise_date = day
    session.commit()

    def listed(**asked: str) -> list[str]:
        asked |= {"sort": "5", "desc": descending}
        return [row[0] for row in clerk.open("/preorder/late-or-never-promised/", **asked).rows("")]

    everything = listed()
    assert sorted(everything) == [f"SO-{n}/1" for n in range(1, 9)]
    monkeypatch.setattr("erp.admin.list_query.COMPUTED_BOUND", 3)
    assert listed() == everything[: len(listed())] and len(listed()) >= 3
    assert listed(search="SO-8") == ["SO-8/1"]


def test_a_line_whose_requested_day_passed_without_a_promise_is_late(session: Session, clerk: Clerk) -> None:
    order = make_order(session, [(make_product(session), 5), (make_product(session), 5)], number="SO-1")
    first, second = order.lines
    first.requested_on, second.requested_on = TODAY - timedelta(1), TODAY
    session.commit()
    assert [row[0] for row in clerk.open("/preorder/late/").rows("")] == ["SO-1/1"]
    assert "Late lines 1" in clerk.open("/").text


def test_what_is_late_because_supply_is_overdue_stands_under_its_purchase_order_line(
    session: Session, clerk: Clerk
) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    customer = make_customer(session, name="Acme", code="A")
    orders = [make_order(session, [(product, 5)], number=f"SO-{n}", customer=customer) for n in (1, 2, 3)]
    purchase = make_purchase_order(session, [(product, 9, DECEMBER), (product, 9, DECEMBER)], number="PO-1")
    for order, purchase_line, quantity in zip(orders, (0, 0, 1), (5, 4, 5), strict=True):
        allocate_purchase(session, order.lines[0], purchase.lines[purchase_line], quantity)
    orders[1].lines[0].promise_date = DECEMBER  # 1 of it is not covered
    overdue = TODAY - timedelta(4)
    set_expected_dates(session, {line.id: overdue for line in purchase.lines})
    for order, promised in zip(orders, (overdue, overdue, overdue - timedelta(1)), strict=True):
        order.lines[0].promise_date = promised
    session.commit()
    page = clerk.open("/preorder/late/")
    assert "PO-1/1 overdue by 4 days" in page.text
    assert page.rows(f"overdue-{purchase.lines[0].id}") == [["SO-1/1", "Acme", "5", "19 Nov 2026"]]
    # The others are late for another reason, too: one is not covered, one was promised before its supply was expected.
    assert [(row[0], row[-1]) for row in page.listed()] == [
        ("SO-3/1", "PO-1/2 overdue by 4 days"),
        ("SO-2/1", "PO-1/1 overdue by 4 days"),
    ]
    assert "Late lines 3" in clerk.open("/").text


def test_one_new_date_clears_all_that_is_late_because_a_purchase_order_line_is_overdue(
    session: Session, clerk: Clerk
) -> None:
    product = make_product(session)
    orders = [make_order(session, [(product, 5)]) for _ in range(3)]
    purchase = make_purchase_order(session, [(product, 20, TODAY + timedelta(1))], number="PO-1")
    for order in orders:
        allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
        order.lines[0].promise_date = TODAY - timedelta(3)
    purchase.lines[0].expected_on = TODAY - timedelta(3)
    session.commit()
    page = clerk.open("/preorder/late/")
    assert len(page.rows(f"overdue-{purchase.lines[0].id}")) == 3
    assert "No other line is late." in page.text
    assert "Every promise will be kept." not in page.text
    set_expected_dates(session, {purchase.lines[0].id: DECEMBER})
    page = clerk.open("/preorder/late/")
    assert "overdue" not in page.text
    assert len(page.listed()) == 3  # with dates to which they can be synced


def test_every_promise_is_not_said_to_be_kept_where_serial_numbers_have_promises(
    session: Session, clerk: Clerk
) -> None:
    order = make_order(session, [(make_product(session, tracking=Tracking.serial), 1)])
    assert "Every promise will be kept." in clerk.open("/preorder/late/").text
    assert (
        "Stock and purchase orders cover every open line but those with serial"
        in clerk.open("/preorder/unallocated/").text
    )
    order.lines[0].promise_date = TODAY
    session.commit()
    text = clerk.open("/preorder/late/").text
    assert "Every promise will be kept." not in text
    assert "No line is late. Serial numbers have no expected date" in text


def test_a_held_line_stays_listed_with_its_whole_need_with_or_without_a_backorder(
    session: Session, clerk: Clerk, set_option: Callable[[str, str], None]
) -> None:
    product = make_product(session)
    deleted = make_order(session, [(product, 7)], number="SO-1")
    delete_backorder(session, deleted.lines[0].backorders[0].id)
    session.commit()
    set_option("sales.allocate_on_confirm", "no")
    make_order(session, [(product, 3)], number="SO-2")  # no run has made its backorder row yet
    raised = make_order(session, [(product, 2)], number="SO-3")
    lock_order(session, raised.id)
    grow_backorders(session, [raised.lines[0].id])
    hold_lines(session, [raised.lines[0].id], True)
    change_quantity(session, raised.lines[0].id, Decimal(6))
    session.commit()
    rows = clerk.open("/preorder/unallocated/").rows("")
    assert [(row[0], row[4], row[6], row[8]) for row in rows] == [
        ("SO-1/1", "", "7", "Held"),
        ("SO-2/1", "", "3", ""),
        ("SO-3/1", "Backorder", "6", "Held"),
    ]


def test_unallocated_lines_are_listed(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    covered, part, none = (
        make_order(session, [(product, quantity)], number=f"SO-{quantity}") for quantity in (3, 5, 7)
    )
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 3)
    allocate_purchase(session, part.lines[0], purchase.lines[0], 1)
    hold_lines(session, [none.lines[0].id], True)
    rows = clerk.open("/preorder/unallocated/").rows("")
    assert [(row[0], *row[5:-1]) for row in rows] == [("SO-5/1", "1", "4", "5", ""), ("SO-7/1", "0", "7", "5", "Held")]


def test_a_computed_list_is_counted_within_its_bound_and_paged_in_its_order(
    session: Session, clerk: Clerk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("erp.admin.list_query.COMPUTED_BOUND", 50)
    make_order(session, [(make_product(session), 1)] * 49, number="SO-1")
    page = clerk.open("/preorder/unallocated/")
    assert "49 unallocated lines" in page.text
    assert [row[0] for row in page.rows("")] == [f"SO-1/{position}" for position in range(1, 26)]
    beyond = [row[0] for row in clerk.open("/preorder/unallocated/", page="9").rows("")]
    assert beyond == [f"SO-1/{position}" for position in range(26, 50)]
    make_order(session, [(make_product(session), 1)] * 2, number="SO-2")
    last = clerk.open("/preorder/unallocated/", page="9")
    assert "50+ unallocated lines" in last.text
    assert [row[0] for row in last.rows("")] == [*beyond, "SO-2/1"]


def test_the_dashboard_counts_both(session: Session, clerk: Clerk) -> None:
    make_order(session, [(make_product(session), 3)])
    text = clerk.open("/").text
    assert "Late lines 0" in text
    assert "Unallocated lines 1" in text


# Rights and speed

PAGES = ("demand", "atp", "late", "unallocated", "on-hand-changes")


def test_everybody_may_read_and_only_merchandisers_enter_changes(
    session: Session, clerk_as: Callable[[str], Clerk]
) -> None:
    for role in ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor"):
        user = clerk_as(role)
        assert [user.open(f"/preorder/{page}/").status for page in PAGES] == [200] * len(PAGES)
        may_enter = 200 if role == "Merchandiser" else 403
        assert user.open("/preorder/on-hand-changes/new/").status == may_enter


LISTS = (*PAGES, "waiting", "late-or-never-promised")
FILES = tuple(f"{page}/export/csv" for page in LISTS if page != "atp")


@pytest.mark.parametrize("page", [*LISTS, *FILES, "atp/{}"])
def test_a_long_list_takes_as_many_statements_as_a_short_one(
    session: Session,
    clerk: Clerk,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    page: str,
) -> None:
    def count(size: int) -> int:
        products = [make_preorder_product(session) for _ in range(size)]
        (last, *_) = products
        for product in products:
            order = make_order(session, [(product, 5), (product, 2)])
            purchase = make_purchase_order(session, [(product, 3, DECEMBER)])
            allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
            allocate_line = order.lines[1]
            allocate_line.promise_date = DECEMBER
            make_on_hand_change(session, product, DECEMBER, 3)
        url = f"/preorder/{page.format(last.id)}/"
        with count_statements() as sent:
            assert clerk.open(url).status == 200
        return len(sent)

    count(1)
    few = count(2)
    assert count(8) <= few
