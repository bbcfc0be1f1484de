"""Purchase allocations when goods arrive, or when it is clear that they will not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import LocationKind
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.errors import LineIsAllocated
from modules.procurement.models import PurchaseOrder
from modules.sales import services as sales
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.states import AllocationSource, BackorderState
from tests.support.inventory_lots import make_location, make_product, make_stock
from tests.support.preorder import allocate_purchase, broken, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def receive(session: Session, order: PurchaseOrder, quantity: int, *, line: int = 0, **where: Any) -> None:
    location = where.pop("location", None) or make_location(session)
    session.commit()
    where = {"lot_number": "R1"} | where
    procurement.receive(session, Delivery(order.lines[line].id, Decimal(quantity), location.id, **where))
    session.commit()


def backorders(session: Session, line: OrderLine) -> list[tuple[Decimal, Decimal, BackorderState]]:
    rows = session.scalars(select(Backorder).where(Backorder.line_id == line.id).order_by(Backorder.id))
    return [(row.quantity, row.allocated_quantity, row.state) for row in rows]


Story = tuple[Product, PurchaseOrder, Order, Order]


@pytest.fixture
def six_and_eight(session: Session) -> Story:
    """A purchase order of 14 is allocated to two sales orders: 6 to the first, 8 to the second."""
    product = make_product(session)
    first, second = make_order(session, [(product, 6)]), make_order(session, [(product, 8)])
    purchase = make_purchase_order(session, [(product, 14, DECEMBER)])
    allocate_purchase(session, first.lines[0], purchase.lines[0], 6)
    allocate_purchase(session, second.lines[0], purchase.lines[0], 8)
    return product, purchase, first, second


def test_ten_of_six_and_eight_fulfil_six_and_four_and_leave_four_allocated_with_the_lines_date(
    session: Session, six_and_eight: Story
) -> None:
    _, purchase, first, second = six_and_eight
    receive(session, purchase, 10)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 4)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 4]
    assert backorders(session, first.lines[0]) == [(6, 6, BackorderState.allocated)]
    assert backorders(session, second.lines[0]) == [(8, 4, BackorderState.open)]
    (remainder,) = purchase_allocations_of(session, second.lines[0])
    assert (remainder.quantity, remainder.received, remainder.purchase_line.expected_on) == (8, 4, DECEMBER)
    assert (purchase.lines[0].outstanding, purchase.lines[0].allocated) == (4, 4)
    assert second.lines[0].promise_date == DECEMBER
    assert {row.source for row in session.scalars(select(Allocation))} == {AllocationSource.receipt}
    assert broken(session) == []


@pytest.mark.option("preorder.auto_allocate", "yes")
def test_a_short_close_then_releases_the_four_and_covers_them_elsewhere_when_automatic(
    session: Session, six_and_eight: Story, set_option: Callable[[str, str], None]
) -> None:
    product, purchase, _, second = six_and_eight
    set_option("preorder.auto_allocate", "yes")
    other = make_purchase_order(session, [(product, 20, JANUARY)])
    receive(session, purchase, 10)
    procurement.close_lines(session, [purchase.lines[0].id])
    session.commit()
    (moved,) = purchase_allocations_of(session, second.lines[0])
    assert (moved.purchase_line_id, moved.outstanding) == (other.lines[0].id, 4)
    assert second.lines[0].open_quantity == 8
    assert broken(session) == []


@pytest.mark.option("preorder.auto_allocate", "no")
def test_without_automatic_allocation_what_a_short_close_releases_waits(session: Session, six_and_eight: Story) -> None:
    product, purchase, _, second = six_and_eight
    make_purchase_order(session, [(product, 20, JANUARY)])
    receive(session, purchase, 10)
    procurement.close_lines(session, [purchase.lines[0].id])
    session.commit()
    assert outstanding(session, second.lines[0]) == [0]
    assert backorders(session, second.lines[0]) == [(8, 4, BackorderState.open)]


def test_an_allocation_that_was_received_in_part_ends_at_what_it_got(session: Session, six_and_eight: Story) -> None:
    _, purchase, _, second = six_and_eight
    receive(session, purchase, 10)
    procurement.close_lines(session, [purchase.lines[0].id])
    session.commit()
    (ended,) = purchase_allocations_of(session, second.lines[0], open_only=False)
    assert (ended.quantity, ended.received, ended.outstanding) == (4, 4, 0)
    assert ended.ended_at is not None


def test_receipts_serve_purchase_allocations_in_order_of_service_not_of_creation(session: Session) -> None:
    product = make_product(session)
    first, second = make_order(session, [(product, 6)]), make_order(session, [(product, 6)])
    purchase = make_purchase_order(session, [(product, 12, DECEMBER)])
    allocate_purchase(session, second.lines[0], purchase.lines[0], 6)
    allocate_purchase(session, first.lines[0], purchase.lines[0], 6)
    receive(session, purchase, 6)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 0)


@pytest.mark.option("sales.allocate_on_arrival", "yes")
def test_goods_go_to_the_order_that_they_are_allocated_to_even_if_another_is_older(session: Session) -> None:
    product = make_product(session)
    older, covered = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 8, DECEMBER)])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 5)
    receive(session, purchase, 8)
    assert (older.lines[0].allocated, covered.lines[0].allocated) == (3, 5)


@pytest.mark.option("sales.allocate_on_arrival", "no")
def test_what_is_left_of_a_receipt_waits_where_arrivals_are_not_allocated(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_arrival", "no")
    product = make_product(session)
    older, covered = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 8, DECEMBER)])
    allocate_purchase(session, covered.lines[0], purchase.lines[0], 5)
    receive(session, purchase, 8)
    assert (older.lines[0].allocated, covered.lines[0].allocated) == (0, 5)


def test_purchase_allocations_of_a_held_line_still_convert(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 5, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    sales.hold_lines(session, [order.lines[0].id], True)
    receive(session, purchase, 5)
    assert order.lines[0].allocated == 5


def test_goods_that_land_in_quarantine_convert_nothing_and_what_does_not_fit_is_released(
    session: Session, six_and_eight: Story
) -> None:
    _, purchase, first, second = six_and_eight
    place = make_location(session, "WH/CHECK", kind=LocationKind.quarantine)
    receive(session, purchase, 10, location=place)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (0, 0)
    # 4 are still to come: the first in the queue keeps them.
    assert outstanding(session, first.lines[0], second.lines[0]) == [4, 0]
    assert broken(session) == []


def test_goods_of_an_expired_lot_convert_nothing(session: Session, six_and_eight: Story) -> None:
    _, purchase, first, _ = six_and_eight
    receive(session, purchase, 2, expires_on=date(2026, 11, 22))
    assert first.lines[0].allocated == 0


def test_each_unit_converted_leaves_the_backorder_whatever_the_remainder_of_the_line_is(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 8)])
    purchase = make_purchase_order(session, [(product, 8, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    receive(session, purchase, 3)
    # 3 for the purchase allocation; nothing is left for a run.
    assert backorders(session, order.lines[0]) == [(8, 3, BackorderState.open)]
    assert outstanding(session, order.lines[0]) == [2]
    assert broken(session) == []


def test_several_receipts_close_allocations_one_after_the_other(session: Session, six_and_eight: Story) -> None:
    _, purchase, first, second = six_and_eight
    for quantity in (1, 2, 3, 8):
        receive(session, purchase, quantity)
        assert broken(session) == []
    assert (first.lines[0].allocated, second.lines[0].allocated) == (6, 8)
    assert session.scalars(select(PurchaseAllocation).where(PurchaseAllocation.ended_at.is_(None))).all() == []


def test_lowering_a_line_below_what_is_allocated_is_refused_with_the_names_of_the_orders(
    session: Session, six_and_eight: Story
) -> None:
    _, purchase, first, second = six_and_eight
    with pytest.raises(LineIsAllocated) as refused:
        procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(10))
    assert refused.value.facts["documents"] == [first.number, second.number]
    session.rollback()
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(10), release=True)
    session.commit()
    assert outstanding(session, first.lines[0], second.lines[0]) == [6, 4]


def test_a_line_that_stock_covers_is_not_covered_by_a_purchase_order_too(
    session: Session, six_and_eight: Story
) -> None:
    product, purchase, first, _ = six_and_eight
    make_stock(session, product, 6)
    allocate(session, product)
    assert (first.lines[0].allocated, outstanding(session, first.lines[0])) == (6, [0])
    assert purchase.lines[0].allocated == 8


@pytest.mark.option("preorder.auto_allocate", "yes")
def test_goods_are_served_before_remaining_supply_so_that_nothing_is_allocated_and_undone(
    session: Session, set_option: Callable[[str, str], None], heard: list[Any]
) -> None:
    set_option("preorder.auto_allocate", "yes")
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    receive(session, purchase, 5)
    assert order.lines[0].allocated == 5
    assert order.lines[0].promise_date == clock.today()
    assert not [fact for fact in heard if isinstance(fact, (PurchaseAllocated, PurchaseAllocationRemoved))]
