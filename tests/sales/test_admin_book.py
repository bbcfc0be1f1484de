"""The whole book on screen: its preview, applied exactly or refused."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import func, select

from erp.models import HistoryEntry
from modules.preorder.models import PurchaseAllocation
from modules.procurement.services import set_expected_dates
from modules.sales.models import Allocation
from tests.support.inventory_lots import make_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

pytestmark = pytest.mark.usefixtures("by_hand")


def test_the_preview_shows_what_each_order_would_get_and_changes_nothing(session, desk, order):
    page = desk.press("/sales/book/preview/")
    assert [row[:7] for row in page.rows("preview")] == [
        [order.number, "1", "BRASS", "0", "25", "0", "0"],
        ["", "2", "TAP", "0", "22", "0", "3"],
    ]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def _fingerprints(page):
    return page.html.partition('name="fingerprints" value="')[2].partition('"')[0]


def _apply(desk, page, **more):
    return desk.press("/sales/book/apply/", fingerprints=_fingerprints(page), **more)


def test_a_preview_is_applied_exactly(session, desk, order):
    page = _apply(desk, desk.press("/sales/book/preview/"))
    assert "2 products run, 47 units allocated." in page.text
    assert [line.allocated for line in order.lines] == [25, 22]
    assert "Nothing would change" in desk.press("/sales/book/preview/").text


def test_an_applied_preview_is_one_run_in_the_history(session, desk, order):
    _apply(desk, desk.press("/sales/book/preview/"))
    (entry,) = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.run")).all()
    assert entry.new_value == "2 products run, 47 units allocated."


def test_a_product_that_has_changed_since_is_left_and_named_with_what_changed(session, desk, order, screws):
    page = desk.press("/sales/book/preview/")
    make_stock(session, screws[1], 1)
    page = _apply(desk, page)
    assert page.status == 409
    assert "1 product run, 25 units allocated." in page.text
    assert "something changed since the preview: TAP (stock)." in page.text
    assert page.rows("preview")[0][4] == "23"
    assert [line.allocated for line in order.lines] == [25, 0]
    _apply(desk, page)
    assert [line.allocated for line in order.lines] == [25, 23]


def test_all_or_nothing_serves_nothing_where_a_product_has_changed(session, desk, order, screws):
    page = desk.press("/sales/book/preview/")
    make_stock(session, screws[1], 1)
    page = _apply(desk, page, all_or_nothing="y")
    assert page.status == 409
    assert "The book has changed since this preview: TAP (stock). Nothing was served." in page.text
    assert page.rows("preview")[1][4] == "23"
    assert [line.allocated for line in order.lines] == [0, 0]
    _apply(desk, page, all_or_nothing="y")
    assert [line.allocated for line in order.lines] == [25, 23]


def test_what_changed_and_changes_nothing_of_the_plan_does_no_harm(session, desk, order, screws):
    page = desk.press("/sales/book/preview/")
    make_stock(session, screws[0], 100)  # later stock than that which serves the order
    make_order(session, [(screws[1], 1)])
    page = _apply(desk, page)
    assert "TAP (order lines)" in page.text and "BRASS" not in page.text.partition("What would change")[0]
    assert [line.allocated for line in order.lines] == [25, 0]


def test_a_preview_that_somebody_else_applied_leaves_nothing_to_do(session, desk, order):
    page = desk.press("/sales/book/preview/")
    _apply(desk, page)
    again = _apply(desk, page)
    assert again.status == 409
    assert "BRASS (nothing is left to do), TAP (nothing is left to do)" in again.text
    assert [line.allocated for line in order.lines] == [25, 22]


@pytest.mark.parametrize("said", ["", "x", "1", "1:", ":1", "99999999999:abc", f"{10**30}:abc", "1:abc " * 3])
def test_fingerprints_that_no_preview_made_serve_nothing(session, desk, order, said):
    desk.press("/sales/book/apply/", fingerprints=said)
    assert [line.allocated for line in order.lines] == [0, 0]


@pytest.mark.needs("preorder")
def test_a_preview_that_would_allocate_as_much_to_another_purchase_order_is_refused(session, desk, screws, set_option):
    set_option("preorder.auto_allocate", "yes")
    make_order(session, [(screws[1], 25)])
    bought = [make_purchase_order(session, [(screws[1], 3, date(2026, 12, day))]).lines[0].id for day in (1, 10)]
    session.commit()
    page = desk.press("/sales/book/preview/")
    assert page.rows("preview")[0][7:] == ["0", "3"]
    set_expected_dates(session, {bought[0]: date(2026, 12, 20)})
    session.commit()
    again = _apply(desk, page)
    assert again.status == 409
    assert "TAP (purchase orders)" in again.text
    assert again.rows("preview") == page.rows("preview")
    _apply(desk, again)
    assert session.scalars(select(PurchaseAllocation.purchase_line_id)).all() == [bought[1]]
