"""Every run, screen and answer that names the first in the queue follows `[sales] service_order`."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from modules.preorder import queries as preorder
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import Receipt
from modules.sales import queries as sales
from modules.sales import services
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.states import WorkList
from tests.support.inventory_lots import make_location, make_product, make_stock, set_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_customer, make_order

TODAY = date(2026, 11, 23)
DAY = date(2026, 12, 1)
# In order of their instants: requested for no day, for January, for December.
REQUESTED = {"SO-Any": None, "SO-Jan": DAY + timedelta(31), "SO-Dec": DAY}
BY_INSTANT, BY_REQUESTED_DAY = list(REQUESTED), ["SO-Dec", "SO-Jan", "SO-Any"]


class Book:
    """Three orders of 2 each for one product, of which nothing is in stock."""

    def __init__(self, session, client):
        self.session, self.client, self.product = session, client, make_product(session)
        self.orders = {
            number: make_order(session, [(self.product, 2)], number=number, requested_on=day)
            for number, day in REQUESTED.items()
        }
        session.commit()

    def lines(self):
        return {number: order.lines[0] for number, order in self.orders.items()}

    def numbers(self, line_ids):
        names = dict(self.session.execute(select(OrderLine.id, Order.number).join(OrderLine.order)).all())
        return [names[line_id] for line_id in line_ids]

    def seen(self, address, table=""):
        """Return the numbers of the orders in the order in which a page first names them."""
        page = self.client.get(address).get_data(as_text=True)
        return self.named(page if not table else re.search(rf'<table[^>]*id="{table}".*?</table>', page, re.S)[0])

    def named(self, page):
        found = re.findall(r"SO-(?:Any|Jan|Dec)", html.unescape(page))
        return list(dict.fromkeys(found))

    def allocate_each_by_hand(self, quantity):
        """Allocate one purchase order line to all of them, in the order of their ids."""
        purchase = make_purchase_order(self.session, [(self.product, quantity, DAY)], number="PO-1")
        for line in self.lines().values():
            allocate_purchase(self.session, line, purchase.lines[0], 2)
        self.session.commit()
        return purchase


def a_run(book, _set_option):
    make_stock(book.session, book.product, 6)
    allocate(book.session, book.product)
    return book.numbers(book.session.scalars(select(Allocation.line_id).order_by(Allocation.id)))


def a_run_on_purchase_orders(book, set_option):
    set_option("preorder.auto_allocate", "yes")
    make_purchase_order(book.session, [(book.product, 6, DAY)])
    allocate(book.session, book.product)
    return book.numbers(book.session.scalars(select(PurchaseAllocation.line_id).order_by(PurchaseAllocation.id)))


def the_preview_of_the_book(book, _set_option):
    make_stock(book.session, book.product, 6)
    return book.named(book.client.post("/sales/book/preview/").get_data(as_text=True))


def a_work_list(book, _set_option):
    entries = sales.read_work_lists(book.session).of(WorkList.uncovered)
    assert book.seen("/sales/work-lists/uncovered/") == book.numbers(entry.line_id for entry in entries)
    return book.numbers(entry.line_id for entry in entries)


def the_lines_before_one(book, _set_option):
    last = make_order(book.session, [(book.product, 1)], ordered_at=book.orders["SO-Dec"].ordered_at.replace(year=2030))
    book.session.commit()
    return book.seen(f"/sales/orders/{last.id}/lines/{last.lines[0].id}/why/", "before")


def the_holders_of_stock(book, set_option):
    a_run(book, set_option)
    line = book.lines()["SO-Any"]
    return book.seen(f"/sales/orders/{line.order_id}/lines/{line.id}/why/", "candidates")


def what_is_taken_away_last_comes_first(book, _set_option):
    balance = make_stock(book.session, book.product, 6)
    allocate(book.session, book.product)
    lost = []
    for left in (4, 2, 0):
        set_stock(book.session, balance, left, release=True)
        lost += [number for number, line in book.lines().items() if not line.allocated and number not in lost]
    return lost[::-1]


def the_losses_of_a_later_order(book, _set_option):
    make_stock(book.session, book.product, 6)
    later = make_order(book.session, [(book.product, 6)], priority=-1, number="SO-Late")
    services.remove_allocations(book.session, later.id)
    for order in book.orders.values():
        services.remove_allocations(book.session, order.id, hold=False)
    book.session.commit()
    return [loss.order for loss in sales.losses(book.session, later.id)]


def the_page_that_allocates_a_purchase_line(book, _set_option):
    allocate(book.session, book.product)
    purchase = make_purchase_order(book.session, [(book.product, 6, DAY)])
    book.session.commit()
    line = purchase.lines[0]
    return book.seen(f"/procurement/purchase-orders/{purchase.id}/lines/{line.id}/allocate/")


def the_review_of_a_purchase_line(book, _set_option):
    purchase = book.allocate_each_by_hand(6)
    return book.seen(f"/procurement/purchase-orders/{purchase.id}/lines/{purchase.lines[0].id}/review/")


def demand_against_supply(book, _set_option):
    return [row.number for row in preorder.queue_of(book.session, book.product.id).demand]


def a_receipt(book, _set_option):
    purchase, place = book.allocate_each_by_hand(6), make_location(book.session).id
    book.session.commit()
    procurement.receive(book.session, Delivery(purchase.lines[0].id, Decimal(6), place, "R1"))
    book.session.commit()
    return book.numbers(book.session.scalars(select(Allocation.line_id).order_by(Allocation.id)))


def what_a_reversed_receipt_takes_last(book, set_option):
    a_receipt(book, set_option)
    receipt, lost = book.session.scalars(select(Receipt)).one(), []
    for _ in range(3):
        procurement.reverse_receipt(book.session, receipt.id, Decimal(2), why="the wrong pallet")
        book.session.commit()
        lost += [number for number, line in book.lines().items() if not line.allocated and number not in lost]
    return lost[::-1]


def what_a_smaller_purchase_releases_last(book, _set_option):
    purchase, lost = book.allocate_each_by_hand(6), []
    for left in (4, 2):
        procurement.change_line(book.session, purchase.lines[0].id, quantity=Decimal(left), release=True)
        book.session.commit()
        held = book.numbers(book.session.scalars(select(PurchaseAllocation.line_id)))
        lost += [number for number in book.orders if number not in (*held, *lost)]
    return [*held, *lost[::-1]]


def the_promises_that_a_later_date_breaks(book, _set_option):
    purchase = book.allocate_each_by_hand(6)
    found = preorder.broken_promises(book.session, {purchase.lines[0].id: DAY + timedelta(60)})
    return [promise.order for promise in found]


def what_is_late_by_overdue_supply(book, _set_option):
    purchase = book.allocate_each_by_hand(6)
    for line in book.lines().values():
        line.promise_date = TODAY - timedelta(1)
    purchase.lines[0].expected_on = TODAY - timedelta(1)
    book.session.commit()
    return book.seen("/preorder/late/", f"overdue-{purchase.lines[0].id}")


PLACES = [
    a_run,
    a_run_on_purchase_orders,
    the_preview_of_the_book,
    a_work_list,
    the_lines_before_one,
    the_holders_of_stock,
    what_is_taken_away_last_comes_first,
    the_losses_of_a_later_order,
    the_page_that_allocates_a_purchase_line,
    the_review_of_a_purchase_line,
    demand_against_supply,
    a_receipt,
    what_a_reversed_receipt_takes_last,
    what_a_smaller_purchase_releases_last,
    the_promises_that_a_later_date_breaks,
    what_is_late_by_overdue_supply,
]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("value", "expected"), [("ordered_at", BY_INSTANT), ("requested_on", BY_REQUESTED_DAY)])
def test_every_place_follows_the_order_of_service(session, client, set_option, place, value, expected):
    set_option("sales.service_order", value)
    set_option("sales.allocate_on_confirm", "no")
    make_customer(session)
    assert place(Book(session, client), set_option) == expected
