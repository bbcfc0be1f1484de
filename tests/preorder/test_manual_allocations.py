"""Allocating purchase order lines to sales order lines by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp.exchange import export_csv
from modules.inventory_lots.errors import BadQuantity
from modules.preorder import queries, services
from modules.preorder.errors import (
    NotEnoughIncoming,
    NotWaiting,
    ProductsDiffer,
)
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.models import PurchaseOrder
from modules.sales import services as sales
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.states import AllocationSource
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_many, allocate_purchase, broken, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def test_allocating_by_hand_goes_ahead_of_the_queue_and_clears_a_hold(session: Session) -> None:
    product = make_product(session)
    first, second = make_order(session, [(product, 6)]), make_order(session, [(product, 6)])
    sales.hold_lines(session, [second.lines[0].id], True)
    purchase = make_purchase_order(session, [(product, 6, DECEMBER)])
    allocate_purchase(session, second.lines[0], purchase.lines[0], 6)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 6]
    assert not second.lines[0].hold_allocation
    assert purchase_allocations_of(session, second.lines[0])[0].source is AllocationSource.manual


def test_allocating_by_hand_first_makes_or_grows_the_backorder_to_the_uncovered_need(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session)
    make_stock(session, product, 2)
    order = make_order(session, [(product, 6)])
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    assert session.scalar(select(Backorder)) is None
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    assert session.scalars(select(Backorder.open_quantity)).all() == [6]
    assert order.lines[0].allocated == 0


def test_more_for_the_same_pair_and_source_is_added_to_its_open_allocation_and_is_no_news(
    session: Session, partial: None, heard: list[Any]
) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 4, DECEMBER)])
    order = make_order(session, [(product, 10)])
    (before,) = purchase_allocations_of(session, order.lines[0])
    assert (before.quantity, before.source) == (4, AllocationSource.automatic)
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(7))
    session.commit()
    (grown,) = purchase_allocations_of(session, order.lines[0])
    assert (grown.id, grown.quantity, grown.source) == (before.id, 7, AllocationSource.automatic)
    made = len([fact for fact in heard if isinstance(fact, PurchaseAllocated)])
    assert made == 1  # more of the same is no news
    purchase.lines[0].quantity = Decimal(9)
    session.commit()
    allocate_purchase(session, order.lines[0], purchase.lines[0], 2)
    kept, by_hand = purchase_allocations_of(session, order.lines[0])
    assert (kept.id, kept.quantity, kept.source) == (before.id, 7, AllocationSource.automatic)
    assert (by_hand.quantity, by_hand.source) == (2, AllocationSource.manual)
    assert len([fact for fact in heard if isinstance(fact, PurchaseAllocated)]) == 1
    heard.clear()
    services.remove_purchase_allocations(session, [before.id], hold=False)
    assert heard == []  # the line still has something of the purchase order line
    services.remove_purchase_allocations(session, [by_hand.id], hold=False)
    assert heard == [PurchaseAllocationRemoved(((order.lines[0].id, purchase.lines[0].id),))]


def test_exports_and_notes_show_the_sum_of_a_pair_of_any_source(
    session: Session, pair: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = pair
    assert len(purchase_allocations_of(session, order.lines[0])) == 2
    line, bought = order.lines[0].id, purchase.lines[0].id
    exported = "".join(export_csv(session, "allocations")).splitlines()[1:]
    assert exported == ["SO-1,1,P-1,purchase,,,PO-1,1,6,0,"]
    (note,) = queries.purchase_allocation_notes(session, [line])[line]
    assert (note.supply, note.quantity) == ("Purchase order PO-1/1", 6)
    assert [(each.document, each.quantity) for each in queries.allocations_of_lines(session, [bought])] == [("SO-1", 6)]
    coverage = queries.line_coverage(session, OrderLine.id == line)[line]
    assert [(part.quantity, part.day) for part in coverage.parts] == [(6, DECEMBER), (4, None)]
    assert broken(session) == []


def test_an_allocation_made_after_the_old_one_ended_is_a_new_row_and_new_news(
    session: Session, heard: list[Any]
) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    first = purchase_allocations_of(session, order.lines[0])[0].id
    services.remove_purchase_allocations(session, [first], hold=False)
    session.commit()
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    second = purchase_allocations_of(session, order.lines[0])[0].id
    assert second > first
    made = [fact.purchase_allocation_ids for fact in heard if isinstance(fact, PurchaseAllocated)]
    assert made == [(first,), (second,)]


def test_at_most_one_open_allocation_of_a_pair_and_source_can_be_stored(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 4)
    (row,) = purchase_allocations_of(session, order.lines[0])
    twin = {"line_id": row.line_id, "purchase_line_id": row.purchase_line_id, "run_id": row.run_id}
    session.add(PurchaseAllocation(**twin, quantity=Decimal(1), source=AllocationSource.manual))
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_more_than_is_on_its_way_is_refused(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 4, DECEMBER)])
    with pytest.raises(NotEnoughIncoming) as refused:
        allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    assert refused.value.facts["available"] == 4
    session.rollback()
    assert outstanding(session, order.lines[0]) == [0]


def test_more_than_a_line_waits_for_is_refused(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 3)])
    purchase = make_purchase_order(session, [(product, 9, DECEMBER), (product, 9, DECEMBER)])
    line = order.lines[0]
    with pytest.raises(NotWaiting) as refused:
        allocate_many(session, {(line, purchase.lines[0]): 2, (line, purchase.lines[1]): 2})
    assert refused.value.facts["waiting"] == 3


def test_lines_of_different_products_and_parts_of_a_piece_are_refused(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 3)])
    other = make_purchase_order(session)
    with pytest.raises(ProductsDiffer):
        allocate_purchase(session, order.lines[0], other.lines[0], 1)
    session.rollback()
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    with pytest.raises(BadQuantity):
        allocate_purchase(session, order.lines[0], purchase.lines[0], "0.5")


def test_allocating_by_hand_takes_as_many_statements_for_many_pairs_as_for_one(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def allocate_all(size: int) -> int:
        product = make_product(session)
        (purchase,) = make_purchase_order(session, [(product, size, DECEMBER)]).lines
        orders = [make_order(session, [(product, 1)]) for _ in range(size)]
        amounts = {(order.lines[0].id, purchase.id): Decimal(1) for order in orders}
        session.commit()
        with count_statements() as sent:
            services.allocate_by_hand(session, amounts)
            session.commit()
        return len(sent)

    allocate_all(1)
    assert allocate_all(40) <= allocate_all(1)


def test_the_promise_follows_what_is_moved_by_hand_where_dates_are_synced(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.sync_dates", "auto")
    product = make_product(session)
    moved, pinned = (make_order(session, [(product, 3)]).lines[0] for _ in range(2))
    (early, late) = make_purchase_order(session, [(product, 9, DECEMBER), (product, 9, JANUARY)]).lines
    for line in (moved, pinned):
        allocate_purchase(session, line, late, 3)
    pinned.is_promise_pinned = True
    session.flush()
    for line in (moved, pinned):
        services.remove_purchase_allocations(session, [purchase_allocations_of(session, line)[0].id], hold=False)
        assert line.promise_date == JANUARY, "a line that nothing covers keeps its promise"
        allocate_purchase(session, line, early, 3)
    assert (moved.promise_date, pinned.promise_date) == (DECEMBER, JANUARY)
