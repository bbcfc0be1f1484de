"""The lists of preorder: demand, late lines, unallocated backorders; who may open them, and how fast they are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta

import pytest
from sqlalchemy.orm import Session

from modules.procurement.services import set_expected_dates
from modules.sales.services import hold_lines
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


def test_unallocated_backorders_are_listed(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    covered, part, none = (
        make_order(session, [(product, quantity)], number=f"SO-{quantity}") for quantity in (3, 5, 7)
    )
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 3)
    allocate_purchase(session, part.lines[0], purchase.lines[0], 1)
    hold_lines(session, [none.lines[0].id], True)
    rows = clerk.open("/preorder/unallocated/").rows("")
    assert [(row[0], *row[5:]) for row in rows] == [("SO-5/1", "1", "4", "5", ""), ("SO-7/1", "0", "7", "5", "Held")]


def test_the_dashboard_counts_both(session: Session, clerk: Clerk) -> None:
    make_order(session, [(make_product(session), 3)])
    text = clerk.open("/").text
    assert "Late lines 0" in text
    assert "Unallocated backorders 1" in text


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


@pytest.mark.parametrize("page", [*PAGES, "atp/{}"])
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
    assert count(8) <= count(2)
