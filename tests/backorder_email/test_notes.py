"""What pages say of the emails that follow from automatic allocation: before a button is pressed, and as it happens."""

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from html import unescape

import pytest

from erp.admin.site import current_site
from erp.db import lock_rows
from modules.backorder_email.models import Template
from modules.inventory_lots.models import Product
from modules.procurement.domain import Delivery
from modules.procurement.services import cancel_order, close_lines, place_order, receive_many
from modules.sales.models import Order
from modules.sales.services import allocate_order, confirm
from tests.backorder_email.pages import page, post, words
from tests.support.backorder_email import ARRIVAL, in_a_run, make_status_with_template, make_template, news
from tests.support.concurrency import together
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import make_customer, make_draft, make_order

SALES, PURCHASES, BOOK = "/sales/orders/", "/procurement/purchase-orders/", "/sales/book/"


@dataclass
class Shelf:
    """A product without stock, and a status whose template says that goods are on their way."""

    session: object
    product: object
    status: object

    def supply(self, quantity=10, state="ordered", **more):
        line = {"product": self.product, "quantity": quantity, "expected_on": ARRIVAL, "status": self.status} | more
        order = make_purchase_order(self.session, [line], state=state)
        self.session.commit()
        return order

    def waiting(self, number=1, quantity=2, **customer):
        """Return confirmed orders of customers of their own."""
        buyers = [make_customer(self.session, **customer) for _ in range(number)]
        return [make_order(self.session, [(self.product, quantity)], customer=buyer) for buyer in buyers]


@pytest.fixture
def shelf(session, set_option):
    set_option("preorder.auto_allocate", "yes")
    template = make_template(session, name="On its way", subject="{{ status }}: {{ lines[0].purchase_order }}")
    return Shelf(session, make_product(session), make_status_with_template(session, template, name="Shipped"))


def notes(client, address):
    """Return what a page says of its actions: (label, sentence) pairs."""
    html = page(client, address)
    (shown,) = re.findall(r'<ul class="erp-notes.*?</ul>', html, flags=re.S) or [""]
    items = [words(item).strip() for item in re.findall(r"<li>(.*?)</li>", shown, flags=re.S)]
    return [tuple(re.sub(r" See one email$", "", item).split(" : ", 1)) for item in items]


def written(session, before):
    """Return the sentence that says what news was written since there was so much of it."""
    found = news(session)[before:]
    customers, templates = {session.get(Order, each.order_id).customer_id for each in found}, Counter()
    templates.update(session.get(Template, each.template_id).name for each in found)
    (name,) = templates
    return sentence(len(customers), name)


def sentence(customers, template="On its way"):
    noun = "customer" if customers == 1 else "customers"
    return f"{customers} {noun} would be notified with the template {template}."


def check(session, client, address, label, act):
    """Ask a page what an action would do, do it, and compare; return the sentence."""
    found, before = dict(notes(client, address)), len(news(session))
    assert len(news(session)) == before, "a question writes nothing"
    in_a_run(act)
    assert found[label] == written(session, before)
    return found[label]


def test_confirm_says_whom_it_notifies(session, client, shelf):
    shelf.supply()
    order_id = make_draft(session, [(shelf.product, 2)]).id
    said = check(session, client, f"{SALES}{order_id}/", "Confirm", lambda session: confirm(session, order_id))
    assert said == sentence(1)


def test_confirm_names_everybody_whom_its_run_serves(session, client, shelf):
    shelf.waiting(2)
    shelf.supply()
    order_id = make_draft(session, [(shelf.product, 2)]).id
    said = check(session, client, f"{SALES}{order_id}/", "Confirm", lambda session: confirm(session, order_id))
    assert said == sentence(3)


