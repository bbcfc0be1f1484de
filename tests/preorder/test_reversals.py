"""Reverse Receipt: what a receipt turned into allocations becomes the same purchase allocations again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import db
from erp.errors import ErpError
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.errors import NotOnHand
from modules.inventory_lots.models import Balance, Product, StockMove
from modules.inventory_lots.states import MoveKind
from modules.preorder.events import PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.errors import NothingToReverse, ReasonMissing, ReversedTooMuch
from modules.procurement.models import PurchaseOrder, Receipt
from modules.procurement.states import PurchaseState
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order
from modules.sales.states import AllocationSource, BackorderState
from tests.procurement.test_concurrency import at_once
from tests.support.disabled_modules import switch_off
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_purchase, broken, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

DECEMBER = date(2026, 12, 1)

Story = tuple[Product, PurchaseOrder, Order, Order]


@pytest.fixture
def story(session: Session) -> Story:
    """Fifteen are ordered: 6 for a first sales order and 8 for a second."""
    product = make_product(session)
    first, second = make_order(session, [(product, 6)]), make_order(session, [(product, 8)])
    purchase = make_purchase_order(session, [(product, 15, DECEMBER)])
    allocate_purchase(session, first.lines[0], purchase.lines[0], 6)
    allocate_purchase(session, second.lines[0], purchase.lines[0], 8)
    return product, purchase, first, second


def receive(session: Session, purchase: PurchaseOrder, quantity: int, lot: str = "R1") -> int:
    location = make_location(session)
    session.commit()
    receipt_id = procurement.receive(session, Delivery(purchase.lines[0].id, Decimal(quantity), location.id, lot))
    session.commit()
    return receipt_id


def reverse(session: Session, receipt_id: int, quantity: int | None = None) -> list[tuple[str, Decimal, Decimal]]:
    """Reverse a receipt; return what each order lost, and how much of that waits for the purchase order again."""
    wanted = None if quantity is None else Decimal(quantity)
    losses = procurement.reverse_receipt(session, receipt_id, wanted, why="the wrong pallet")
    session.commit()
    assert broken(session) == []
    return [(loss.order, loss.quantity, loss.waits) for loss in losses]


def snapshot(session: Session) -> list[Any]:
    """Return on hand, received and states, purchase allocations, backorder rows, and open and allocated quantities."""
    session.expire_all()
    backorders = session.scalars(select(Backorder).order_by(Backorder.id))
    purchases = session.scalars(select(PurchaseOrder).order_by(PurchaseOrder.id))
    rows = session.scalars(select(PurchaseAllocation).order_by(PurchaseAllocation.id))
    orders = session.scalars(select(Order).order_by(Order.id))
    return [
        sum(session.scalars(select(Balance.on_hand))),
        [(order.state, [(line.received, line.allocated) for line in order.lines]) for order in purchases],
        [(row.id, row.quantity, row.received, row.source, row.ended_at) for row in rows],
        [(row.id, row.state, row.kind, row.open_quantity, row.counts_from, row.closed_at) for row in backorders],
        [(order.state, [(line.open_quantity, line.allocated) for line in order.lines]) for order in orders],
    ]


def test_a_reversed_receipt_leaves_everything_as_it_was_before(session: Session, story: Story) -> None:
    _, purchase, first, second = story
    before = snapshot(session)
    receipt = receive(session, purchase, 15)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 8)
    assert reverse(session, receipt) == [(first.number, 6, 6), (second.number, 8, 8)]
    assert snapshot(session) == before
    assert session.scalars(select(Allocation)).all() == []


def test_the_goods_leave_by_a_receipt_reversal_move_and_the_receipt_and_the_history_say_so(
    session: Session, story: Story
) -> None:
    _, purchase, *_ = story
    receipt = session.get_one(Receipt, receive(session, purchase, 15))
    reverse(session, receipt.id, 5)
    move = session.scalars(select(StockMove).order_by(StockMove.id.desc())).first()
    assert move is not None
    assert (move.kind, move.quantity, move.document, move.reason) == (
        MoveKind.receipt_reversal,
        -5,
        purchase.number,
        "the wrong pallet",
    )
    assert [(each.quantity, each.reason) for each in receipt.reversals] == [(5, "the wrong pallet")]
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "reversed")).one()
    assert (entry.old_value, entry.why, entry.line) == ("5 of R1 at WH/STOCK", "the wrong pallet", 1)


def test_unallocated_goods_go_first_then_the_last_in_the_queue_lose_theirs(session: Session, story: Story) -> None:
    _, purchase, first, second = story
    receipt = receive(session, purchase, 15)
    assert reverse(session, receipt, 1) == []
    assert reverse(session, receipt, 3) == [(second.number, 3, 3)]
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 5)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 3]
    assert purchase.state == PurchaseState.partly_received


def test_what_the_receipt_converted_goes_before_other_allocations_of_the_balance(
    session: Session, story: Story, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    product, purchase, first, second = story
    make_stock(session, product, 2, lot="R1")
    latest = make_order(session, [(product, 2)])
    sales.allocate_order(session, latest.id)
    session.commit()
    assert latest.lines[0].allocated == 2
    receipt = receive(session, purchase, 15)
    assert reverse(session, receipt) == [(first.number, 6, 6), (second.number, 8, 8)]
    assert latest.lines[0].allocated == 2


def test_what_others_have_of_the_goods_is_released_without_hold(session: Session) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 5, DECEMBER)])
    order = make_order(session, [(product, 5)])
    receipt = receive(session, purchase, 5)
    assert order.lines[0].allocated == 5
    assert reverse(session, receipt) == [(order.number, 5, 0)]
    assert (order.lines[0].hold_allocation, outstanding(session, order.lines[0])) == (False, [0])


def test_no_unit_is_reversed_twice_and_none_that_has_left(session: Session, story: Story) -> None:
    _, purchase, first, _ = story
    receipt = receive(session, purchase, 15)
    sales.pack_order(session, first.id)
    session.commit()
    for quantity, refusal in ((16, ReversedTooMuch), (10, NotOnHand)):
        with pytest.raises(refusal):
            reverse(session, receipt, quantity)
        session.rollback()
    reverse(session, receipt, 9)
    with pytest.raises(NotOnHand):
        reverse(session, receipt)
    session.rollback()
    other = receive(session, purchase, 2, "R2")
    reverse(session, other)
    with pytest.raises(NothingToReverse):
        reverse(session, other)
    session.rollback()
    with pytest.raises(ReasonMissing):
        procurement.reverse_receipt(session, receipt, Decimal(1), why="")


def test_a_line_without_room_for_all_gives_it_to_the_first_in_the_queue(session: Session, story: Story) -> None:
    _, purchase, first, second = story
    receipt = receive(session, purchase, 14)
    procurement.close_lines(session, [purchase.lines[0].id])
    session.commit()
    make_stock(session, first.lines[0].product, 1, lot="R0")
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(15))
    session.commit()
    assert reverse(session, receipt) == [(first.number, 6, 6), (second.number, 8, 8)]
    assert purchase.lines[0].outstanding == 14


def test_a_quantity_whose_pair_was_allocated_again_since_is_added_to_that(session: Session, story: Story) -> None:
    _, purchase, first, _ = story
    receipt = receive(session, purchase, 6)
    sales.change_quantity(session, first.lines[0].id, Decimal(7))
    session.commit()
    allocate_purchase(session, first.lines[0], purchase.lines[0], 1)
    assert len(purchase_allocations_of(session, first.lines[0], open_only=False)) == 2
    assert reverse(session, receipt) == [(first.number, 6, 6)]
    (row,) = purchase_allocations_of(session, first.lines[0], open_only=False)
    assert (row.quantity, row.received) == (7, 0)
    rows = session.scalars(select(Backorder).where(Backorder.line_id == first.lines[0].id).order_by(Backorder.id)).all()
    assert [(each.state, each.open_quantity) for each in rows if each.open_quantity] == [(BackorderState.open, 7)]


@pytest.mark.option("sales.backorders", "no")
def test_with_backorders_off_everything_is_released(
    session: Session, story: Story, set_option: Callable[[str, str], None]
) -> None:
    _, purchase, first, second = story
    receipt = receive(session, purchase, 15)
    set_option("sales.backorders", "no")
    assert reverse(session, receipt) == [(first.number, 6, 0), (second.number, 8, 0)]
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 0]


def test_with_preorder_disabled_everything_is_released(session: Session, story: Story) -> None:
    _, purchase, first, second = story
    receipt = receive(session, purchase, 15)
    switch_off(("backorder_email", "preorder"))
    current_registry().refresh()
    assert reverse(session, receipt) == [(first.number, 6, 0), (second.number, 8, 0)]
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 0]


def test_what_was_allocated_by_hand_stays_so_and_is_no_news(session: Session, story: Story, heard: list[Any]) -> None:
    _, purchase, first, _ = story
    receipt = receive(session, purchase, 15)
    heard.clear()
    reverse(session, receipt)
    assert {row.source for row in purchase_allocations_of(session, first.lines[0])} == {AllocationSource.manual}
    assert [fact for fact in heard if isinstance(fact, PurchaseAllocated)] == []


def test_of_a_deleted_backorder_nothing_comes_back(session: Session, story: Story) -> None:
    _, purchase, first, _ = story
    receipt = receive(session, purchase, 3)
    row = session.scalars(select(Backorder).where(Backorder.line_id == first.lines[0].id)).one()
    sales.delete_backorder(session, row.id)
    session.commit()
    assert reverse(session, receipt) == [(first.number, 3, 0)]


def test_all_receipts_of_a_book_reversed_last_first_or_first_last_restore_it(session: Session, story: Story) -> None:
    _, purchase, *_ = story
    before = snapshot(session)
    for turn in (1, -1):
        receipts = [receive(session, purchase, quantity, f"R{number}") for number, quantity in enumerate((1, 7, 4, 3))]
        for receipt in receipts[::turn]:
            reverse(session, receipt)
        assert snapshot(session) == before


def test_two_clerks_who_reverse_the_same_receipt_at_once_take_it_back_once(
    app: Flask, session: Session, story: Story
) -> None:
    _, purchase, first, second = story
    receipt = receive(session, purchase, 15)
    session.rollback()

    def reversing(session: Session) -> object:
        return procurement.reverse_receipt(session, receipt, why="the wrong pallet")

    results = at_once(app, reversing, reversing)
    assert sum(isinstance(result, ErpError) for result in results) == 1
    session = db.session()
    assert session.get_one(Receipt, receipt).reversed == 15
    assert outstanding(session, first.lines[0], second.lines[0]) == [6, 8]
    assert broken(session) == []


def test_a_pack_and_a_reversal_at_once_leave_quantities_that_add_up(app: Flask, session: Session, story: Story) -> None:
    _, purchase, first, _ = story
    receipt, order_id = receive(session, purchase, 15), first.id
    session.rollback()
    at_once(
        app,
        lambda session: procurement.reverse_receipt(session, receipt, why="the wrong pallet"),
        lambda session: sales.pack_order(session, order_id),
    )
    session = db.session()
    line = session.get_one(Order, order_id).lines[0]
    assert (line.packed, line.allocated) in {(0, 0), (6, 0)}
    assert broken(session) == []


def test_a_reversal_takes_the_same_statements_however_many_orders_lose(
    session: Session, count_statements: Callable[..., Any]
) -> None:
    counts = []
    for size in (1, 30):
        product = make_product(session)
        purchase = make_purchase_order(session, [(product, size, DECEMBER)])
        for _ in range(size):
            allocate_purchase(session, make_order(session, [(product, 1)]).lines[0], purchase.lines[0], 1)
        receipt = receive(session, purchase, size)
        session.expunge_all()
        with count_statements() as sent:
            procurement.reverse_receipt(session, receipt, why="the wrong pallet")
            session.commit()
        counts.append(len(sent))
    assert counts[1] <= counts[0], counts


def test_what_was_freed_is_served_again_by_the_next_run(session: Session, story: Story) -> None:
    product, purchase, first, second = story
    reverse(session, receive(session, purchase, 15))
    make_stock(session, product, 14)
    allocate(session, product)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 8)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 0]
    assert broken(session) == []
