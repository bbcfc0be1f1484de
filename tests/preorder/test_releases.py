"""Purchase allocations that shrink, are removed, or are released with their supply or with preorder itself."""

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

from erp.db import to_raw
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.services import lock_products
from modules.preorder import services
from modules.preorder.errors import (
    PurchaseAllocationsGone,
    PurchaseAllocationsOutstanding,
)
from modules.preorder.events import PurchaseAllocationRemoved
from modules.procurement import services as procurement
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PurchaseState
from modules.sales import services as sales
from modules.sales.models import Backorder, OrderLine
from modules.sales.states import AllocationSource, OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_many, allocate_purchase, broken, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def history(session: Session, line: OrderLine) -> list[tuple[str, str, str, str]]:
    rows = select(HistoryEntry).where(HistoryEntry.document_id == line.order_id, HistoryEntry.line == line.position)
    return [(row.action, row.field, row.old_value, row.new_value) for row in session.scalars(rows.order_by("id"))]


# Shrinking


@pytest.mark.option("sales.cancel_covered", "no", "yes")
def test_covered_backorders_outlive_the_cancellation_days_unless_they_are_cancelled_too(
    session: Session, set_option: Callable[[str, str], None], at: Callable[[str], None]
) -> None:
    set_option("sales.backorder_cancellation_days", "5")
    product = make_product(session)
    line = make_order(session, [(product, 9)]).lines[0]
    purchase = make_purchase_order(session, [(product, 6, DECEMBER)])
    allocate_purchase(session, line, purchase.lines[0], 6)
    at("2026-12-10T12:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 1
    session.commit()
    assert (line.cancelled, outstanding(session, line)) == (3, [6])
    set_option("sales.cancel_covered", "yes")
    assert sales.cancel_overdue_backorders(session) == 1
    session.commit()
    assert (line.cancelled, outstanding(session, line)) == (9, [0])
    assert broken(session) == []


def test_allocations_shrink_to_the_open_backorder_latest_expected_first_and_those_by_hand_last(
    session: Session,
) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 20)])
    purchase = make_purchase_order(
        session, [(product, 5, DECEMBER), (product, 5, JANUARY), (product, 5), (product, 5, JANUARY)]
    )
    line = order.lines[0]
    early, late, undated, by_hand = purchase.lines
    allocate_many(session, dict.fromkeys([(line, each) for each in purchase.lines], 5))
    automatic = [row for row in purchase_allocations_of(session, line) if row.purchase_line_id != by_hand.id]
    for row in automatic:
        row.source = AllocationSource.automatic
    session.commit()

    def left() -> list[Decimal]:
        found = {row.purchase_line_id: row.outstanding for row in purchase_allocations_of(session, line)}
        return [found.get(each.id, Decimal(0)) for each in (early, late, undated, by_hand)]

    for stock, expected in ((3, [5, 5, 2, 5]), (5, [5, 2, 0, 5]), (8, [0, 0, 0, 4])):
        make_stock(session, product, stock)
        allocate(session, product)
        assert left() == expected
        assert broken(session) == []
    assert next(change for change in history(session, line) if change[1] == "purchase allocation") == (
        "released",
        "purchase allocation",
        f"3 of {purchase.number}/3",
        "",
    )


def test_stock_goes_to_the_first_in_the_queue_even_if_a_purchase_order_covers_it(session: Session, auto: None) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 4, DECEMBER)])
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    assert outstanding(session, first.lines[0], second.lines[0]) == [4, 0]
    make_stock(session, product, 4)
    allocate(session, product)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (4, 0)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 4]


def test_cancelling_an_order_releases_its_allocations_and_allocates_nothing_else_at_once(
    session: Session, auto: None
) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 4, DECEMBER)])
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    sales.cancel_order(session, first.id)
    session.commit()
    assert (purchase.lines[0].allocated, outstanding(session, second.lines[0])) == (0, [0])
    allocate(session, product)
    assert outstanding(session, second.lines[0]) == [4]


def test_lowering_a_line_shrinks_its_purchase_allocations(session: Session, auto: None) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    order = make_order(session, [(product, 8)])
    sales.change_quantity(session, order.lines[0].id, Decimal(3))
    session.commit()
    assert (outstanding(session, order.lines[0]), purchase.lines[0].allocated) == ([3], 3)


# Removing


def test_removing_an_allocation_frees_the_supply_and_holds_the_line(
    session: Session, auto: None, heard: list[Any]
) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    order = make_order(session, [(product, 4)])
    (row,) = purchase_allocations_of(session, order.lines[0])
    assert services.remove_purchase_allocations(session, [row.id]) == 1
    session.commit()
    line = order.lines[0]
    assert (purchase.lines[0].allocated, line.hold_allocation) == (0, True)
    assert session.scalars(select(Backorder.open_quantity)).all() == [4]
    assert ("removed", "purchase allocation", f"4 of {purchase.number}/1", "") in history(session, line)
    assert [fact for fact in heard if isinstance(fact, PurchaseAllocationRemoved)] == [
        PurchaseAllocationRemoved(((line.id, purchase.lines[0].id),))
    ]
    allocate(session, product)
    assert outstanding(session, line) == [0]


