"""Promise dates, expected dates, and which promises a change of arrivals breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.models import HistoryEntry
from modules.inventory_lots.states import Tracking
from modules.preorder import queries, services
from modules.preorder.errors import NoExpectedDate
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from modules.sales.events import PromiseDateChanged
from modules.sales.models import Order, OrderLine
from modules.sales.services import set_promise_dates
from tests.support.inventory_lots import make_product, make_stock
from tests.support.preorder import allocate_many, allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_customer, make_order

TODAY = date(2026, 11, 23)
DECEMBER = date(2026, 12, 1)
JANUARY = date(2027, 1, 10)


def promise(session: Session, line: OrderLine, day: date, *, pin: bool = False) -> None:
    set_promise_dates(session, {line.id: day}, cause="edit", pin=pin)
    session.commit()


def move(session: Session, line: PurchaseOrderLine, day: date | None) -> None:
    session.commit()
    set_expected_dates(session, {line.id: day})
    session.commit()


def expected(session: Session, line: OrderLine) -> date | None:
    return queries.line_coverage(session, OrderLine.id == line.id)[line.id].expected


def late(session: Session) -> list[int]:
    late_lines = select(OrderLine.id).where(queries.is_late_line(clock.today())).order_by(OrderLine.id)
    return list(session.scalars(late_lines))


@pytest.fixture
def covered(session: Session) -> tuple[Order, PurchaseOrder]:
    """An order of 5, allocated to a purchase order that is expected in December."""
    product = make_product(session)
    order = make_order(session, [(product, 5)], customer=make_customer(session, name="Acme"))
    purchase = make_purchase_order(session, [(product, 20, DECEMBER)])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 5)
    return order, purchase


# The first promise


@pytest.mark.option("preorder.promise_buffer_days", "0")
def test_allocation_promises_the_expected_date_of_what_is_covered_and_dated(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    assert covered[0].lines[0].promise_date == DECEMBER


@pytest.mark.option("preorder.promise_buffer_days", "3")
def test_the_buffer_is_added_to_incoming_supply_but_not_to_lots(
    session: Session, auto: None, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.promise_buffer_days", "3")
    product = make_product(session)
    make_stock(session, product, 2)
    make_purchase_order(session, [(product, 20, DECEMBER)])
    from_stock, from_both = make_order(session, [(product, 1)]), make_order(session, [(product, 4)])
    assert from_stock.lines[0].promise_date == TODAY
    assert from_both.lines[0].promise_date == DECEMBER + timedelta(3)


def test_nothing_is_promised_while_a_part_is_uncovered_or_has_no_date(session: Session) -> None:
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    dated, undated = make_purchase_order(session, [(product, 20, DECEMBER), (product, 20)]).lines
    allocate_purchase(session, order.lines[0], dated, 3)
    assert order.lines[0].promise_date is None
    allocate_purchase(session, order.lines[0], undated, 2)
    assert order.lines[0].promise_date is None
    move(session, undated, JANUARY)
    allocate(session, order.lines[0].product)
    assert order.lines[0].promise_date == JANUARY


def test_a_promise_is_not_changed_by_another_allocation(
    session: Session, covered: tuple[Order, PurchaseOrder], heard: list[Any]
) -> None:
    order, _ = covered
    make_stock(session, order.lines[0].product, 5)
    allocate(session, order.lines[0].product)
    assert (order.lines[0].allocated, order.lines[0].promise_date) == (5, DECEMBER)
    assert [fact for fact in heard if isinstance(fact, PromiseDateChanged)] == []


def test_a_held_line_or_an_uncovered_order_keeps_what_it_was_promised(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, _purchase = covered
    (row,) = session.scalars(queries.open_purchase_allocations(session)).all()
    services.remove_purchase_allocations(session, [row.id])
    session.commit()
    assert order.lines[0].promise_date == DECEMBER


# Expected dates


def test_a_line_is_expected_when_its_latest_purchase_allocation_arrives(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    late_purchase = make_purchase_order(session, [(order.lines[0].product, 9, JANUARY)])
    second = make_order(session, [(order.lines[0].product, 8)])
    allocate_many(session, {(second.lines[0], purchase.lines[0]): 3, (second.lines[0], late_purchase.lines[0]): 5})
    assert expected(session, order.lines[0]) == DECEMBER
    assert expected(session, second.lines[0]) == JANUARY
    decides = queries.line_coverage(session, OrderLine.id == second.lines[0].id)[second.lines[0].id].deciding
    assert decides is not None and decides.supply is not None
    assert decides.supply.name == f"{late_purchase.number}/1"


@pytest.mark.option("preorder.overdue_supply_days", "7", "3")
def test_overdue_supply_is_expected_some_days_from_today_and_never_when_it_is_overdue_for_too_long(
    session: Session, covered: tuple[Order, PurchaseOrder], set_option: Callable[[str, str], None]
) -> None:
    order, purchase = covered
    move(session, purchase.lines[0], date(2026, 11, 1))
    assert expected(session, order.lines[0]) == TODAY + timedelta(7)
    set_option("preorder.overdue_supply_days", "3")
    assert expected(session, order.lines[0]) == TODAY + timedelta(3)
    set_option("preorder.past_due_supply_days", "21")
    assert expected(session, order.lines[0]) is None
    assert late(session) == [order.lines[0].id]


# Late


def test_a_line_is_late_when_it_is_expected_after_its_promise(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    assert late(session) == []
    move(session, purchase.lines[0], JANUARY)
    assert late(session) == [order.lines[0].id]


def test_a_promise_with_no_expected_date_is_late(session: Session, covered: tuple[Order, PurchaseOrder]) -> None:
    order, purchase = covered
    move(session, purchase.lines[0], None)
    assert late(session) == [order.lines[0].id]


def test_a_promise_that_nothing_covers_is_late_and_one_that_is_past_too(session: Session) -> None:
    product = make_product(session)
    uncovered, overdue, kept = (make_order(session, [(product, 1)]) for _ in range(3))
    promise(session, uncovered.lines[0], DECEMBER)
    make_stock(session, product, 2)
    allocate(session, product)
    promise(session, uncovered.lines[0], date(2026, 11, 22))
    promise(session, overdue.lines[0], TODAY)
    promise(session, kept.lines[0], DECEMBER)
    assert late(session) == [uncovered.lines[0].id, kept.lines[0].id]


def test_a_line_that_was_requested_for_a_past_day_and_never_promised_is_late(session: Session) -> None:
    product = make_product(session)
    past, today, promised_on = (make_order(session, [(product, 1)]).lines[0] for _ in range(3))
    past.requested_on, today.requested_on, promised_on.requested_on = TODAY - timedelta(1), TODAY, DECEMBER
    session.commit()
    assert late(session) == [past.id]


def test_serial_lines_and_lines_with_nothing_open_are_never_late(session: Session) -> None:
    product = make_product(session, tracking=Tracking.serial)
    order = make_order(session, [(product, 1)])
    promise(session, order.lines[0], date(2026, 11, 1))
    assert late(session) == []


# Sync


def test_a_sync_gives_the_expected_date_and_the_buffer_and_notifies_once(
    session: Session,
    covered: tuple[Order, PurchaseOrder],
    heard: list[Any],
    set_option: Callable[[str, str], None],
) -> None:
    order, purchase = covered
    set_option("preorder.promise_buffer_days", "2")
    move(session, purchase.lines[0], JANUARY)
    assert order.lines[0].promise_date == DECEMBER
    assert services.sync_promises(session, [order.lines[0].id], why="ship is late") == 1
    session.commit()
    assert order.lines[0].promise_date == JANUARY + timedelta(2)
    (fact,) = [fact for fact in heard if isinstance(fact, PromiseDateChanged)]
    assert (fact.cause, fact.notify, len(fact.changes)) == ("sync", True, 1)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "promise_date")).one()
    assert (entry.old_value, entry.new_value, entry.why) == ("2026-12-01", "2027-01-12", "ship is late")
    assert fact.changes[0].history_id == entry.id


def test_a_line_without_an_expected_date_cannot_be_synced_and_keeps_its_promise(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    move(session, purchase.lines[0], None)
    with pytest.raises(NoExpectedDate):
        services.sync_promises(session, [order.lines[0].id])
    session.rollback()
    assert order.lines[0].promise_date == DECEMBER


def test_a_sync_of_a_right_date_changes_nothing_and_notifies_nobody(
    session: Session, covered: tuple[Order, PurchaseOrder], heard: list[Any]
) -> None:
    assert services.sync_promises(session, [covered[0].lines[0].id]) == 0
    assert [fact for fact in heard if isinstance(fact, PromiseDateChanged)] == []


@pytest.mark.option("preorder.sync_dates", "auto")
def test_automatic_syncs_follow_an_arrival_and_leave_pinned_and_undated_lines_alone(
    session: Session, covered: tuple[Order, PurchaseOrder], set_option: Callable[[str, str], None]
) -> None:
    order, purchase = covered
    set_option("preorder.sync_dates", "auto")
    product, line = order.lines[0].product, purchase.lines[0]
    pinned = make_order(session, [(product, 2)])
    allocate_purchase(session, pinned.lines[0], line, 2)
    promise(session, pinned.lines[0], DECEMBER, pin=True)
    move(session, line, JANUARY)
    assert (order.lines[0].promise_date, pinned.lines[0].promise_date) == (JANUARY, DECEMBER)
    move(session, line, None)
    assert order.lines[0].promise_date == JANUARY


@pytest.mark.option("preorder.sync_dates", "manual")
def test_by_default_a_changed_arrival_leaves_the_promise(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    move(session, purchase.lines[0], JANUARY)
    assert order.lines[0].promise_date == DECEMBER


def test_a_pinned_date_can_still_be_synced_by_choice(session: Session, covered: tuple[Order, PurchaseOrder]) -> None:
    order, _purchase = covered
    promise(session, order.lines[0], DECEMBER + timedelta(1), pin=True)
    assert services.sync_promises(session, [order.lines[0].id]) == 1
    session.commit()
    assert (order.lines[0].promise_date, order.lines[0].is_promise_pinned) == (DECEMBER, True)


# What a change of arrivals breaks


def test_a_later_arrival_names_the_promises_it_breaks_by_customer_order_and_days(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    (broken,) = queries.broken_promises(session, {purchase.lines[0].id: DECEMBER + timedelta(9)})
    assert (broken.order, broken.customer, broken.days, broken.purchase_allocated) == (order.number, "Acme", 9, 5)
    assert (broken.promised, broken.expected) == (DECEMBER, DECEMBER + timedelta(9))
    assert str(broken).endswith("it would come on 10 Dec 2026, 9 days late.")
    assert purchase.lines[0].expected_on == DECEMBER


def test_an_arrival_that_keeps_the_promise_breaks_nothing(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    _, purchase = covered
    assert queries.broken_promises(session, {purchase.lines[0].id: DECEMBER - timedelta(1)}) == []
    assert queries.broken_promises(session, {purchase.lines[0].id: DECEMBER}) == []


def test_an_arrival_without_a_date_leaves_its_promises_without_one(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    (broken,) = queries.broken_promises(session, {covered[1].lines[0].id: None})
    assert (broken.expected, broken.days) == (None, None)
    assert str(broken).endswith("it would have no expected date.")


def test_other_supply_that_would_be_in_time_is_named_with_what_is_left_of_it(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    product = order.lines[0].product
    early = make_purchase_order(session, [(product, 7, DECEMBER - timedelta(3))])
    make_purchase_order(session, [(product, 30, JANUARY)])
    (impact,) = queries.arrival_impact(session, {purchase.lines[0].id: JANUARY})
    assert impact.instead == (f"7 of {early.number}/1, expected 28 Nov 2026",)
    assert (impact.line_id, impact.document, impact.document_id) == (purchase.lines[0].id, "sales.order", order.id)
    assert impact.name == f"{order.number}/1"


def test_supply_that_would_be_late_too_is_named_where_there_is_nothing_better(
    session: Session, covered: tuple[Order, PurchaseOrder]
) -> None:
    order, purchase = covered
    other = make_purchase_order(session, [(order.lines[0].product, 30)])
    (broken,) = queries.broken_promises(session, {purchase.lines[0].id: JANUARY})
    assert [str(each) for each in broken.alternatives] == [f"30 of {other.number}/1, without a date"]


# Many at once


def test_syncing_many_lines_takes_as_many_statements_as_syncing_one(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def sync(size: int) -> int:
        product = make_product(session)
        (purchase,) = make_purchase_order(session, [(product, size, DECEMBER)]).lines
        lines = [make_order(session, [(product, 1)]).lines[0] for _ in range(size)]
        allocate_many(session, {(line, purchase): 1 for line in lines})
        move(session, purchase, JANUARY)
        ids = [line.id for line in lines]
        session.commit()
        with count_statements() as sent:
            assert services.sync_promises(session, ids) == size
            session.commit()
        return len(sent)

    sync(1)
    assert sync(40) <= sync(1)


def test_the_impact_on_many_promises_takes_as_many_statements_as_on_one(
    session: Session, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def ask(size: int) -> int:
        product = make_product(session)
        (purchase,) = make_purchase_order(session, [(product, size, DECEMBER)]).lines
        lines = [make_order(session, [(product, 1)]).lines[0] for _ in range(size)]
        allocate_many(session, {(line, purchase): Decimal(1) for line in lines})
        purchase_id = purchase.id
        session.commit()
        with count_statements() as sent:
            assert len(queries.broken_promises(session, {purchase_id: JANUARY})) == size
        return len(sent)

    ask(1)
    assert ask(40) <= ask(1)
