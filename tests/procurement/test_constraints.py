"""What the database itself refuses."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from modules.procurement.models import PurchaseOrder
from tests.support.procurement import make_purchase_order, make_status

LINE = "UPDATE procurement_purchase_order_line SET {} WHERE id = :id"
ORDER = "UPDATE procurement_purchase_order SET {} WHERE id = :id"


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    order = make_purchase_order(session, lines=[{"quantity": 10}])
    session.commit()
    return order


@pytest.mark.parametrize(
    "change",
    [
        "quantity = 0",
        "received = -1",
        "cancelled = -1",
        "cancelled = 100001",
        "allocated = -1",
        "allocated = 100001",
        "allocated = 50000, received = 60000",
        "allocated = 50000, received = 30000, cancelled = 30000",
    ],
)
def test_a_line_cannot_have_quantities_that_do_not_add_up(session: Session, order: PurchaseOrder, change: str) -> None:
    with pytest.raises(IntegrityError):
        session.execute(text(LINE.format(change)), {"id": order.lines[0].id})


def test_an_over_receipt_is_fine_with_nothing_allocated(session: Session, order: PurchaseOrder) -> None:
    session.execute(text(LINE.format("received = 120000")), {"id": order.lines[0].id})


@pytest.mark.parametrize("change", ["number = NULL", "state = 'lost'"])
def test_an_ordered_order_has_a_number_and_a_known_state(session: Session, order: PurchaseOrder, change: str) -> None:
    with pytest.raises(IntegrityError):
        session.execute(text(ORDER.format(change)), {"id": order.id})


def test_two_orders_do_not_have_the_same_number(session: Session, order: PurchaseOrder) -> None:
    other = make_purchase_order(session)
    with pytest.raises(IntegrityError):
        session.execute(text(ORDER.format("number = :number")), {"id": other.id, "number": order.number})


def test_two_lines_do_not_share_a_position(session: Session) -> None:
    order = make_purchase_order(session, lines=[{}, {}])
    with pytest.raises(IntegrityError):
        session.execute(text(LINE.format("position = 1")), {"id": order.lines[1].id})


def test_there_is_one_default_status_at_most(session: Session) -> None:
    make_status(session, is_default=True)
    with pytest.raises(IntegrityError):
        make_status(session, is_default=True)


def test_the_database_refuses_a_cost_below_0(session: Session, order: PurchaseOrder) -> None:
    with pytest.raises(IntegrityError, match="unit_cost_not_negative"):
        session.execute(text("UPDATE procurement_purchase_order_line SET unit_cost = -1"))