def test_without_the_hold_what_is_freed_waits_for_the_next_run(session: Session, auto: None) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 4, DECEMBER)])
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    services.remove_purchase_allocations(session, [purchase_allocations_of(session, first.lines[0])[0].id], hold=False)
    session.commit()
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 0]
    allocate(session, product)
    assert outstanding(session, first.lines[0], second.lines[0]) == [4, 0]


def test_an_allocation_that_is_gone_cannot_be_removed_again(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 3)])
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    purchase_allocation_id = purchase_allocations_of(session, order.lines[0])[0].id
    services.remove_purchase_allocations(session, [purchase_allocation_id])
    session.commit()
    with pytest.raises(PurchaseAllocationsGone):
        services.remove_purchase_allocations(session, [purchase_allocation_id])


# Disabling preorder


def test_disabling_is_refused_with_numbers_while_allocations_are_outstanding(session: Session, auto: None) -> None:
    product, other = make_product(session), make_product(session)
    make_purchase_order(session, [(product, 9, DECEMBER), (other, 9, DECEMBER)])
    order = make_order(session, [(product, 3), (other, 2)])
    make_order(session, [(product, 1)])
    for dependent in ("backorder_email",):
        current_registry().disable(session, dependent)
    with pytest.raises(PurchaseAllocationsOutstanding) as refused:
        current_registry().disable(session, "preorder")
    assert refused.value.facts == {"purchase_allocations": 3, "orders": 2}
    session.rollback()
    assert outstanding(session, *order.lines) == [3, 2]


def test_released_allocations_leave_a_history_and_enabled_again_the_next_run_allocates_again(
    session: Session, auto: None
) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    order = make_order(session, [(product, 3)])
    registry = current_registry()
    registry.disable(session, "backorder_email")
    registry.disable(session, "preorder", release=True)
    session.commit()
    line = order.lines[0]
    assert (purchase.lines[0].allocated, line.hold_allocation) == (0, False)
    assert ("released", "purchase allocation", f"3 of {purchase.number}/1", "") in history(session, line)
    allocate(session, product)
    assert outstanding(session, line) == [0]
    registry.enable(session, "preorder")
    session.commit()
    allocate(session, product)
    assert outstanding(session, line) == [3]


# What goes away


def test_cancelling_a_purchase_order_never_cancels_a_sales_order(session: Session, auto: None) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    order = make_order(session, [(product, 3)])
    procurement.cancel_order(session, purchase.id)
    session.commit()
    assert (order.state, order.lines[0].open_quantity) == (OrderState.confirmed, 3)
    assert session.get_one(PurchaseOrder, purchase.id).state is PurchaseState.cancelled
    assert (outstanding(session, order.lines[0]), broken(session)) == ([0], [])


def test_lowering_a_purchase_line_releases_the_last_in_the_queue_and_covers_them_elsewhere(
    session: Session, auto: None
) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    first, last = make_order(session, [(product, 6)]), make_order(session, [(product, 4)])
    other = make_purchase_order(session, [(product, 8, JANUARY)])
    session.commit()
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(8), release=True)
    session.commit()
    assert outstanding(session, first.lines[0], last.lines[0]) == [6, 4]
    assert {row.purchase_line_id: row.outstanding for row in purchase_allocations_of(session, last.lines[0])} == {
        purchase.lines[0].id: 2,
        other.lines[0].id: 2,
    }


# Limits and speed


def test_the_database_too_refuses_more_than_a_purchase_line_has_outstanding(session: Session) -> None:
    purchase = make_purchase_order(session, [(make_product(session), 5, DECEMBER)])
    session.commit()
    lock_products(session, [purchase.lines[0].product_id])
    with pytest.raises(IntegrityError):
        procurement.add_allocated(session, [(purchase.lines[0].id, to_raw(6))])
        session.flush()


def test_removing_many_allocations_takes_as_many_statements_as_removing_one(
    session: Session, auto: None, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def remove(size: int) -> int:
        product = make_product(session)
        make_purchase_order(session, [(product, size, DECEMBER)])
        orders = [make_order(session, [(product, 1)]) for _ in range(size)]
        ids = [purchase_allocations_of(session, order.lines[0])[0].id for order in orders]
        session.commit()
        with count_statements() as sent:
            services.remove_purchase_allocations(session, ids)
            session.commit()
        return len(sent)

    remove(1)
    assert remove(40) <= remove(1)
