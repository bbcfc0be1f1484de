"""What the pages of receipts say: for whom received goods are, and who loses goods that go back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder
from modules.sales.models import Order
from tests.preorder.conftest import Clerk
from tests.support.inventory_lots import make_location, make_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import load, make_purchase_order
from tests.support.sales import make_customer, make_order

Waiting = tuple[Order, PurchaseOrder]


@pytest.fixture
def waiting(session: Session, product: Product) -> Waiting:
    """An order for fourteen of the fifteen that a purchase order brings."""
    order = make_order(session, [(product, 14)], customer=make_customer(session, name="Acme"))
    purchase = make_purchase_order(session, [(product, 15, date(2026, 12, 1))], number="PO-1")
    allocate_purchase(session, order.lines[0], purchase.lines[0], 14)
    make_location(session)
    session.commit()
    return order, purchase


def test_the_answer_to_a_receipt_says_for_whom_its_goods_are(clerk: Clerk, waiting: Waiting) -> None:
    order, purchase = waiting
    fields = {"line_id": purchase.lines[0].id, "quantity": "15", "location": "WH/STOCK", "lot": "R1"}
    shown = clerk.press(
        f"/procurement/purchase-orders/{purchase.id}/receive/",
        **{f"lines-0-{name}": value for name, value in fields.items()},
    )
    assert shown.rows("destinations") == [[order.number, "Acme", "P-1", "14"], ["Free stock", "", "P-1", "1"]]


def test_so_does_the_answer_to_an_import(session: Session, waiting: Waiting) -> None:
    order, _ = waiting
    summary = load(session, "receipts", "number,line,quantity,location,lot", "PO-1,1,15,WH/STOCK,R1")
    assert summary == f"1 receipt: 1 lot created. 14 of P-1 for {order.number} (Acme), 1 of P-1 to free stock."


def test_a_date_that_is_not_the_lots_is_marked_at_its_field_and_nothing_is_received(
    session: Session, clerk: Clerk, waiting: Waiting, product: Product
) -> None:
    _, purchase = waiting
    make_stock(session, product, 1, lot="R1", expires_on=date(2027, 6, 1))
    fields = {"line_id": purchase.lines[0].id, "quantity": "15", "location": "WH/STOCK", "lot": "R1"}
    fields |= {"expires_on": "2027-07-01"}
    shown = clerk.press(
        f"/procurement/purchase-orders/{purchase.id}/receive/",
        **{f"lines-0-{name}": value for name, value in fields.items()},
    )
    assert shown.status == 409
    assert 'invalid-feedback d-block">Lot R1 of P-1 expires on 2027-06-01' in shown.html
    session.expire_all()
    assert purchase.lines[0].received == 0


def test_the_page_of_a_reversal_shows_who_has_the_goods_and_the_answer_who_lost_them(
    session: Session, clerk: Clerk, waiting: Waiting
) -> None:
    order, purchase = waiting
    place = make_location(session)
    session.commit()
    receipt = procurement.receive(session, Delivery(purchase.lines[0].id, Decimal(15), place.id, "R1"))
    session.commit()
    address = f"/procurement/receipts/{receipt}/reverse/"
    assert clerk.open(address).rows("holders") == [[order.number, "Acme", "14"]]
    assert clerk.press(address, quantity="15", why="").status == 422
    shown = clerk.press(address, quantity="15", why="the wrong pallet")
    assert shown.rows("losses") == [[order.number, "Acme", "14", "14"]]
    assert shown.rows("reversals")[0][:2] == ["15", "the wrong pallet"]
    assert clerk.press(address, quantity="1", why="again").status == 409


def test_only_who_may_reverse_receipts_is_offered_it(
    session: Session, clerk_as: Callable[[str], Clerk], waiting: Waiting
) -> None:
    _, purchase = waiting
    place = make_location(session)
    session.commit()
    receipt = procurement.receive(session, Delivery(purchase.lines[0].id, Decimal(15), place.id, "R1"))
    session.commit()
    address = f"/procurement/receipts/{receipt}/reverse/"
    assert clerk_as("Merchandiser").open(address).status == 200
    other = clerk_as("Warehouse clerk")
    assert other.open(address).status == 403
    assert address not in other.open(f"/procurement/purchase-orders/{purchase.id}/").html