@pytest.mark.parametrize("obstacle", ["option", "far ahead", "earlier orders", "not confirmed at once"])
def test_confirm_says_nothing_where_the_line_gets_nothing(session, client, shelf, set_option, obstacle):
    day = None
    if obstacle == "option":
        set_option("backorder_email.on_link", "no")
    elif obstacle == "far ahead":
        set_option("sales.reserve_ahead_days", "5")
        day = ARRIVAL.replace(year=2030)
    elif obstacle == "not confirmed at once":
        set_option("sales.allocate_on_confirm", "no")
    shelf.supply(2)
    if obstacle == "earlier orders":
        shelf.waiting()
    order_id, before = make_draft(session, [(shelf.product, 2)], requested_on=day).id, len(news(session))
    assert notes(client, f"{SALES}{order_id}/") == []
    in_a_run(lambda session: confirm(session, order_id))
    assert len(news(session)) == before


def test_allocate_order_says_whom_it_notifies(session, client, shelf):
    _first, second = shelf.waiting(2)
    shelf.supply()
    order_id = second.id
    address = f"{SALES}{order_id}/"
    assert check(session, client, address, "Allocate Order", lambda s: allocate_order(s, order_id)) == sentence(1)
    assert notes(client, address) == [], "it has all that it needs"


def test_a_note_leads_to_one_email_as_it_would_leave(session, client, shelf):
    (order,) = shelf.waiting()
    purchase = shelf.supply()
    (address,) = re.findall(r'href="(/emails/pending/sample/[^"]*)"', page(client, f"{SALES}{order.id}/"))
    assert f"Shipped: {purchase.number}" in words(page(client, unescape(address)))


def test_order_says_whom_the_new_supply_notifies(session, client, shelf):
    shelf.waiting(3)
    order_id = shelf.supply(4, state="draft").id
    address = f"{PURCHASES}{order_id}/"
    assert check(session, client, address, "Order", lambda session: place_order(session, order_id)) == sentence(2)


def test_order_counts_what_earlier_supply_gives_first(session, client, shelf):
    shelf.waiting(3)
    quiet = make_status(session, name="Quiet")
    shelf.supply(2, status=quiet, expected_on=ARRIVAL.replace(day=1))
    order_id = shelf.supply(10, state="draft").id
    address = f"{PURCHASES}{order_id}/"
    assert check(session, client, address, "Order", lambda session: place_order(session, order_id)) == sentence(2)


def test_the_default_status_of_a_line_counts(session, client, shelf, set_option):
    set_option("preorder.default_line_status", "Shipped")
    shelf.waiting()
    order_id = shelf.supply(status=None, state="draft").id
    address = f"{PURCHASES}{order_id}/"
    assert check(session, client, address, "Order", lambda session: place_order(session, order_id)) == sentence(1)


def test_cancel_says_whom_other_supply_notifies(session, client, shelf):
    order_id = shelf.supply(10, expected_on=ARRIVAL.replace(day=1)).id
    shelf.waiting(3)
    shelf.supply(4)
    address = f"{PURCHASES}{order_id}/"
    assert check(session, client, address, "Cancel", lambda session: cancel_order(session, order_id)) == sentence(2)


def test_close_short_says_it_of_each_line(session, client, shelf):
    purchase = shelf.supply(10, expected_on=ARRIVAL.replace(day=1))
    line_id = purchase.lines[0].id
    shelf.waiting(2)
    shelf.supply()
    address = f"{PURCHASES}{purchase.id}/"
    said = check(session, client, address, "Close short line 1", lambda session: close_lines(session, [line_id]))
    assert said == sentence(2)


def test_every_page_of_a_line_opens_though_actions_of_its_order_have_the_same_name(session, client, shelf):
    (order,) = shelf.waiting()
    purchase = shelf.supply()
    for screen, address, row in (("sales.order", SALES, order), ("procurement.purchase_order", PURCHASES, purchase)):
        view = current_site().view(screen)
        pages = [each.name for each in (*view.line_actions, *view.contributed("line_actions")) if each.page]
        assert len(pages) > 2
        for name in pages:
            answer = client.get(f"{address}{row.id}/lines/{row.lines[0].id}/{name}/")
            assert answer.status_code in (200, 409), name


