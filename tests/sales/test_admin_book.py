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


def _fingerprint(page):
    return page.html.partition('name="fingerprint" value="')[2].partition('"')[0]


def test_a_preview_is_applied_exactly(session, desk, order):
    page = desk.press("/sales/book/apply/", fingerprint=_fingerprint(desk.press("/sales/book/preview/")))
    assert "2 lines were served as previewed." in page.text
    assert [line.allocated for line in order.lines] == [25, 22]
    assert "Nothing would change" in desk.press("/sales/book/preview/").text


def test_an_applied_preview_is_one_run_in_the_history(session, desk, order):
    desk.press("/sales/book/apply/", fingerprint=_fingerprint(desk.press("/sales/book/preview/")))
    (entry,) = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.run")).all()
    assert entry.new_value == "2 products run, 47 units allocated."


def test_a_preview_of_a_book_that_has_changed_is_refused_and_shown_again(session, desk, order, screws):
    fingerprint = _fingerprint(desk.press("/sales/book/preview/"))
    make_stock(session, screws[1], 1)
    page = desk.press("/sales/book/apply/", fingerprint=fingerprint)
    assert page.status == 409
    assert "The book has changed since this preview." in page.text
    assert page.rows("preview")[1][4] == "23"
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
    again = desk.press("/sales/book/apply/", fingerprint=_fingerprint(page))
    assert again.status == 409
    assert "The book has changed since this preview." in again.text
    assert again.rows("preview") == page.rows("preview")
    desk.press("/sales/book/apply/", fingerprint=_fingerprint(again))
    assert session.scalars(select(PurchaseAllocation.purchase_line_id)).all() == [bought[1]]
