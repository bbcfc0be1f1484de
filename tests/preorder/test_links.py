"""Meaning incoming supply for order lines: in order of service, by hand, and letting it go."""

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
from modules.inventory_lots.errors import BadQuantity
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import Tracking
from modules.preorder import queries, services
from modules.preorder.errors import (
    BackordersOff,
    NotEnoughIncoming,
    NotWaiting,
    ProductsDiffer,
    PurchaseAllocationsGone,
    PurchaseAllocationsOutstanding,
    SupplyOverdue,
)
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.events import LineStatusChanged
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PurchaseState
from modules.sales import services as sales
from modules.sales.models import Backorder, OrderLine
from modules.sales.states import AllocationSource, OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_many, link, outstanding, purchase_allocations_of
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import allocate, make_draft, make_order

DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def broken(session: Session) -> list[str]:
    return [breach for check in current_registry().live(current_registry().checks) for breach in check(session)]


def history(session: Session, line: OrderLine) -> list[tuple[str, str, str, str]]:
    rows = select(HistoryEntry).where(HistoryEntry.document_id == line.order_id, HistoryEntry.line == line.position)
    return [(row.action, row.field, row.old_value, row.new_value) for row in session.scalars(rows.order_by("id"))]


# Automatic allocation


def test_with_the_option_off_nothing_is_linked_by_itself(session: Session) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 20, DECEMBER)])
    order = make_order(session, [(product, 5)])
    allocate(session, product)
    assert purchase_allocations_of(session, order.lines[0]) == []


def test_with_the_option_on_confirming_links_what_stock_does_not_cover(session: Session, auto: None) -> None:
    product = make_product(session)
    make_stock(session, product, 2)
    purchase = make_purchase_order(session, [(product, 20, DECEMBER)])
    order = make_order(session, [(product, 5)])
    (made,) = purchase_allocations_of(session, order.lines[0])
    assert (made.quantity, made.source, made.purchase_line_id) == (3, AllocationSource.automatic, purchase.lines[0].id)
    assert purchase.lines[0].allocated == 3
    assert broken(session) == []


def test_whoever_ordered_first_is_linked_to_what_comes_first(session: Session, auto: None) -> None:
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
    ids = set(session.scalars(select(Backorder.id).where(queries.is_unallocated())))
    assert ids == set(session.scalars(select(Backorder.id).where(Backorder.line_id == big.lines[0].id)))


def test_skip_links_over_several_purchase_lines_that_cover_it_together(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 9)])
    make_purchase_order(session, [(product, 6, DECEMBER), (product, 4, JANUARY)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [9]


def test_skip_counts_the_rest_that_is_not_linked_yet(session: Session, auto: None) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    link(session, order.lines[0], purchase.lines[0], 7)
    procurement.change_line(session, purchase.lines[0].id, quantity=Decimal(9))
    session.commit()
    assert outstanding(session, order.lines[0]) == [7]
    make_purchase_order(session, [(product, 1, JANUARY)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [10]


@pytest.mark.option("preorder.insufficient_supply", "partial")
def test_partial_links_what_there_is(session: Session, partial: None) -> None:
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


def test_ordering_a_purchase_order_links_the_queue_at_once(session: Session, auto: None) -> None:
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


def test_serial_products_are_never_linked(session: Session, auto: None) -> None:
    product = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(product, 2)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(NotWaiting):
        link(session, order.lines[0], purchase.lines[0], 1)


def test_without_backorders_nothing_is_linked_not_even_by_hand(
    session: Session, auto: None, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.backorders", "no")
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(BackordersOff):
        link(session, order.lines[0], purchase.lines[0], 1)


def test_supply_that_is_overdue_for_too_long_is_not_linked_not_even_by_hand(
    session: Session, auto: None, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "10")
    product = make_product(session)
    order = make_order(session, [(product, 4)])
    stale = make_purchase_order(session, [(product, 10, date(2026, 11, 12))])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [0]
    with pytest.raises(SupplyOverdue):
        link(session, order.lines[0], stale.lines[0], 1)
    session.rollback()
    make_purchase_order(session, [(product, 10, date(2026, 11, 13))])
    allocate(session, product)
    assert outstanding(session, order.lines[0]) == [4]


# The default status


@pytest.mark.option("preorder.default_line_status", "Linked")
def test_the_first_link_gives_a_line_without_a_status_the_default_one_before_the_news(
    session: Session, auto: None, heard: list[Any], set_option: Callable[[str, str], None]
) -> None:
    allocated_status, other = make_status(session, name="Linked"), make_status(session, name="Other")
    set_option("preorder.default_line_status", "Linked")
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


# Shrinking


@pytest.mark.option("sales.cancel_covered", "no", "yes")
def test_what_is_linked_outlives_the_cancellation_days_unless_covered_backorders_are_cancelled_too(
    session: Session, set_option: Callable[[str, str], None], at: Callable[[str], None]
) -> None:
    set_option("sales.backorder_cancellation_days", "5")
    product = make_product(session)
    line = make_order(session, [(product, 9)]).lines[0]
    purchase = make_purchase_order(session, [(product, 6, DECEMBER)])
    link(session, line, purchase.lines[0], 6)
    at("2026-12-10T12:00:00Z")
    assert sales.cancel_overdue_backorders(session) == 1
    session.commit()
    assert (line.cancelled, outstanding(session, line)) == (3, [6])
    set_option("sales.cancel_covered", "yes")
    assert sales.cancel_overdue_backorders(session) == 1
    session.commit()
    assert (line.cancelled, outstanding(session, line)) == (9, [0])
    assert broken(session) == []


def test_links_shrink_to_the_open_backorder_latest_expected_first_and_those_by_hand_last(session: Session) -> None:
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


def test_stock_goes_to_the_first_in_the_queue_even_if_it_is_linked(session: Session, auto: None) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 4, DECEMBER)])
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    assert outstanding(session, first.lines[0], second.lines[0]) == [4, 0]
    make_stock(session, product, 4)
    allocate(session, product)
    assert (first.lines[0].allocated, second.lines[0].allocated) == (4, 0)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 4]


def test_cancelling_an_order_lets_go_of_its_links_and_links_nothing_else_at_once(session: Session, auto: None) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 4, DECEMBER)])
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    sales.cancel_order(session, first.id)
    session.commit()
    assert (purchase.lines[0].allocated, outstanding(session, second.lines[0])) == (0, [0])
    allocate(session, product)
    assert outstanding(session, second.lines[0]) == [4]


