"""Whatever was received and packed of a book of orders, reversing every pack and receipt of it restores the book."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Balance
from modules.inventory_lots.states import LocationKind
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries import line_coverage
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine, PackLine
from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase, broken
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

EXAMPLES = int(os.environ.get("ERP_TEST_EXAMPLES", "4"))
FIRST_DAY = date(2026, 12, 1)


def make_book(session: Session, draw: Random) -> list[PurchaseOrderLine]:
    """Make sales orders that wait for purchase orders, allocated in part; return the purchase order lines."""
    products = [make_product(session) for _ in range(2)]
    lines = [
        line
        for day in range(3)
        for line in make_purchase_order(
            session, [(product, draw.randint(3, 12), FIRST_DAY + timedelta(day)) for product in products]
        ).lines
    ]
    for _ in range(6):
        order = make_order(session, [(product, draw.randint(1, 6)) for product in products])
        for sold in order.lines:
            bought = draw.choice([line for line in lines if line.product_id == sold.product_id])
            quantity = min(sold.open_quantity, bought.unallocated)
            if quantity > 0:
                allocate_purchase(session, sold, bought, draw.randint(1, int(quantity)))
    return lines


def receive_some(session: Session, lines: list[PurchaseOrderLine], draw: Random) -> list[int]:
    """Receive quantities of some of the lines in many receipts, a few into quarantine; return the receipts."""
    shelf, quarantine = make_location(session), make_location(session, "WH/QA", kind=LocationKind.quarantine)
    session.commit()
    receipts = []
    for number in range(10):
        line = draw.choice(lines)
        # Quarantined goods convert nothing, and what no longer fits is released for good: never beyond what is free.
        place = quarantine if draw.random() < 0.2 and line.unallocated >= 1 else shelf
        most = line.unallocated if place is quarantine else line.outstanding
        if most >= 1:
            quantity = Decimal(draw.randint(1, int(most)))
            delivery = Delivery(line.id, quantity, place.id, f"R{draw.randint(1, 4)}-{line.product_id}-{number % 2}")
            receipts.append(procurement.receive(session, delivery))
            session.commit()
    return receipts


def pack_some(session: Session, draw: Random) -> list[int]:
    """Pack what some of the orders have allocated; return the packs."""
    waiting = select(OrderLine.order_id).where(OrderLine.allocated > 0).distinct()
    orders = sorted(session.scalars(waiting))
    packs = [
        pack.id
        for order_id in draw.sample(orders, draw.randint(0, len(orders)))
        for pack in sales.pack_order(session, order_id)
    ]
    session.commit()
    return packs


def coverage(session: Session) -> dict[int, Any]:
    """Return the parts of each open line with their dates, and when it is expected."""
    found = line_coverage(session)
    return {id_: (each.expected, sorted(map(str, each.parts)), each.promised) for id_, each in found.items()}


def snapshot(session: Session) -> list[Any]:
    session.expire_all()
    backorders = session.scalars(select(Backorder).order_by(Backorder.id))
    purchases = session.scalars(select(PurchaseOrder).order_by(PurchaseOrder.id))
    rows = session.scalars(select(PurchaseAllocation).order_by(PurchaseAllocation.id))
    orders = session.scalars(select(Order).order_by(Order.id))
    return [
        [balance.id for balance in session.scalars(select(Balance)) if balance.on_hand or balance.allocated],
        [(order.state, [(line.received, line.allocated) for line in order.lines]) for order in purchases],
        [(row.id, row.quantity, row.received, row.source, row.ended_at) for row in rows],
        [(row.id, row.state, row.kind, row.open_quantity, row.counts_from, row.closed_at) for row in backorders],
        [(order.state, [(line.open_quantity, line.allocated) for line in order.lines]) for order in orders],
        session.scalars(select(Allocation.id)).all(),
        coverage(session),
    ]


@pytest.mark.parametrize("seed", range(3))
def test_reversing_all_receipts_of_a_book_in_any_order_and_in_parts_restores_it(
    session: Session, set_option: Callable[[str, str], None], seed: int
) -> None:
    set_option("sales.allocate_on_arrival", "no")
    draw = Random(seed)
    lines = make_book(session, draw)
    before = snapshot(session)
    receipts = receive_some(session, lines, draw)
    assert receipts, "the draw received something"
    draw.shuffle(receipts)
    reverse_receipts(session, receipts, draw)
    assert snapshot(session) == before


@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_reversing_all_packs_and_receipts_that_were_mixed_restores_a_book_and_its_coverage(
    session: Session, set_option: Callable[[str, str], None], seed: int
) -> None:
    set_option("sales.allocate_on_arrival", "no")
    draw = Random(seed)
    lines = make_book(session, draw)
    before = snapshot(session)
    done: list[tuple[str, int]] = []
    for _ in range(4):
        done += [("receipt", id_) for id_ in receive_some(session, lines, draw)]
        done += [("pack", id_) for id_ in pack_some(session, draw)]
    assert {kind for kind, _ in done} == {"receipt", "pack"}, "the draw received and packed something"
    # Goods that are packed cannot go back to the supplier: everything backwards, or all packs first in any order.
    done.reverse()
    if draw.random() < 0.5:
        draw.shuffle(done)
        done.sort(key=lambda each: each[0])
    for kind, id_ in done:
        if kind == "receipt":
            reverse_receipts(session, [id_], draw)
            continue
        reverse_a_pack(session, id_, draw)
    assert snapshot(session) == before


def reverse_a_pack(session: Session, pack_id: int, draw: Random) -> None:
    """Reverse a pack as a whole, or line by line."""
    lines = list(session.scalars(select(PackLine.id).where(PackLine.pack_id == pack_id)))
    for part in [[each] for each in lines] if draw.random() < 0.3 else [lines]:
        sales.reverse_pack(session, pack_id, part, why="came back")
        session.commit()
        assert broken(session) == []


def reverse_receipts(session: Session, receipts: list[int], draw: Random) -> None:
    """Reverse receipts one after the other, some of them in parts."""
    for receipt in receipts:
        if draw.random() < 0.3:
            procurement.reverse_receipt(session, receipt, Decimal(1), why="a part of it")
        if session.get_one(Receipt, receipt).reversible:
            procurement.reverse_receipt(session, receipt, why="all of it")
        session.commit()
        assert broken(session) == []
