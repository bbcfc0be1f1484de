"""What the tests of preorder share: recorded events, and a clerk with a browser."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from erp.registry import Owned
from modules.inventory_lots.models import Product
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.procurement.events import LineStatusChanged
from modules.procurement.models import PurchaseOrder
from modules.sales.events import PromiseDateChanged
from modules.sales.models import Order
from tests.support.inventory_lots import make_product
from tests.support.preorder import allocate_purchase, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

FACTS = (PurchaseAllocated, PurchaseAllocationRemoved, LineStatusChanged, PromiseDateChanged)


@pytest.fixture
def heard(app: Flask) -> Iterator[list[Any]]:
    """Every event about purchase allocations, statuses and promises, in the order in which it was published."""
    registry, notes = app.extensions["erp"], []
    ears = {fact: Owned("preorder", lambda session, heard_fact: notes.append(heard_fact)) for fact in FACTS}
    for fact, ear in ears.items():
        registry.subscribers[fact].append(ear)
    yield notes
    for fact, ear in ears.items():
        registry.subscribers[fact].remove(ear)


@pytest.fixture
def product(session: Session) -> Product:
    """A pump."""
    return make_product(session, sku="P-1", name="Pump")


@pytest.fixture
def auto(set_option: Any) -> None:
    """Automatic allocation is on."""
    set_option("preorder.auto_allocate", "yes")


@pytest.fixture
def partial(set_option: Any, auto: None) -> None:
    """Automatic allocation is on and allocates what there is."""
    set_option("preorder.insufficient_supply", "partial")


@pytest.fixture
def pair(session: Session, partial: None) -> tuple[Order, PurchaseOrder]:
    """A sales order for ten, to which a run allocated four and a clerk two of the same purchase order line."""
    product = make_product(session, sku="P-1")
    purchase = make_purchase_order(session, [(product, 4, date(2026, 12, 1))], number="PO-1")
    order = make_order(session, [(product, 10)], number="SO-1")
    purchase.lines[0].quantity = Decimal(6)
    session.commit()
    allocate_purchase(session, order.lines[0], purchase.lines[0], 2)
    assert [row.quantity for row in purchase_allocations_of(session, order.lines[0])] == [4, 2]
    return order, purchase


class Shown:
    """What a browser shows of an answer."""

    def __init__(self, response: Any) -> None:
        self.status: int = response.status_code
        self.html: str = response.get_data(as_text=True)

    @property
    def text(self) -> str:
        """Everything that is readable, with single blanks."""
        body = re.sub(r"<(script|style|template)\b.*?</\1>", " ", self.html, flags=re.S)
        return _plain(body)

    def rows(self, name: str) -> list[list[str]]:
        """The rows of the table with that id; of the only list or choosing table where `name` is empty."""
        return self._rows(rf'[^>]*id="{name}"' if name else "")

    def listed(self) -> list[list[str]]:
        """The rows of the screen's own list, where other tables stand above it."""
        return self._rows('[^>]*class="table model-list"')

    def _rows(self, attribute: str) -> list[list[str]]:
        table = re.search(rf"<table{attribute}[^>]*>.*?</table>", self.html, flags=re.S)
        body = re.search(r"<tbody>(.*?)</tbody>", table[0], flags=re.S) if table else None
        # The boxes of a list that are ticked say nothing.
        cells = (
            r'<td(?! class="tick")[^>]*>(.*?)</td>' if table and "model-list" in table[0] else r"<td[^>]*>(.*?)</td>"
        )
        return [
            [_plain(cell) for cell in re.findall(cells, row, flags=re.S)]
            for row in re.findall(r"<tr[^>]*>(.*?)</tr>", body[1] if body else "", flags=re.S)
        ]

    def ticks(self) -> dict[str, str]:
        """The checkboxes of a choosing page by their value: ticked, open, or off where they cannot be ticked."""
        boxes = re.findall(r'<input type="checkbox" class="pick" name="row" value="([^"]*)"([^>]*)>', self.html)
        return {
            value: "off" if "disabled" in more else "ticked" if "checked" in more else "open" for value, more in boxes
        }

    def actions(self, line: int) -> list[str]:
        """The labels of the actions below a document's line."""
        own = rf'<tr id="line-{line}"[^>]*>.*?</tr>\s*<tr class="line-menu">(.*?)</tr>'
        row = re.search(own, self.html, flags=re.S)
        found = re.findall(r'class="dropdown-item[^"]*"[^>]*>(.*?)</(?:a|button)>', row[1] if row else "", flags=re.S)
        return [_plain(label) for label in found]


def _plain(piece: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", piece)).split())


class Clerk:
    """A user with a browser."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def open(self, url: str, **query: str) -> Shown:
        """Read a page."""
        return self._follow(self.client.get(url, query_string=query))

    def press(self, url: str, **fields: Any) -> Shown:
        """Send a form; the page that follows is the answer."""
        return self._follow(self.client.post(url, data=fields))

    def _follow(self, response: Any) -> Shown:
        while response.status_code in (302, 303):
            response = self.client.get(response.location)
        return Shown(response)


@pytest.fixture
def clerk(client: FlaskClient) -> Clerk:
    """A user who may do everything."""
    return Clerk(client)


@pytest.fixture
def clerk_as(sign_in: Callable[[str], FlaskClient]) -> Callable[[str], Clerk]:
    """Return a function that gives a user with that role."""
    return lambda role: Clerk(sign_in(role))
