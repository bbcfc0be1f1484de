"""The page of a purchase order line that says what would happen if it came later, short or never."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from tests.preorder.conftest import Clerk
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_order

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 10)


@pytest.fixture
def line(session: Session, partial: None, product: Product) -> PurchaseOrderLine:
    """Ten pumps of December for Ada and Ben, who are promised them; three of January are free."""
    (found,) = make_purchase_order(session, [(product, 10, DECEMBER)], number="PO-D").lines
    for name in ("Ada", "Ben"):
        make_order(session, [(product, 5)], number=f"SO-{name}", customer=make_customer(session, name=name))
    make_purchase_order(session, [(product, 3, JANUARY)], number="PO-J")
    session.commit()
    return found


def url(line: PurchaseOrderLine) -> str:
    return f"/procurement/purchase-orders/{line.order_id}/lines/{line.id}/what-if/"


def fields(html: str) -> dict[str, str]:
    """Return the hidden fields of the form that applies an answer."""
    return dict(re.findall(r'<input type="hidden" name="(what|amount|fingerprint|shown)" value="([^"]*)">', html))


def test_a_later_day_names_the_broken_promises_what_serves_them_and_what_a_rebalance_makes_of_it(
    clerk: Clerk, line: PurchaseOrderLine
) -> None:
    assert clerk.open(url(line)).rows("changes") == []
    shown = clerk.open(url(line), what="later", amount="60")
    assert [(row[0], row[1], *row[3:7], row[9]) for row in shown.rows("changes")] == [
        (f"SO-{name}/1", name, "01 Dec 2026", "30 Jan 2027", "60", "01 Dec 2026", "Promise broken")
        for name in ("Ada", "Ben")
    ]
    assert [tuple(row[1:4]) for row in shown.rows("remedies")] == [
        (name, "01 Dec 2026", "3 of PO-J/1, then expected 30 Jan 2027") for name in ("Ada", "Ben")
    ]
    assert shown.rows("rebalanced") == []


def test_an_answer_is_applied_as_shown(session: Session, clerk: Clerk, line: PurchaseOrderLine) -> None:
    shown = clerk.open(url(line), what="short", amount="4")
    assert [(row[1], row[4], row[7]) for row in shown.rows("changes")] == [("Ben", "no date", "1")]
    done = clerk.press(url(line), **fields(shown.html), rebalance="yes")
    assert "PO-D/1 is changed as shown; 1 promise is broken." in done.text
    session.expire_all()
    assert (line.cancelled, line.allocated) == (4, 6)


def test_never_cancels_the_remainder(session: Session, clerk: Clerk, line: PurchaseOrderLine) -> None:
    shown = clerk.open(url(line), what="never")
    clerk.press(url(line), **fields(shown.html))
    session.expire_all()
    assert (line.cancelled, line.outstanding) == (10, 0)


def test_what_would_not_happen_any_more_is_refused_and_shown_again(
    session: Session, clerk: Clerk, line: PurchaseOrderLine
) -> None:
    shown = clerk.open(url(line), what="later", amount="10")
    set_expected_dates(session, {line.id: date(2026, 12, 5)})
    session.commit()
    refused = clerk.press(url(line), **fields(shown.html))
    assert (refused.status, line.expected_on) == (409, date(2026, 12, 5))
    assert "has changed since this page was opened" in refused.text


@pytest.mark.parametrize(
    ("what", "amount", "why"),
    [
        ("later", "soon", "is not a number of days"),
        ("later", "0", "is not a number of days"),
        ("short", "many", "is not a quantity"),
        ("short", "11", "10 are outstanding of PO-D/1"),
        ("short", "0.5", "P-1"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(
    clerk: Clerk, line: PurchaseOrderLine, what: str, amount: str, why: str
) -> None:
    refused = clerk.open(url(line), what=what, amount=amount)
    assert refused.status == 409
    assert why in refused.text


def test_two_clerks_apply_the_same_answer_and_the_second_is_refused(
    session: Session, clerk: Clerk, line: PurchaseOrderLine
) -> None:
    sent = fields(clerk.open(url(line), what="later", amount="10").html)
    assert [clerk.press(url(line), **sent).status for _ in range(2)] == [200, 409]
    session.expire_all()
    assert line.expected_on == date(2026, 12, 11)


def test_a_sales_clerk_does_not_ask_it(clerk_as: Callable[[str], Clerk], line: PurchaseOrderLine) -> None:
    assert clerk_as("Sales clerk").open(url(line)).status == 403