def test_receive_says_whom_the_supply_that_it_frees_notifies(session, client, shelf, set_option):
    """The first order has later supply; goods that nobody waits for free it for the second."""
    set_option("preorder.rebalance", "manual")
    set_option("preorder.insufficient_supply", "partial")
    location = make_location(session)
    shelf.supply(2)
    shelf.waiting(2)
    set_option("preorder.auto_allocate", "no")
    purchase = shelf.supply(2, expected_on=ARRIVAL.replace(day=1))
    set_option("preorder.auto_allocate", "yes")
    line_id, location_id = purchase.lines[0].id, location.id
    received = [Delivery(line_id, Decimal(2), location_id, "A1")]
    label = "If all that is outstanding is received"
    for address in (f"{PURCHASES}{purchase.id}/receive/", f"{PURCHASES}{purchase.id}/lines/{line_id}/receive/"):
        assert dict(notes(client, address)) == {label: sentence(1)}
    check(session, client, address, label, lambda session: receive_many(session, received))


def test_goods_that_are_allocated_notify_nobody(session, client, shelf):
    purchase = shelf.supply(2)
    shelf.waiting()
    assert notes(client, f"{PURCHASES}{purchase.id}/receive/") == []


def test_the_whole_book_says_whom_applying_it_notifies(session, client, shelf):
    shelf.waiting(2)
    shelf.supply()
    before = len(news(session))
    html = post(client, f"{BOOK}preview/")
    assert f"If this is applied : {sentence(2)}" in words(html)
    (fingerprints,) = re.findall(r'name="fingerprints" value="([^"]*)"', html)
    post(client, f"{BOOK}apply/", fingerprints=fingerprints)
    assert written(session, before) == sentence(2)


@pytest.mark.parametrize(
    ("key", "value"), [("preorder.auto_allocate", "no"), ("backorder_email.on_link", "no"), ("sales.backorders", "no")]
)
def test_nothing_is_asked_where_an_option_says_that_nobody_is_notified(
    session, client, shelf, set_option, count_statements, key, value
):
    (order,) = shelf.waiting()
    shelf.supply()
    address = f"{SALES}{order.id}/"
    assert notes(client, address) == [("Allocate Order", sentence(1))]
    set_option(key, value)
    notes(client, address)
    with count_statements() as sent:
        assert notes(client, address) == []
    assert not [text for text in sent if "backorder_email_status_template" in text]


def test_the_pages_take_as_many_statements_for_many_lines_as_for_one(session, client, shelf, count_statements):
    def ask(number):
        products = [make_product(session) for _ in range(number)]
        for product in products:
            make_order(session, [(product, 1)])
        lines = [{"product": product, "expected_on": ARRIVAL, "status": shelf.status} for product in products]
        purchases = [make_purchase_order(session, lines, state=state) for state in ("ordered", "ordered", "draft")]
        draft = make_draft(session, [(product, 1) for product in products])
        session.commit()
        counts = []
        for address in (f"{SALES}{draft.id}/", *(f"{PURCHASES}{purchase.id}/" for purchase in purchases)):
            assert notes(client, address)
            with count_statements() as sent:
                notes(client, address)
            counts.append(len(sent))
        return counts

    few = ask(1)
    assert ask(8) == few
    assert max(few) <= 30


def test_two_who_confirm_at_once_after_both_read_the_note_notify_one_customer(app, session, client, shelf):
    shelf.supply(2)
    drafts = [make_draft(session, [(shelf.product, 2)]).id for _ in range(2)]
    assert all(notes(client, f"{SALES}{id_}/") == [("Confirm", sentence(1))] for id_ in drafts)
    before = len(news(session))
    session.rollback()
    numbers = together(app, *(lambda session, id_=id_: confirm(session, id_).number for id_ in drafts))
    assert all(isinstance(number, str) for number in numbers), numbers
    assert written(session, before) == sentence(1)


def test_a_note_waits_for_nobody_who_has_locked_the_product(session, client, shelf):
    order_id = make_draft(session, [(shelf.product, 2)]).id
    shelf.supply()
    address = f"{SALES}{order_id}/"
    lock_rows(session, Product, [shelf.product.id])
    assert notes(client, address) == [("Confirm", sentence(1))]
    session.rollback()