def test_lowering_a_line_shrinks_its_links(session: Session, auto: None) -> None:
    product = make_product(session)
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    order = make_order(session, [(product, 8)])
    sales.change_quantity(session, order.lines[0].id, Decimal(3))
    session.commit()
    assert (outstanding(session, order.lines[0]), purchase.lines[0].allocated) == ([3], 3)


# By hand


def test_linking_by_hand_overtakes_the_queue_and_clears_a_hold(session: Session) -> None:
    product = make_product(session)
    first, second = make_order(session, [(product, 6)]), make_order(session, [(product, 6)])
    sales.hold_lines(session, [second.lines[0].id], True)
    purchase = make_purchase_order(session, [(product, 6, DECEMBER)])
    link(session, second.lines[0], purchase.lines[0], 6)
    assert outstanding(session, first.lines[0], second.lines[0]) == [0, 6]
    assert not second.lines[0].hold_allocation
    assert purchase_allocations_of(session, second.lines[0])[0].source is AllocationSource.by_hand


def test_linking_by_hand_first_makes_or_grows_the_backorder_to_the_uncovered_need(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session)
    make_stock(session, product, 2)
    order = make_order(session, [(product, 6)])
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    assert session.scalar(select(Backorder)) is None
    link(session, order.lines[0], purchase.lines[0], 4)
    assert session.scalars(select(Backorder.open_quantity)).all() == [6]
    assert order.lines[0].allocated == 0


def test_more_for_the_same_pair_is_added_to_its_open_link_and_by_hand_wins(
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
    set_aside = len([fact for fact in heard if isinstance(fact, PurchaseAllocated)])
    assert set_aside == 1  # more of the same is no news
    purchase.lines[0].quantity = Decimal(9)
    session.commit()
    link(session, order.lines[0], purchase.lines[0], 2)
    (by_hand,) = purchase_allocations_of(session, order.lines[0])
    assert (by_hand.id, by_hand.quantity, by_hand.source) == (before.id, 9, AllocationSource.by_hand)
    assert len([fact for fact in heard if isinstance(fact, PurchaseAllocated)]) == 1


def test_a_link_made_after_the_old_one_ended_is_a_new_row_and_new_news(session: Session, heard: list[Any]) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    link(session, order.lines[0], purchase.lines[0], 4)
    first = purchase_allocations_of(session, order.lines[0])[0].id
    services.remove_purchase_allocations(session, [first], hold=False)
    session.commit()
    link(session, order.lines[0], purchase.lines[0], 4)
    second = purchase_allocations_of(session, order.lines[0])[0].id
    assert second > first
    made = [fact.purchase_allocation_ids for fact in heard if isinstance(fact, PurchaseAllocated)]
    assert made == [(first,), (second,)]


def test_at_most_one_open_link_of_a_pair_can_be_stored(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 10, DECEMBER)])
    link(session, order.lines[0], purchase.lines[0], 4)
    (row,) = purchase_allocations_of(session, order.lines[0])
    twin = {"line_id": row.line_id, "purchase_line_id": row.purchase_line_id, "run_id": row.run_id}
    session.add(PurchaseAllocation(**twin, quantity=Decimal(1), source=AllocationSource.by_hand))
    with pytest.raises(IntegrityError):
        session.flush()
    session.rollback()


