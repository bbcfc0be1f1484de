"""The preorder fields of a product, ATP, demand, and the lists of what a person has to look at."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.domain import PreorderTerms
from modules.preorder.models import OnHandChange
from modules.procurement.services import set_expected_dates
from modules.sales.services import hold_lines
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import LAUNCH, link, make_on_hand_change, make_preorder_product
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)


def terms(session: Session, product: Product) -> PreorderTerms | None:
    row = queries.preorder_product(session, product.id)
    return row.terms if row else None


def product_form(product: Product, **fields: Any) -> dict[str, Any]:
    usual = {"sku": product.sku, "name": product.name, "unit": "pcs", "unit_decimals": "0", "tracking": "lot"}
    return usual | {"is_active": "y", "row_version": str(product.row_version)} | fields


# The fields of a product


def test_the_product_form_asks_for_eligibility_launch_date_and_limit(session: Session, clerk: Clerk) -> None:
    product = make_preorder_product(session, limit=40)
    shown = clerk.open(f"/inventory/products/{product.id}/edit/")
    for label in ("Pre-order Eligible", "Launch Date", "Preorder Limit"):
        assert label in shown.text
    assert 'value="2027-01-15"' in shown.html
    assert "Eligible, launch 15 Jan 2027, limit 40" in clerk.open(f"/inventory/products/{product.id}/").text


def test_they_are_saved_with_the_product_and_stand_in_its_history(session: Session, clerk: Clerk) -> None:
    product = make_product(session)
    page = f"/inventory/products/{product.id}/edit/"
    form = product_form(product, preorder_eligible="y", launch_date="2027-01-15", preorder_limit="40")
    shown = clerk.press(page, **form)
    assert terms(session, product) == PreorderTerms(True, LAUNCH, Decimal(40))
    assert "Launch date 2027-01-15" in shown.text
    shown = clerk.press(page, **product_form(product, launch_date="", preorder_limit=""))
    assert terms(session, product) == PreorderTerms()


def test_a_new_product_can_be_eligible_at_once(session: Session, clerk: Clerk) -> None:
    form = {"sku": "P-9", "name": "Pump", "unit": "pcs", "unit_decimals": "0", "tracking": "lot", "is_active": "y"}
    clerk.press("/inventory/products/new/", **form, preorder_eligible="y", launch_date="2027-01-15")
    product = session.scalars(select(Product).where(Product.sku == "P-9")).one()
    assert terms(session, product) == PreorderTerms(True, LAUNCH)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"preorder_eligible": "y"}, "An eligible product needs its launch date."),
        ({"preorder_eligible": "y", "launch_date": "2027-02-30"}, "Not a valid date"),
        ({"preorder_limit": "0"}, "is not above 0"),
        ({"preorder_limit": "2.5"}, "has more than 0 decimals"),
        ({"preorder_limit": "many"}, "Enter a number"),
    ],
)
def test_what_cannot_be_is_not_saved_and_says_why(
    session: Session, clerk: Clerk, fields: dict[str, str], message: str
) -> None:
    product = make_product(session, name="Pump")
    shown = clerk.press(f"/inventory/products/{product.id}/edit/", **product_form(product, name="Hose", **fields))
    assert (shown.status, message in shown.text) == (422, True)
    assert (terms(session, product), product.name) == (None, "Pump")


def test_who_may_not_change_them_sees_them_and_saves_the_rest(
    session: Session, clerk_as: Callable[[str], Clerk]
) -> None:
    product = make_preorder_product(session, limit=40)
    clerk = clerk_as("Warehouse clerk")
    page = f"/inventory/products/{product.id}/edit/"
    assert "Eligible, launch 15 Jan 2027, limit 40. You may not change this." in clerk.open(page).text
    clerk.press(page, **product_form(product, name="Hose", preorder_limit="99"))
    assert (product.name, terms(session, product)) == ("Hose", PreorderTerms(True, LAUNCH, Decimal(40)))


def test_who_may_not_change_them_does_not_change_them_by_a_file_either(
    session: Session, clerk_as: Callable[[str], Clerk]
) -> None:
    product = make_preorder_product(session, name="Pump")
    clerk = clerk_as("Warehouse clerk")
    file = f"sku,name,launch_date\n{product.sku},Hose,2026-12-01\n".encode()
    shown = clerk.press("/settings/import/", kind="products", file=(BytesIO(file), "products.csv"))
    assert shown.status == 422 and "Column launch_date needs the right preorder.edit." in shown.text
    assert "launch_date" not in clerk.open("/settings/import/").text
    session.expire_all()
    assert (product.name, terms(session, product)) == ("Pump", PreorderTerms(True, LAUNCH))


# ATP


@pytest.fixture
def example(session: Session) -> Product:
    """The worked example: 20 on hand, and changes on five of the days to come."""
    product = make_product(session, sku="P-1", name="Pump")
    make_stock(session, product, 20)
    for number, quantity in ((0, -3), (2, 10), (3, -15), (4, 1), (5, 3)):
        make_on_hand_change(session, product, TODAY + timedelta(number), quantity, note=f"change {number}")
    session.commit()
    return product


def test_the_page_of_a_product_shows_its_days_and_what_they_are_made_of(
    session: Session, clerk: Clerk, example: Product
) -> None:
    order = make_order(session, [(example, 25)], number="SO-1")
    purchase = make_purchase_order(session, [(example, 8, DECEMBER), (example, 9)], number="PO-1")
    link(session, order.lines[0], purchase.lines[0], 2)
    shown = clerk.open(f"/preorder/atp/{example.id}/")
    assert "On hand 20 pcs Allocated − 20 Available now 0 Wanted and not linked − 3" in shown.text
    assert [row[:5] for row in shown.rows("atp-incoming")] == [
        ["PO-1/1", "01 Dec 2026", "8", "2", "6"],
        ["PO-1/2", "no date", "9", "0", "9"],
    ]
    assert shown.rows("atp-scheduled")[0] == ["23 Nov 2026", "-3", "change 0"]
    assert shown.rows("atp-days")[0] == ["23 Nov 2026", "-6", "0"]
    assert shown.rows("queue") == [["SO-1/1", order.customer.name, "25", "20", "2", "3", ""]]


def test_the_days_of_the_worked_example_are_shown_where_they_turn(clerk: Clerk, example: Product) -> None:
    assert clerk.open(f"/preorder/atp/{example.id}/").rows("atp-days") == [
        ["23 Nov 2026", "17", "12"],
        ["25 Nov 2026", "27", "12"],
        ["26 Nov 2026", "12", "12"],
        ["27 Nov 2026", "13", "13"],
        ["28 Nov 2026", "16", "16"],
    ]


def test_the_chart_is_drawn_on_the_server_and_brings_no_script(clerk: Clerk, example: Product) -> None:
    for page in (f"/preorder/atp/{example.id}/", f"/inventory/products/{example.id}/"):
        shown = clerk.open(page)
        chart = shown.html.partition("<svg")[2].partition("</svg>")[0]
        assert "Available to promise" in shown.text
        assert "pygal-chart" in chart
        assert "<script" not in chart
        assert "window.pygal" not in shown.html


def test_the_list_shows_what_can_be_promised_today_and_later(clerk: Clerk, example: Product) -> None:
    (row,) = clerk.open("/preorder/atp/", search="P-1").rows("")
    assert row == ["P-1", "Pump", "pcs", "12", "13 from 27 Nov 2026", "16"]


@pytest.mark.parametrize(
    ("quantity", "day", "text"),
    [
        ("12", "2026-11-23", "Available today."),
        ("13", "2026-11-27", "Expected to ship on 27 Nov 2026."),
        ("14", "2026-11-28", "Expected to ship on 28 Nov 2026."),
        ("17", None, "Not available within the horizon."),
    ],
)
def test_a_form_is_told_when_a_quantity_can_be_there(
    clerk: Clerk, example: Product, quantity: str, day: str | None, text: str
) -> None:
    answer = clerk.client.get(f"/preorder/atp/expected/?product={example.id}&quantity={quantity}")
    assert answer.get_json() == {"date": day, "text": text}


@pytest.mark.parametrize(
    "query", ["", "product=1", "product=x&quantity=1", "product=999&quantity=1", "product=1&quantity=x"]
)
def test_a_question_that_makes_no_sense_is_no_error_of_the_server(clerk: Clerk, query: str) -> None:
    assert clerk.client.get(f"/preorder/atp/expected/?{query}").status_code in (400, 404)


# Demand


def test_demand_shows_by_product_what_is_ordered_linked_incoming_and_left(session: Session, clerk: Clerk) -> None:
    later = make_preorder_product(session, sku="LATER", name="Hose", launch_date=date(2027, 3, 1))
    product = make_preorder_product(session, sku="SOON", name="Pump", limit=40)
    make_product(session)
    first = make_order(session, [(product, 12)])
    make_order(session, [(product, 8)])
    purchase = make_purchase_order(session, [(product, 20, DECEMBER)])
    link(session, first.lines[0], purchase.lines[0], 12)
    rows = clerk.open("/preorder/demand/").rows("")
    assert rows == [
        ["SOON", "Pump", "15 Jan 2027", "20", "20", "12", "20", "8", "40", "20"],
        ["LATER", "Hose", "01 Mar 2027", "0", "0", "0", "0", "0", "", ""],
    ]
    assert clerk.open("/preorder/demand/", search="later").rows("")[0][0] == later.sku


# What a person has to look at


def test_late_lines_are_listed_with_the_days_and_what_decides(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    order = make_order(session, [(product, 5)], number="SO-1", customer=make_customer(session, name="Acme", code="A"))
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)], number="PO-1")
    link(session, order.lines[0], purchase.lines[0], 5)
    assert "Every promise will be kept." in clerk.open("/preorder/late/").text
    set_expected_dates(session, {purchase.lines[0].id: DECEMBER + timedelta(9)})
    (row,) = clerk.open("/preorder/late/").rows("")
    assert row == [
        "SO-1/1", "Acme (A)", "[P-1] Pump", "", "01 Dec 2026", "5", "10 Dec 2026", "9", "PO-1/1",
    ]  # fmt: skip


def test_unallocated_backorders_are_listed_for_a_person(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1", name="Pump")
    covered, part, none = (
        make_order(session, [(product, quantity)], number=f"SO-{quantity}") for quantity in (3, 5, 7)
    )
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    link(session, covered.lines[0], purchase.lines[0], 3)
    link(session, part.lines[0], purchase.lines[0], 1)
    hold_lines(session, [none.lines[0].id], True)
    rows = clerk.open("/preorder/unallocated/").rows("")
    assert [(row[0], *row[5:]) for row in rows] == [("SO-5/1", "1", "4", "5", ""), ("SO-7/1", "0", "7", "5", "Held")]


def test_the_dashboard_counts_both(session: Session, clerk: Clerk) -> None:
    make_order(session, [(make_product(session), 3)])
    text = clerk.open("/").text
    assert "Late lines 0" in text
    assert "Unallocated backorders 1" in text


# On-hand changes


def test_on_hand_changes_are_entered_changed_and_deleted(session: Session, clerk: Clerk) -> None:
    product = make_product(session, sku="P-1")
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": "-5", "note": "fair"}
    shown = clerk.press("/preorder/on-hand-changes/new/", **form)
    assert "P-1 on 01 Dec 2026" in shown.text
    (change,) = session.scalars(select(OnHandChange))
    assert (change.product_id, change.date, change.quantity, change.note) == (product.id, DECEMBER, -5, "fair")
    clerk.press(f"/preorder/on-hand-changes/{change.id}/edit/", **form | {"quantity": "8"})
    assert change.quantity == 8
    clerk.press(f"/preorder/on-hand-changes/{change.id}/delete/")
    assert session.scalars(select(OnHandChange)).all() == []


@pytest.mark.parametrize("quantity", ["0", "0.5", "", "x"])
def test_a_change_of_nothing_or_of_a_part_of_a_piece_is_refused(session: Session, clerk: Clerk, quantity: str) -> None:
    product = make_product(session)
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": quantity, "note": ""}
    assert clerk.press("/preorder/on-hand-changes/new/", **form).status == 422
    assert session.scalars(select(OnHandChange)).all() == []


def test_the_same_change_twice_is_refused(session: Session, clerk: Clerk) -> None:
    product = make_product(session)
    form = {"product": str(product.id), "date": "2026-12-01", "quantity": "5", "note": "fair"}
    clerk.press("/preorder/on-hand-changes/new/", **form)
    assert clerk.press("/preorder/on-hand-changes/new/", **form).status == 422
    assert len(session.scalars(select(OnHandChange)).all()) == 1


def test_many_are_uploaded_as_csv(session: Session, clerk: Clerk) -> None:
    make_product(session, sku="P-1")
    assert "kind=on_hand_changes" in clerk.open("/preorder/on-hand-changes/").html
    file = (BytesIO(b"sku,date,quantity,note\nP-1,2026-12-01,5,fair\n"), "changes.csv")
    shown = clerk.press("/settings/import/", kind="on_hand_changes", file=file)
    assert "1 on-hand change: 1 new, 0 changed." in shown.text
    assert len(session.scalars(select(OnHandChange)).all()) == 1


# Rights and speed

PAGES = ("demand", "atp", "late", "unallocated", "on-hand-changes")


def test_everybody_may_look_and_only_merchandisers_enter_changes(
    session: Session, clerk_as: Callable[[str], Clerk], example: Product
) -> None:
    for role in ("Sales clerk", "Merchandiser", "Warehouse clerk", "Auditor"):
        somebody = clerk_as(role)
        assert [somebody.open(f"/preorder/{page}/").status for page in PAGES] == [200] * len(PAGES)
        may_enter = 200 if role == "Merchandiser" else 403
        assert somebody.open("/preorder/on-hand-changes/new/").status == may_enter


@pytest.mark.parametrize("page", [*PAGES, "atp/{}"])
def test_a_long_list_takes_as_many_statements_as_a_short_one(
    session: Session,
    clerk: Clerk,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
    page: str,
) -> None:
    def look(size: int) -> int:
        products = [make_preorder_product(session) for _ in range(size)]
        (last, *_) = products
        for product in products:
            order = make_order(session, [(product, 5), (product, 2)])
            purchase = make_purchase_order(session, [(product, 3, DECEMBER)])
            link(session, order.lines[0], purchase.lines[0], 3)
            allocate_line = order.lines[1]
            allocate_line.promise_date = DECEMBER
            make_on_hand_change(session, product, DECEMBER, 3)
        url = f"/preorder/{page.format(last.id)}/"
        with count_statements() as sent:
            assert clerk.open(url).status == 200
        return len(sent)

    look(1)
    assert look(8) <= look(2)
