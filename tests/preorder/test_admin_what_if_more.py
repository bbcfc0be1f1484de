"""The what-if pages of a product, a draft order and the order form, with remedies that are ticked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Balance, Product
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState
from tests.preorder.conftest import Clerk, Shown
from tests.support.inventory_lots import make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_customer, make_draft, make_order

DECEMBER, JANUARY = date(2026, 12, 1), date(2027, 1, 10)


@pytest.fixture
def ada(session: Session, partial: None, product: Product) -> OrderLine:
    """Ada has eight pumps of the ten in stock; four more come in December."""
    make_stock(session, product, 10)
    order = make_order(session, [(product, 8)], number="SO-Ada", customer=make_customer(session, name="Ada"))
    make_purchase_order(session, [(product, 4, DECEMBER)], number="PO-D")
    session.commit()
    return order.lines[0]


@pytest.fixture
def draft(session: Session, ada: OrderLine, product: Product) -> Order:
    """Ben wants five pumps."""
    order = make_draft(session, [(product, 5)], customer=make_customer(session, name="Ben"), priority=9)
    session.commit()
    return order


def sent(page: Shown, **more: str) -> dict[str, str]:
    """Return what the form of an answer sends, with what is ticked."""
    form = page.html[page.html.index('id="answer"') :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', form)) | more


def ticks(page: Shown) -> list[str]:
    """Return what could be ticked."""
    return re.findall(r'name="tick" value="([^"]*)"', page.html)


def test_a_count_that_finds_less_is_asked_of_a_product_and_applied_with_what_is_ticked(
    session: Session, clerk: Clerk, ada: OrderLine
) -> None:
    url = f"/inventory/products/{ada.product_id}/what-if/"
    balance = session.scalars(select(Balance)).one()
    asked = clerk.open(url, about=f"stock-{balance.id}", what="less", amount="5")
    assert [(row[0], row[4], row[9]) for row in asked.rows("changes")] == [("SO-Ada/1", "no date", "Promise broken")]
    assert [(row[3], row[4]) for row in asked.rows("remedies")] == [("3 of PO-D/1, then expected 01 Dec 2026", "5")]
    (tick,) = ticks(asked)
    shown = clerk.press(url, **sent(asked, tick=tick, show="yes"))
    assert [(row[0], row[4]) for row in shown.rows("changes")] == [("SO-Ada/1", "01 Dec 2026")]
    done = clerk.press(url, **sent(shown, tick=tick))
    assert "is changed as shown; 1 promise is broken." in done.text
    session.expire_all()
    assert [balance.on_hand, balance.allocated, ada.allocated] == [5, 5, 5]


def test_what_is_ticked_and_was_not_shown_is_shown_first(session: Session, clerk: Clerk, ada: OrderLine) -> None:
    url = f"/inventory/products/{ada.product_id}/what-if/"
    balance = session.scalars(select(Balance)).one()
    asked = clerk.open(url, about=f"stock-{balance.id}", what="less", amount="5")
    first = clerk.press(url, **sent(asked, tick=ticks(asked)[0]))
    assert (first.status, "What you ticked changes the answer" in first.text) == (200, True)
    session.expire_all()
    assert balance.on_hand == 10


@pytest.mark.parametrize(
    ("about", "what", "why"),
    [("stock", "later", "A count is asked about stock"), ("supply", "less", "A count is asked about stock")],
)
def test_what_does_not_fit_together_is_refused(
    session: Session, clerk: Clerk, ada: OrderLine, about: str, what: str, why: str
) -> None:
    refused = clerk.open(f"/inventory/products/{ada.product_id}/what-if/", about=f"{about}-1", what=what, amount="5")
    assert (refused.status, why in refused.text) == (409, True)


def test_a_rush_order_says_what_it_gets_and_takes_what_is_ticked(session: Session, clerk: Clerk, draft: Order) -> None:
    url = f"/sales/orders/{draft.id}/what-if/"
    asked = clerk.open(url)
    assert asked.rows("own") == [["1", "01 Dec 2026", "2 today, 3 on 01 Dec 2026 from PO-D"]]
    assert [tuple(row[1:]) for row in asked.rows("candidates")] == [("1", "SO-Ada/1", "Ada", "8", "3", "23 Nov 2026")]
    shown = clerk.press(url, **sent(asked, tick=ticks(asked)[0], show="yes"))
    assert shown.rows("own") == [["1", "23 Nov 2026", "5 today"]]
    assert [(row[0], row[4], row[9]) for row in shown.rows("changes")] == [
        ("SO-Ada/1", "01 Dec 2026", "Promise broken")
    ]
    done = clerk.press(url, **sent(shown, tick=ticks(asked)[0]))
    assert "is confirmed and allocated as shown; 1 promise is broken." in done.text
    session.expire_all()
    assert [draft.state, draft.lines[0].allocated] == [OrderState.confirmed, 5]


def test_two_clerks_apply_one_rush_order_and_the_second_is_refused(
    session: Session, clerk: Clerk, draft: Order
) -> None:
    url = f"/sales/orders/{draft.id}/what-if/"
    form = sent(clerk.open(url))
    assert [clerk.press(url, **form).status for _ in range(2)] == [200, 409]


def test_a_draft_that_has_changed_since_is_refused(session: Session, clerk: Clerk, draft: Order) -> None:
    url = f"/sales/orders/{draft.id}/what-if/"
    form = sent(clerk.open(url))
    draft.lines[0].quantity = Decimal(6)
    session.commit()
    refused = clerk.press(url, **form)
    assert (refused.status, "has changed since this page was opened" in refused.text) == (409, True)
    session.expire_all()
    assert draft.state == OrderState.draft


def test_the_order_form_asks_the_same_of_what_is_typed_and_saves_nothing(
    session: Session, clerk: Clerk, ada: OrderLine
) -> None:
    line = {"product": str(ada.product_id), "quantity": "5", "requested_on": ""}
    typed = json.dumps({"lines": [line], "priority": "9", "ordered_at": "", "shipping_policy": "partial"})
    asked = clerk.press("/preorder/atp/what-if/", order=typed)
    assert asked.rows("own") == [["1", "01 Dec 2026", "2 today, 3 on 01 Dec 2026 from PO-D"]]
    assert "Apply exactly this" not in asked.text
    assert [clerk.press("/preorder/atp/what-if/", order=text).status for text in ("", '{"lines": []}')] == [400, 409]
    assert len(session.scalars(select(Order)).all()) == 1


def test_what_a_user_has_no_right_to_cannot_be_ticked_or_applied(
    clerk_as: Callable[[str], Clerk], session: Session, draft: Order, ada: OrderLine
) -> None:
    merchandiser = clerk_as("Merchandiser")
    balance = session.scalars(select(Balance)).one()
    url = f"/inventory/products/{ada.product_id}/what-if/"
    asked = merchandiser.open(url, about=f"stock-{balance.id}", what="less", amount="5")
    assert "Apply exactly this" not in asked.text
    assert merchandiser.press(url, **sent(asked)).status == 403
