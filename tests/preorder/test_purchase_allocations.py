"""Allocating purchase order lines to sales order lines automatically, in order of service."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.states import Tracking
from modules.preorder import queries
from modules.preorder.errors import (
    BackordersOff,
    NotWaiting,
    SupplyOverdue,
)
from modules.preorder.events import PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.events import LineStatusChanged
from modules.procurement.states import PurchaseState
from modules.sales import services as sales
from modules.sales.models import OrderLine
from modules.sales.states import AllocationSource
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_purchase, broken, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import allocate, make_draft, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


# Automatic allocation


def test_with_the_option_off_nothing_is_allocated_automatically(session: Session) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 20, DECEMBER)])
    order = make_order(session, [(product, 5)])
    allocate(session, product)
    assert purchase_allocations_of(session, order.lines[0]) == []


def test_with_the_option_on_confirming_allocates_what_stock_does_not_cover(session: Session, auto: None) -> None:
    product = make_product(session)
    make_stock(session, product, 2)
    purchase = make_purchase_order(session, [(product, 20, DECEMBER)])
    order = make_order(session, [(product, 5)])
    (made,) = purchase_allocations_of(session, order.lines[0])
    assert (made.quantity, made.source, made.purchase_line_id) == (3, AllocationSource.automatic, purchase.lines[0].id)
    assert purchase.lines[0].allocated == 3
    assert broken(session) == []


def test_the_first_order_gets_what_comes_first(session: Session, auto: None) -> None:
    product = make_product(session)
    first, second = (make_order(session, [(product, 6)]) for _ in range(2))
    late = make_purchase_order(session, [(product, 10, JANUARY)])
    early = make_purchase_order(session, [(product, 8, DECEMBER)])
    undated = make_purchase_order(session, [(product, 10)])
    allocate(session, product)
    assert [(row.purchase_line_id, row.quantity) for row in purchase_allocations_of(session, first.lines[0])] == [
        (early.lines[0].id, 6)
    ]
    assert [(row.purchase_line_id, row.quantity) for row in purchase_allocations_of(session, second.lines[0])] == [
        (early.lines[0].id, 2),
        (late.lines[0].id, 4),
    ]
    assert undated.lines[0].allocated == 0


def test_priority_goes_before_the_date_of_the_order(session: Session, partial: None) -> None:
    product = make_product(session)
    plain = make_order(session, [(product, 6)])
    urgent = make_order(session, [(product, 6)], priority=5)
    make_purchase_order(session, [(product, 8, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, urgent.lines[0], plain.lines[0]) == [6, 2]


@pytest.mark.option("preorder.insufficient_supply", "skip")
def test_skip_leaves_out_a_backorder_that_cannot_be_covered_whole_and_serves_the_next(
    session: Session, auto: None
) -> None:
    product = make_product(session)
    big, small = make_order(session, [(product, 12)]), make_order(session, [(product, 4)])
    make_purchase_order(session, [(product, 6, DECEMBER)])
    make_purchase_order(session, [(product, 4, JANUARY)])
    allocate(session, product)
    assert outstanding(session, big.lines[0], small.lines[0]) == [0, 4]
    assert session.scalars(select(OrderLine.id).where(queries.is_unallocated())).all() == [big.lines[0].id]


def test_skip_allocates_several_purchase_lines_that_cover_a_backorder_together(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 9)])
    make_purchase_order(session, [(product, 6, DECEMBER), (product, 4, JANUARY)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [9]


def test_skip_counts_the_remainder_that_is_not_allocated_yet(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 7)
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(9))
    session.commit()
    assert outstanding(session, order.lines[0]) == [7]
    make_purchase_order(session, [(product, 1, JANUARY)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [10]


@pytest.mark.option("preorder.insufficient_supply", "partial")
def test_partial_allocates_what_there_is(session: Session, partial: None) -> None:
    product = make_product(session)
    big, small = make_order(session, [(product, 12)]), make_order(session, [(product, 4)])
    make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, big.lines[0], small.lines[0]) == [10, 0]


def test_a_run_again_at_once_changes_nothing(session: Session, partial: None, heard: list[Any]) -> None:
    product = make_product(session)
    make_stock(session, product, 3)
    for quantity in (2, 5, 8):
        make_order(session, [(product, quantity)])
    make_purchase_order(session, [(product, 9, DECEMBER)])
    allocate(session, product)
    before = session.execute(
        select(PurchaseAllocation.id, PurchaseAllocation.quantity, PurchaseAllocation.received)
    ).all()
    heard.clear()
    allocate(session, product)
    assert (
        session.execute(select(PurchaseAllocation.id, PurchaseAllocation.quantity, PurchaseAllocation.received)).all()
        == before
    )
    assert heard == []


def test_drafts_on_either_side_are_neither_demand_nor_supply(session: Session, auto: None) -> None:
    product = make_product(session)
    draft = make_draft(session, [(product, 4)])
    order = make_order(session, [(product, 4)])
    make_purchase_order(session, [(product, 10, DECEMBER)], state=PurchaseState.draft)
    allocate(session, product)
    assert outstanding(session, draft.lines[0], order.lines[0]) == [0, 0]


def test_ordering_a_purchase_order_allocates_it_to_the_queue_at_once(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)], state=PurchaseState.draft)
    procurement.place_order(session, purchase.id)
    session.commit()
    assert outstanding(session, order.lines[0]) == [4]


def test_a_held_line_is_left_out_of_runs_and_allocate_order_lets_it_in_again(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    sales.hold_lines(session, [order.lines[0].id], True)
    make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    sales.allocate_order(session, order.id)
    session.commit()
    assert outstanding(session, order.lines[0]) == [4]
    assert not order.lines[0].hold_allocation


def test_purchase_lines_of_serial_products_are_never_allocated(session: Session, auto: None) -> None:
    product = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(product, 2)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(NotWaiting):
        allocate_purchase(session, order.lines[0], purchase.lines[0], 1)


def test_without_backorders_nothing_is_allocated_not_even_by_hand(
    session: Session, auto: None, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.backorders", "no")
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(BackordersOff):
        allocate_purchase(session, order.lines[0], purchase.lines[0], 1)


def test_supply_that_is_overdue_for_too_long_is_not_allocated_not_even_by_hand(
    session: Session, auto: None, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "10")
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    stale = make_purchase_order(session, [(product, 10, date(2026, 11, 12))])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(SupplyOverdue):
        allocate_purchase(session, order.lines[0], stale.lines[0], 1)
    session.rollback()
    make_purchase_order(session, [(product, 10, date(2026, 11, 13))])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [4]


# The default status


@pytest.mark.option("preorder.default_line_status", "Allocated")
def test_the_first_allocation_gives_a_line_without_a_status_the_default_one_before_the_news(
    session: Session, auto: None, heard: list[Any], set_option: Callable[[str, str], None]
) -> None:
    allocated_status, other = make_status(session, name="Allocated"), make_status(session, name="Other")
    set_option("preorder.default_line_status", "Allocated")
    product = make_product(session)
    bare = make_purchase_order(session, [(product, 2, DECEMBER)])
    marked = make_purchase_order(session, [{"product": product, "quantity": 5, "status": other}])
    make_order(session, [(product, 7)])
    assert (bare.lines[0].status, marked.lines[0].status) == (allocated_status, other)
    kinds = [type(fact) for fact in heard if isinstance(fact, LineStatusChanged | PurchaseAllocated)]
    assert kinds == [LineStatusChanged, PurchaseAllocated]
    (status,) = [fact for fact in heard if isinstance(fact, LineStatusChanged)]
    assert status.is_default
    assert [change.line_id for change in status.changes] == [bare.lines[0].id]


@pytest.mark.option("preorder.default_line_status", "")
def test_without_a_default_status_a_line_without_one_stays_without(session: Session, auto: None) -> None:
    product = make_product(session)
    bare = make_purchase_order(session, [(product, 7, DECEMBER)])
    order = make_order(session, [(product, 7)])
    assert outstanding(session, order.lines[0]) == [7]
    assert bare.lines[0].status is None


# Speed


def test_a_run_of_many_orders_takes_as_many_statements_as_one_of_one(
    session: Session, partial: None, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def run(size: int) -> int:
        product = make_product(session)
        orders = [make_order(session, [(product, 2)]) for _ in range(size)]
        make_purchase_order(session, [(product, 3, DECEMBER)] * size)
        session.commit()
        with count_statements() as sent:
            allocate(session, product)
        assert sum(outstanding(session, *(order.lines[0] for order in orders))) == 2 * size
        return len(sent)

    run(1)
    assert run(60) <= run(1)
