"""What a run and a clerk allocated of the same purchase order line to the same sales order line is shown as one row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder
from modules.sales.models import Order
from tests.preorder.conftest import Clerk
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.sales import make_order

DECEMBER = date(2026, 12, 1)


def test_pages_show_the_sum_of_a_pair_with_its_sources(
    session: Session, clerk: Clerk, pair: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = pair
    page = f"/procurement/purchase-orders/{purchase.id}/"
    lists = {
        (page, "sales-orders"): (4, 6),
        (f"{page}lines/{purchase.lines[0].id}/review/", "allocations"): (3, 5),
        (f"/sales/orders/{order.id}/", "purchase-allocations"): (4, 5),
    }
    for (url, table), (quantity, source) in lists.items():
        (row,) = clerk.open(url).rows(table)
        assert (row[quantity], row[source]) == ("6", "Automatic Manual"), url


def test_removing_a_pair_removes_what_each_source_made(
    session: Session, clerk: Clerk, pair: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = pair
    url = f"/procurement/purchase-orders/{purchase.id}/lines/{purchase.lines[0].id}/remove/"
    (box,) = clerk.open(url).ticks()
    shown = clerk.press(url, row=box)
    assert "6 are no longer allocated to SO-1." in shown.text
    assert purchase_allocations_of(session, order.lines[0]) == []


def test_dates_are_synced_once_for_a_pair(session: Session, clerk: Clerk, pair: tuple[Order, PurchaseOrder]) -> None:
    _, purchase = pair
    url = f"/procurement/purchase-orders/{purchase.id}/lines/{purchase.lines[0].id}/sync/"
    (row,) = clerk.open(url).rows("")
    assert (row[1], row[3]) == ("SO-1/1", "6")


def test_a_limit_counts_pairs_and_cuts_none(session: Session, pair: tuple[Order, PurchaseOrder]) -> None:
    order, purchase = pair
    later = make_order(session, [(order.lines[0].product, 3)], number="SO-2")
    purchase.lines[0].quantity = Decimal(9)
    session.commit()
    allocate_purchase(session, later.lines[0], purchase.lines[0], 1)
    of_line = PurchaseAllocation.purchase_line_id == purchase.lines[0].id
    for limit, shown in ((1, [("SO-1", 6)]), (2, [("SO-1", 6), ("SO-2", 1)])):
        rows = queries.purchase_allocations_to(session, of_line, limit=limit)
        assert [(row.number, row.outstanding) for row in rows] == shown
