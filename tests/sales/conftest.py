"""A browser for the screens of sales, and the orders that its tests begin with."""

from __future__ import annotations

import html
import re
from datetime import date

import pytest

from tests.core.conftest import command as command
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


class Page:
    """What a browser shows of an answer."""

    def __init__(self, response):
        self.status = response.status_code
        self.html = response.get_data(as_text=True)

    @property
    def text(self):
        """Everything a user reads, with single blanks."""
        body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", self.html, flags=re.S)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())

    def rows(self, name):
        """The rows of the table with that id, each a list of its cells' texts."""
        table = re.search(rf'<table[^>]*id="{name}".*?</table>', self.html, flags=re.S)
        body = re.search(r"<tbody>(.*?)</tbody>", table[0], flags=re.S)[1] if table else ""
        return [
            [_plain(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, flags=re.S)]
            for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body, flags=re.S)
        ]

    @property
    def buttons(self):
        """The labels of the document's buttons."""
        head = self.html.partition('class="erp-head"')[2].partition('class="card')[0]
        found = re.findall(r"<(?:button|a)[^>]*>(.*?)</(?:button|a)>", head, flags=re.S)
        return [label for label in map(_plain, found) if label not in ("", "More")]


def _plain(piece):
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", piece)).split())


class Desk:
    """A clerk's browser at the screens of sales."""

    def __init__(self, client):
        self.client = client

    def open(self, url, **query):
        """Read a page."""
        return self._follow(self.client.get(url, query_string=query or None))

    def press(self, url, **fields):
        """Press a button, with what was typed; the page that follows is the answer."""
        return self._follow(self.client.post(url, data=fields))

    def _follow(self, response):
        while response.status_code in (302, 303):
            response = self.client.get(response.location)
        return Page(response)

    def order(self, order, name="", **fields):
        """Open an order's page, or press one of its buttons."""
        url = f"/sales/orders/{order.id}/"
        return self.press(f"{url}{name}/", **fields) if name else self.open(url)

    def line(self, line, name, **fields):
        """Press a button of an order line; without fields, open its page."""
        url = f"/sales/orders/{line.order_id}/lines/{line.id}/{name}/"
        return self.press(url, **fields) if fields else self.open(url)


@pytest.fixture
def desk(client):
    """The desk of a user who may do everything."""
    return Desk(client)


@pytest.fixture
def desk_of(sign_in):
    """Return a function that gives the desk of a user with that role."""
    return lambda role: Desk(sign_in(role))


@pytest.fixture
def by_hand(set_option):
    """Allocate nothing before a clerk asks for it."""
    set_option("sales.allocate_on_confirm", "no")


@pytest.fixture
def screws(session):
    """The two screws of the story: 25 in two lots at two locations, and 22."""
    brass = make_product(session, sku="BRASS", name="Brass Screw")
    tapping = make_product(session, sku="TAP", name="Self-Tapping Screw")
    make_stock(session, brass, 15, lot="B1", received_on=date(2026, 10, 1))
    make_stock(session, brass, 10, lot="B2", location="WH/RACK", received_on=date(2026, 10, 2))
    make_stock(session, tapping, 22, lot="T1")
    return brass, tapping


@pytest.fixture
def order(session, screws):
    """25 of each, confirmed."""
    return make_order(session, [(product, 25) for product in screws])
