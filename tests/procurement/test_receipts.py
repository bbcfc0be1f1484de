"""Receiving goods of purchase order lines."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.errors import InvalidTransition
from modules.inventory_lots.errors import BadQuantity, LotDatesDiffer, LotNumberMissing
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.models import Lot, StockMove
from modules.inventory_lots.states import MoveKind, Tracking
from modules.procurement.domain import Delivery
from modules.procurement.errors import DeliveriesRefused, OverReceipt
from modules.procurement.events import SupplyChanged
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, Receipt
from modules.procurement.services import receive, receive_many
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_location, make_lot, make_product
from tests.support.procurement import make_purchase_order


@pytest.fixture
def order(session: Session) -> PurchaseOrder:
    """Ten of one product and five of another."""
    order = make_purchase_order(session, lines=[{"quantity": 10}, {"quantity": 5}])
    make_location(session)
    session.commit()
    return order


def receive_into(
    session: Session, order: PurchaseOrder, quantity: int | str, *, line: int = 0, **where: Any
) -> Receipt:
    where = {"location_id": make_location(session).id, "lot_number": "L1"} | where
    receipt_id = receive(session, Delivery(order.lines[line].id, Decimal(quantity), **where))
    session.commit()
    return session.get_one(Receipt, receipt_id)


def test_received_goods_are_on_hand_in_the_lot_and_location_with_a_receipt_move(
    session: Session, order: PurchaseOrder
) -> None:
    receipt = receive_into(session, order, 4, received_on=date(2026, 3, 1), expires_on=date(2027, 3, 1))
    balance = receipt.balance
    assert (balance.on_hand, balance.lot.number, balance.location.path) == (4, "L1", "WH/STOCK")
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2026, 3, 1), date(2027, 3, 1))
    move = session.scalars(select(StockMove).where(StockMove.lot_id == balance.lot_id)).one()
    assert (move.kind, move.quantity, move.document) == (MoveKind.receipt, 4, order.number)


def test_the_same_lot_and_location_is_topped_up(session: Session, order: PurchaseOrder) -> None:
    first = receive_into(session, order, 4)
    second = receive_into(session, order, 3)
    assert first.balance_id == second.balance_id
    assert second.balance.on_hand == 7
    assert order.lines[0].received == 7


def test_a_part_makes_the_order_partly_received_and_the_last_of_all_lines_received(
    session: Session, order: PurchaseOrder
) -> None:
    receive_into(session, order, 4)
    assert order.state == PurchaseState.partly_received
    receive_into(session, order, 6)
    assert order.state == PurchaseState.partly_received
    receive_into(session, order, 5, line=1)
    assert order.state == PurchaseState.received


def test_beyond_outstanding_it_is_refused(session: Session, order: PurchaseOrder) -> None:
    receive_into(session, order, 4)
    with pytest.raises(OverReceipt) as refusal:
        receive_into(session, order, 7)
    assert refusal.value.facts["receivable"] == 6
    session.rollback()
    assert order.lines[0].received == 4


@pytest.mark.option("procurement.over_receipt_percent", "20")
def test_the_over_receipt_limit_is_a_percentage_of_the_ordered_quantity_over_all_receipts(
    session: Session, order: PurchaseOrder, set_option: Callable[[str, str], None]
) -> None:
    set_option("procurement.over_receipt_percent", "20")
    receive_into(session, order, 11)
    assert order.lines[0].outstanding == 0
    with pytest.raises(OverReceipt):
        receive_into(session, order, 2)
    session.rollback()
    receive_into(session, order, 1)
    assert order.lines[0].received == 12


@pytest.mark.option("procurement.over_receipt_percent", "20")
def test_the_tolerance_belongs_to_the_line_even_when_its_order_is_received(
    session: Session, order: PurchaseOrder, set_option: Callable[[str, str], None]
) -> None:
    set_option("procurement.over_receipt_percent", "20")
    receive_into(session, order, 10)
    receive_into(session, order, 5, line=1)
    assert order.state == PurchaseState.received
    receive_into(session, order, 2)
    assert (order.lines[0].received, order.state) == (12, PurchaseState.received)
    with pytest.raises(OverReceipt):
        receive_into(session, order, 1)


@pytest.mark.option("procurement.over_receipt_percent", "20")
def test_what_was_cancelled_of_a_line_does_not_come_by_the_tolerance(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("procurement.over_receipt_percent", "20")
    order = make_purchase_order(session, lines=[{"quantity": 10, "received": 4, "cancelled": 6}], state="received")
    session.commit()
    with pytest.raises(OverReceipt) as refusal:
        receive_into(session, order, 3)
    assert refusal.value.facts["receivable"] == 2


def test_other_dates_than_those_of_a_lot_in_stock_are_refused_and_empty_ones_are_the_lots_own(
    session: Session, order: PurchaseOrder
) -> None:
    first, expiry = date(2026, 3, 1), date(2027, 3, 1)
    lot = receive_into(session, order, 2, received_on=first, expires_on=expiry).balance.lot
    for dates in ({"received_on": date(2026, 3, 2)}, {"expires_on": date(2026, 1, 1)}):
        with pytest.raises(LotDatesDiffer) as refused:
            receive_into(session, order, 1, **dates)
        assert (refused.value.field, refused.value.facts["given"]) == next(iter(dates.items()))
        session.rollback()
    receive_into(session, order, 1)
    receive_into(session, order, 1, received_on=first, expires_on=expiry)
    assert (lot.received_on, lot.expires_on, order.lines[0].received) == (first, expiry, 4)


def test_a_lot_without_stock_is_received_today_or_when_the_receipt_says(session: Session, order: PurchaseOrder) -> None:
    lot = make_lot(session, order.lines[0].product, "L1", received_on=date(2020, 1, 1), expires_on=date(2020, 6, 1))
    receive_into(session, order, 1, expires_on=date(2027, 6, 1))
    assert (lot.received_on, lot.expires_on) == (clock.today(), date(2027, 6, 1))


def test_two_deliveries_that_disagree_about_the_dates_of_a_new_lot_are_refused(
    session: Session, order: PurchaseOrder
) -> None:
    line, location = order.lines[0], make_location(session)
    days = (date(2027, 3, 1), None, date(2027, 4, 1))
    with pytest.raises(DeliveriesRefused) as refused:
        receive_many(session, [Delivery(line.id, Decimal(1), location.id, "L1", None, day) for day in days])
    assert [(index, type(refusal)) for index, refusal in refused.value.refusals.items()] == [(2, LotDatesDiffer)]


@pytest.mark.option("procurement.over_receipt_percent", "0")
def test_without_a_tolerance_a_received_line_takes_nothing_more(session: Session, order: PurchaseOrder) -> None:
    receive_into(session, order, 10)
    with pytest.raises(OverReceipt):
        receive_into(session, order, 1)


def test_a_quantity_that_the_product_cannot_have_is_refused(session: Session, order: PurchaseOrder) -> None:
    with pytest.raises(BadQuantity):
        receive_into(session, order, "0.5")
    session.rollback()
    with pytest.raises(BadQuantity):
        receive_into(session, order, 0)


@pytest.mark.parametrize("state", [PurchaseState.draft, PurchaseState.cancelled])
def test_a_draft_and_a_cancelled_order_take_nothing(session: Session, state: PurchaseState) -> None:
    order = make_purchase_order(session, state=state)
    session.commit()
    with pytest.raises(InvalidTransition):
        receive_into(session, order, 1)


def test_a_product_without_tracking_gets_an_automatic_lot_for_each_receipt(session: Session) -> None:
    order = make_purchase_order(session, lines=[(make_product(session, tracking=Tracking.none), 10)])
    session.commit()
    first = receive_into(session, order, 4, lot_number=None)
    second = receive_into(session, order, 4, lot_number=None)
    assert first.balance.lot_id != second.balance.lot_id


def test_a_lot_product_without_a_lot_number_is_refused(session: Session, order: PurchaseOrder) -> None:
    with pytest.raises(LotNumberMissing):
        receive_into(session, order, 4, lot_number=None)


def test_a_receipt_asks_for_room_first_announces_the_goods_and_offers_remaining_supply_last(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    line = order.lines[0]
    line.allocated = Decimal(1)
    session.commit()
    receipt = receive_into(session, order, 4)
    assert heard == [
        [OutstandingFall(line.id, Decimal(6), receipt.balance_id, Decimal(4), receipt.id)],
        GoodsArrived((line.product_id,)),
        SupplyChanged((line.product_id,), has_arrived=True),
    ]


def test_a_receipt_of_a_line_of_which_nothing_is_allocated_asks_for_no_room(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    product_id = order.lines[0].product_id
    receive_into(session, order, 4)
    assert heard == [GoodsArrived((product_id,), are_free=True), SupplyChanged((product_id,), has_arrived=True)]


def test_the_goods_are_in_stock_but_not_yet_received_on_the_line_when_room_is_asked_for(
    app: Any, session: Session, order: PurchaseOrder
) -> None:
    from erp.registry import Owned
    from modules.procurement.hooks import outstanding_will_fall

    seen = []
    order.lines[0].allocated = Decimal(1)
    session.commit()

    def answer(session: Session, changes: list[OutstandingFall]) -> None:
        session.expire_all()
        on_hand = session.scalars(select(Lot).where(Lot.number == "L1")).one().id is not None
        seen.append((on_hand, order.lines[0].received))

    answers = app.extensions["erp"].hook_answers[outstanding_will_fall]
    answers.append(mine := Owned("procurement", answer))
    try:
        receive_into(session, order, 4)
    finally:
        answers.remove(mine)
    assert seen == [(True, 0)]


def test_many_deliveries_are_received_at_once(session: Session, order: PurchaseOrder, heard: list[Any]) -> None:
    first, second = order.lines
    location, quarantine = make_location(session), make_location(session, "WH/BACK")
    receive_many(
        session,
        [
            Delivery(first.id, Decimal(4), location.id, "L1"),
            Delivery(second.id, Decimal(5), location.id, "L2"),
            Delivery(first.id, Decimal(6), quarantine.id, "L1"),
        ],
    )
    session.commit()
    products = tuple(sorted((first.product_id, second.product_id)))
    assert heard == [GoodsArrived(products, are_free=True), SupplyChanged(products, has_arrived=True)]
    assert order.state == PurchaseState.received


def test_each_delivery_of_a_line_asks_for_what_it_leaves_outstanding(
    session: Session, order: PurchaseOrder, heard: list[Any]
) -> None:
    line, location = order.lines[0], make_location(session)
    line.allocated = Decimal(1)
    session.commit()
    receive_many(session, [Delivery(line.id, Decimal(quantity), location.id, "L1") for quantity in (4, 2)])
    session.commit()
    assert [(fall.line_id, fall.outstanding, fall.landed_quantity) for fall in heard[0]] == [
        (line.id, 6, 4),
        (line.id, 4, 2),
    ]


def test_over_receipt_is_counted_over_all_deliveries_of_a_call(session: Session, order: PurchaseOrder) -> None:
    line, location = order.lines[0], make_location(session)
    deliveries = [Delivery(line.id, Decimal(6), location.id, "L1"), Delivery(line.id, Decimal(5), location.id, "L1")]
    with pytest.raises(DeliveriesRefused) as refused:
        receive_many(session, deliveries)
    assert [(index, type(refusal)) for index, refusal in refused.value.refusals.items()] == [(1, OverReceipt)]


def test_a_receipt_says_who_received_what_and_where(session: Session, order: PurchaseOrder) -> None:
    receive_into(session, order, 4)
    receipt = session.scalars(select(Receipt)).one()
    assert (receipt.line_id, receipt.quantity, receipt.balance.location.path) == (order.lines[0].id, 4, "WH/STOCK")


def test_serial_numbers_are_received_one_by_one(session: Session) -> None:
    order = make_purchase_order(session, lines=[(make_product(session, tracking=Tracking.serial), 2)])
    session.commit()
    receive_into(session, order, 1, lot_number="SN-1")
    receive_into(session, order, 1, lot_number="SN-2")
    assert order.state == PurchaseState.received
