"""`erp check` finds what does not add up on purchase orders."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder
from modules.procurement.queries import broken_invariants
from modules.procurement.services import close_lines, receive
from tests.support.inventory_lots import make_location, make_product
from tests.support.procurement import make_purchase_order


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    """An order of which four of ten and none of five are received."""
    order = make_purchase_order(session, [{"quantity": 10}, {"quantity": 5}], number="PO-1")
    location = make_location(session)
    session.commit()
    receive(session, Delivery(order.lines[0].id, Decimal(4), location.id, "L1"))
    session.commit()
    return order


def breaches(session: Session) -> list[str]:
    session.expire_all()
    return list(broken_invariants(session))


def test_what_services_did_adds_up(session: Session, order: PurchaseOrder) -> None:
    assert breaches(session) == []
    close_lines(session, [line.id for line in order.lines])
    assert breaches(session) == []


def test_a_counter_that_is_not_the_sum_of_its_receipts_is_found(session: Session, order: PurchaseOrder) -> None:
    session.execute(text("UPDATE procurement_purchase_order_line SET received = 50000 WHERE position = 1"))
    assert breaches(session) == ["PO-1/1: 5 received, but its receipts add up to 4."]


def test_received_goods_without_a_receipt_are_found(session: Session, order: PurchaseOrder) -> None:
    session.execute(text("DELETE FROM procurement_receipt"))
    assert breaches(session) == ["PO-1/1: 4 received, but its receipts add up to 0."]


def test_a_receipt_of_another_product_is_found(session: Session, order: PurchaseOrder) -> None:
    order.lines[0].product = make_product(session)
    session.flush()
    assert [breach[:6] for breach in breaches(session)] == ["PO-1/1"]


@pytest.mark.parametrize("state", ["ordered", "received", "cancelled"])
def test_a_state_that_the_lines_contradict_is_found(session: Session, order: PurchaseOrder, state: str) -> None:
    session.execute(text("UPDATE procurement_purchase_order SET state = :state"), {"state": state})
    assert breaches(session) == [f"PO-1: the order is {state}, but its lines say otherwise."]
