"""On random books under automatic allocation, pages say of each button exactly whom it then notifies."""

from datetime import timedelta
from random import Random

import pytest
from sqlalchemy import select

from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder
from modules.procurement.services import cancel_order, close_lines, place_order, receive_many
from modules.procurement.states import PurchaseState
from modules.sales.models import Order
from modules.sales.services import allocate_order, confirm
from modules.sales.states import OrderState
from tests.backorder_email.test_notes import PURCHASES, SALES, notes, sentence
from tests.support.backorder_email import ARRIVAL, in_a_run, make_status_with_template, make_template, news
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_customer, make_draft

STEPS = 25


class Book:
    """Random orders of two products, and random presses of the buttons of their pages."""

    def __init__(self, session, seed):
        self.session, self.random = session, Random(seed)
        template = make_template(session, name="On its way")
        mailed = make_status_with_template(session, template)
        self.statuses = [mailed, mailed, make_status(session), None]
        self.products = [make_product(session) for _ in range(2)]
        self.buyers = [make_customer(session) for _ in range(4)]
        self.location_id = make_location(session).id
        session.commit()

    def _quantity(self):
        return self.random.randint(1, 6)

    def add_sales_order(self):
        products = self.random.sample(self.products, self.random.randint(1, 2))
        lines = [(product, self._quantity()) for product in products]
        make_draft(
            self.session, lines, customer=self.random.choice(self.buyers), priority=self.random.choice([0, 0, 0, 5])
        )

    def add_purchase_order(self):
        lines = [
            {
                "product": product,
                "quantity": self._quantity(),
                "expected_on": self.random.choice([None, ARRIVAL + timedelta(days=self.random.randint(0, 9))]),
                "status": self.random.choice(self.statuses),
            }
            for product in self.products
        ]
        make_purchase_order(self.session, lines, state=PurchaseState.draft)
        self.session.commit()

    def choose(self):
        """Return one of the presses; new orders are as likely as all that is done to others."""
        found = list(self.presses())
        new = [each for each in found if each[1] in ("Confirm", "Order")]
        return self.random.choice(new if new and self.random.random() < 0.5 else found)

    def presses(self):
        """Yield (page, label, what the button does) for every button that can be pressed now."""
        for order in self.session.scalars(select(Order).order_by(Order.id)):
            page, id_ = f"{SALES}{order.id}/", order.id
            if order.state == OrderState.draft:
                yield page, "Confirm", lambda session, id_=id_: confirm(session, id_)
            elif order.state == OrderState.confirmed:
                yield page, "Allocate Order", lambda session, id_=id_: allocate_order(session, id_)
        for order in self.session.scalars(select(PurchaseOrder).order_by(PurchaseOrder.id)):
            yield from self._of_purchase_order(order)

    def _of_purchase_order(self, order):
        page, id_ = f"{PURCHASES}{order.id}/", order.id
        if order.state == PurchaseState.draft:
            yield page, "Order", lambda session: place_order(session, id_)
        if order.state == PurchaseState.ordered:
            yield page, "Cancel", lambda session: cancel_order(session, id_)
        coming = [line for line in order.lines if line.is_open]
        for line in coming:
            yield (
                page,
                f"Close short line {line.position}",
                lambda session, id_=line.id: close_lines(session, [id_]),
            )
        if coming:
            goods = [Delivery(line.id, line.outstanding, self.location_id, f"L{line.id}") for line in coming]
            label = "If all that is outstanding is received"
            yield f"{page}receive/", label, lambda session: receive_many(session, goods)


@pytest.mark.parametrize("seed", [1, 2, 20, 30])
@pytest.mark.parametrize("supply_rule", ["skip", "partial"])
def test_a_page_says_what_its_button_then_does(session, client, set_option, supply_rule, seed):
    set_option("preorder.auto_allocate", "yes")
    set_option("preorder.insufficient_supply", supply_rule)
    set_option("preorder.rebalance", ["auto", "manual"][seed % 2])
    book = Book(session, seed)
    said = 0
    for _ in range(STEPS):
        book.random.choice([book.add_sales_order, book.add_sales_order, book.add_purchase_order])()
        page, label, press = book.choose()
        found, before = dict(notes(client, page)), len(news(session))
        in_a_run(press)
        orders = {each.order_id for each in news(session)[before:]}
        customers = {session.get(Order, order_id).customer_id for order_id in orders}
        assert found.get(label) == (sentence(len(customers)) if customers else None), (page, label)
        said += len(customers)
    assert said, "the book never notified anybody"