def test_more_than_is_on_its_way_is_refused(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 10)])
    purchase = make_purchase_order(session, [(product, 4, DECEMBER)])
    with pytest.raises(NotEnoughIncoming) as refused:
        link(session, order.lines[0], purchase.lines[0], 5)
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
        link(session, order.lines[0], other.lines[0], 1)
    session.rollback()
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    with pytest.raises(BadQuantity):
        link(session, order.lines[0], purchase.lines[0], "0.5")


# Removing


def test_removing_a_link_frees_the_supply_and_holds_the_line(session: Session, auto: None, heard: list[Any]) -> None:
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


def test_a_link_that_is_gone_cannot_be_removed_again(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 3)])
    purchase = make_purchase_order(session, [(product, 9, DECEMBER)])
    link(session, order.lines[0], purchase.lines[0], 3)
    purchase_allocation_id = purchase_allocations_of(session, order.lines[0])[0].id
    services.remove_purchase_allocations(session, [purchase_allocation_id])
    session.commit()
    with pytest.raises(PurchaseAllocationsGone):
        services.remove_purchase_allocations(session, [purchase_allocation_id])


# Switching preorder off


def test_switching_off_is_refused_with_numbers_while_links_are_outstanding(session: Session, auto: None) -> None:
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


def test_released_the_links_go_with_history_and_enabled_again_the_next_run_links_anew(
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


def test_lowering_a_purchase_line_releases_the_last_in_the_queue_and_links_them_elsewhere(
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


def test_removing_many_links_takes_as_many_statements_as_removing_one(
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


def test_linking_by_hand_takes_as_many_statements_for_many_pairs_as_for_one(
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


def test_links_are_kept_to_what_a_purchase_line_has_outstanding_by_the_database_too(session: Session) -> None:
    purchase = make_purchase_order(session, [(make_product(session), 5, DECEMBER)])
    session.commit()
    lock_products(session, [purchase.lines[0].product_id])
    with pytest.raises(IntegrityError):
        procurement.add_allocated(session, [(purchase.lines[0].id, to_raw(6))])


# Why supply is not used


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "4 still available (automatic allocation is off: a person may link it); expected 2026-12-01."),
        (
            {"preorder.auto_allocate": "yes"},
            "4 still available (less than the 9 that are not covered: a person may link it); expected 2026-12-01.",
        ),
        (
            {"sales.backorders": "no"},
            "4 still available (backorders are switched off, so nothing is linked); expected 2026-12-01.",
        ),
    ],
)
def test_a_line_is_told_why_supply_is_not_linked_to_it(
    session: Session, set_option: Callable[[str, str], None], settings: dict[str, str], reason: str
) -> None:
    for key, value in settings.items():
        set_option(key, value)
    product = make_product(session)
    order = make_order(session, [(product, 9)])
    make_purchase_order(session, [(product, 4, DECEMBER)], number="PO-1")
    (note,) = queries.supply_notes(session, order.lines[0])
    assert (note.supply, note.quantity, note.reason) == ("Purchase order PO-1/1", 4, reason)


def test_a_line_is_told_what_is_its_own_and_what_others_have(
    session: Session, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "5")
    product = make_product(session)
    mine, other = make_order(session, [(product, 9)]), make_order(session, [(product, 9)])
    supply = make_purchase_order(session, [(product, 5, DECEMBER), (product, 2, date(2026, 11, 1))])
    link(session, mine.lines[0], supply.lines[0], 2)
    link(session, other.lines[0], supply.lines[0], 3)
    assert [note.reason for note in queries.supply_notes(session, mine.lines[0])] == [
        "2 still available (overdue by more than 5 days, so nothing is linked to it); expected 2026-11-01.",
        "2 linked to this line, 3 linked to other orders; expected 2026-12-01.",
    ]
