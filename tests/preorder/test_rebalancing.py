"""Rebalance: an earlier order gets supply that comes earlier, and what it had goes to those behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.models import HistoryEntry
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products
from modules.preorder import queries, services
from modules.preorder.commands import rebalance
from modules.preorder.errors import RebalanceChanged
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.events import PromiseDateChanged
from modules.sales.models import Order
from modules.sales.services import allocate_order, confirm, hold_lines, set_promise_dates
from modules.sales.states import AllocationSource
from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase, broken, make_preorder_product, purchase_allocations_of
from tests.support.procurement import make_purchase_order, make_status
from tests.support.sales import allocate, make_draft, make_order

DECEMBER, JANUARY, MARCH = date(2026, 12, 1), date(2027, 1, 10), date(2027, 3, 1)


@pytest.fixture
def first_in_march(session: Session, partial: None, product: Product) -> tuple[Order, Order, PurchaseOrder]:
    """Two orders of five that are covered by a purchase order of March, and one of December for three, unallocated."""
    march = make_purchase_order(session, [(product, 10, MARCH)])
    orders = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    assert march.lines[0].allocated == 10
    return *orders, make_purchase_order(session, [(product, 3, DECEMBER)])


def supply_of(session: Session, *orders: Order) -> list[list[tuple[date | None, Decimal]]]:
    """Return the day and the quantity of each purchase allocation of the orders' first lines."""
    session.expire_all()
    found = [purchase_allocations_of(session, order.lines[0]) for order in orders]
    return [
        [(row.purchase_line.expected_on, row.outstanding) for row in sorted(rows, key=lambda row: row.purchase_line_id)]
        for rows in found
    ]


def test_the_first_order_gets_the_earlier_supply_when_the_product_is_run(
    session: Session, product: Product, first_in_march: tuple[Order, Order, PurchaseOrder]
) -> None:
    first, second, _ = first_in_march
    allocate(session, product)
    assert supply_of(session, first, second) == [[(MARCH, 2), (DECEMBER, 3)], [(MARCH, 5)]]
    assert [line.allocated for line in session.scalars(select(PurchaseOrderLine).order_by(PurchaseOrderLine.id))] == [
        7,
        3,
    ]
    assert broken(session) == []


def test_an_earlier_purchase_order_that_is_ordered_goes_to_the_first_order_before_a_later_one_takes_it(
    session: Session, product: Product, first_in_march: tuple[Order, Order, PurchaseOrder]
) -> None:
    first, second, _ = first_in_march
    third = make_draft(session, [(product, 3)])
    january = make_purchase_order(session, [(product, 4, JANUARY)], state="draft")
    session.commit()
    confirm(session, third.id)
    procurement.place_order(session, january.id)
    session.commit()
    assert supply_of(session, first, second, third) == [
        [(DECEMBER, 3), (JANUARY, 2)],
        [(MARCH, 3), (JANUARY, 2)],
        [(MARCH, 3)],
    ]


@pytest.mark.option("preorder.rebalance", "manual")
def test_by_hand_only_nothing_is_exchanged_by_a_run(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    set_option: Callable[[str, str], None],
) -> None:
    set_option("preorder.rebalance", "manual")
    first, second, _ = first_in_march
    allocate(session, product)
    assert supply_of(session, first, second) == [[(MARCH, 5)], [(MARCH, 5)]]


@pytest.mark.option("preorder.rebalance", "auto")
def test_an_order_that_is_served_alone_exchanges_nothing(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    set_option: Callable[[str, str], None],
) -> None:
    first, second, _ = first_in_march
    third = served_alone(session, product, 3, set_option)
    assert supply_of(session, first, second, third) == [[(MARCH, 5)], [(MARCH, 5)], [(DECEMBER, 3)]]
    allocate(session, product)
    assert supply_of(session, first, second, third) == [[(MARCH, 5)], [(MARCH, 5)], [(DECEMBER, 3)]]


def served_alone(session: Session, product: Product, quantity: int, set_option: Callable[[str, str], None]) -> Order:
    """Return an order that a clerk has served before its turn."""
    set_option("sales.allocate_on_confirm", "no")
    order = make_order(session, [(product, quantity)])
    allocate_order(session, order.id)
    session.commit()
    return order


def test_an_exchange_is_signed_announced_and_written_into_the_history(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    heard: list[Any],
) -> None:
    first, _, december = first_in_march
    line, bought = first.lines[0], december.lines[0]
    heard.clear()
    allocate(session, product)
    made = session.scalars(select(PurchaseAllocation).where(PurchaseAllocation.purchase_line_id == bought.id)).one()
    assert (made.source, made.quantity, made.line_id) == (AllocationSource.automatic, 3, line.id)
    assert heard == [PurchaseAllocated((made.id,), is_exchange=True)]
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "exchanged")).one()
    march = make_name(session, MARCH)
    assert (entry.document_id, entry.line) == (first.id, 1)
    assert (entry.old_value, entry.new_value) == (f"3 of {march}", f"3 of {bought}")


def make_name(session: Session, day: date) -> str:
    """Return the name of the purchase order line that is expected on a day."""
    return str(session.scalars(select(PurchaseOrderLine).where(PurchaseOrderLine.expected_on == day)).one())


def test_what_is_given_back_in_full_is_announced_as_removed(
    session: Session, partial: None, product: Product, heard: list[Any]
) -> None:
    march = make_purchase_order(session, [(product, 5, MARCH)])
    order = make_order(session, [(product, 5)])
    make_purchase_order(session, [(product, 5, DECEMBER)])
    heard.clear()
    allocate(session, product)
    assert [type(fact) for fact in heard] == [PurchaseAllocated, PurchaseAllocationRemoved]
    assert heard[1].pairs == ((order.lines[0].id, march.lines[0].id),)
    assert supply_of(session, order) == [[(DECEMBER, 5)]]


def test_the_default_status_is_given_to_a_purchase_line_that_is_exchanged_for(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    set_option: Callable[[str, str], None],
) -> None:
    status = make_status(session, name="Promised")
    set_option("preorder.default_line_status", "Promised")
    allocate(session, product)
    session.expire_all()
    assert first_in_march[2].lines[0].status_id == status.id


def test_what_is_made_by_hand_pinned_or_held_stays(session: Session, partial: None, product: Product) -> None:
    march = make_purchase_order(session, [(product, 8, MARCH)])
    by_hand, pinned, held, free = (make_draft(session, [(product, 2)]) for _ in range(4))
    for order in (pinned, held, free, by_hand):
        confirm(session, order.id)
        session.commit()
    services.remove_purchase_allocations(
        session, [row.id for row in purchase_allocations_of(session, by_hand.lines[0])], hold=False
    )
    allocate_purchase(session, by_hand.lines[0], march.lines[0], 2)
    set_promise_dates(session, {pinned.lines[0].id: MARCH}, cause="edit", pin=True)
    hold_lines(session, [held.lines[0].id], True)
    make_purchase_order(session, [(product, 8, DECEMBER)])
    allocate(session, product)
    assert supply_of(session, by_hand, pinned, held) == [[(MARCH, 2)]] * 3
    assert supply_of(session, free) == [[(DECEMBER, 2)]]


def test_what_a_line_exchanges_for_supply_that_a_clerk_gave_it_stays_a_purchase_allocation_of_runs(
    session: Session, partial: None, product: Product
) -> None:
    order = make_order(session, [(product, 5)])
    december = make_purchase_order(session, [(product, 2, DECEMBER)])
    allocate_purchase(session, order.lines[0], december.lines[0], 2)
    make_purchase_order(session, [(product, 3, MARCH)])
    allocate(session, product)
    december.lines[0].quantity = Decimal(4)
    allocate(session, product)
    rows = purchase_allocations_of(session, order.lines[0])
    assert [(row.purchase_line.expected_on, row.source, row.quantity) for row in rows] == [
        (DECEMBER, AllocationSource.manual, 2),
        (MARCH, AllocationSource.automatic, 1),
        (DECEMBER, AllocationSource.automatic, 2),
    ]
    assert broken(session) == []
    make_purchase_order(session, [(product, 9, date(2026, 11, 25))])
    allocate(session, product)
    assert [row.purchase_line.expected_on for row in purchase_allocations_of(session, order.lines[0])] == [
        DECEMBER,
        date(2026, 11, 25),
    ]


def test_of_what_was_received_in_part_only_the_outstanding_quantity_moves(
    session: Session, partial: None, product: Product
) -> None:
    march = make_purchase_order(session, [(product, 5, MARCH)])
    order = make_order(session, [(product, 5)])
    location = make_location(session, "WH/A")
    procurement.receive(session, Delivery(march.lines[0].id, Decimal(2), location.id, "L1"))
    session.commit()
    make_purchase_order(session, [(product, 9, DECEMBER)])
    allocate(session, product)
    assert supply_of(session, order) == [[(DECEMBER, 3)]]
    kept, _ = purchase_allocations_of(session, order.lines[0], open_only=False)
    assert (kept.quantity, kept.received, kept.is_open) == (2, 2, False)
    assert broken(session) == []


def test_no_day_is_gained_before_the_launch(session: Session, partial: None) -> None:
    product = make_preorder_product(session, launch_date=MARCH)
    make_purchase_order(session, [(product, 5, JANUARY)])
    order = make_order(session, [(product, 5)])
    assert order.lines[0].is_preorder
    make_purchase_order(session, [(product, 5, DECEMBER)])
    allocate(session, product)
    assert supply_of(session, order) == [[(JANUARY, 5)]]


def test_supply_that_is_overdue_for_too_long_is_given_back_and_never_taken(
    session: Session, partial: None, product: Product, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.past_due_supply_days", "5")
    overdue = make_purchase_order(session, [(product, 5, date(2026, 11, 20)), (product, 5, date(2026, 11, 20))])
    order = make_order(session, [(product, 5)])
    for line in overdue.lines:
        line.expected_on = date(2026, 11, 1)
    make_purchase_order(session, [(product, 2, MARCH)])
    allocate(session, product)
    assert supply_of(session, order) == [[(date(2026, 11, 1), 3), (MARCH, 2)]]


@pytest.mark.parametrize(("sync", "promised"), [("manual", [MARCH, MARCH]), ("auto", [DECEMBER, MARCH])])
def test_promises_follow_where_they_are_synced_and_keep_theirs_where_nothing_moved(
    session: Session,
    partial: None,
    product: Product,
    set_option: Callable[[str, str], None],
    heard: list[Any],
    sync: str,
    promised: Sequence[date],
) -> None:
    set_option("preorder.sync_dates", sync)
    make_purchase_order(session, [(product, 10, MARCH)])
    orders = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    make_purchase_order(session, [(product, 7, DECEMBER)])
    heard.clear()
    allocate(session, product)
    assert [order.lines[0].promise_date for order in orders] == promised
    assert [fact.cause for fact in heard if isinstance(fact, PromiseDateChanged)] == ["sync"] * (sync == "auto")


def test_a_ticked_line_gives_its_early_supply_to_those_before_it(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    set_option: Callable[[str, str], None],
) -> None:
    first, second, _ = first_in_march
    third = served_alone(session, product, 3, set_option)
    lock_products(session, [product.id])
    exchanges = queries.planned_exchanges(session, [product.id], {third.lines[0].id})
    services.exchange_supply(session, exchanges)
    session.commit()
    assert supply_of(session, first, second, third) == [[(MARCH, 2), (DECEMBER, 3)], [(MARCH, 5)], [(MARCH, 3)]]
    assert queries.planned_exchanges(session, [product.id], {third.lines[0].id}) == []
    assert broken(session) == []


def test_many_exchanges_take_no_more_statements_than_few(
    session: Session, partial: None, count_statements: Callable[[], AbstractContextManager[list[str]]]
) -> None:
    def story(size: int) -> int:
        products = [make_product(session) for _ in range(size)]
        for product in products:
            make_purchase_order(session, [(product, 1, MARCH)] * size)
            make_order(session, [(product, 1)] * size)
            make_purchase_order(session, [(product, 1, DECEMBER)] * size)
        session.commit()
        product_ids = [product.id for product in products]
        lock_products(session, product_ids)
        with count_statements() as sent:
            exchanges = queries.planned_exchanges(session, product_ids)
            services.exchange_supply(session, exchanges)
        assert len(exchanges) == size * size
        session.commit()
        return len(sent)

    assert story(1) >= story(6)


def test_where_nothing_can_be_gained_one_statement_finds_that_out(
    session: Session,
    partial: None,
    product: Product,
    count_statements: Callable[[], AbstractContextManager[list[str]]],
) -> None:
    make_purchase_order(session, [(product, 10, DECEMBER)])
    make_order(session, [(product, 5)])
    product_id = product.id
    with count_statements() as sent:
        assert queries.planned_exchanges(session, [product_id]) == []
    assert len(sent) == 1


def test_a_preview_says_who_gains_and_who_that_is_ticked_loses_and_applying_does_it(
    session: Session,
    product: Product,
    first_in_march: tuple[Order, Order, PurchaseOrder],
    set_option: Callable[[str, str], None],
) -> None:
    first, second, december = first_in_march
    third = served_alone(session, product, 3, set_option)
    ticked, march = {third.lines[0].id}, make_name(session, MARCH)
    preview = queries.preview_rebalance(session, [product.id], ticked)
    assert [str(move) for move in preview.moves] == [
        f"{first.lines[0]} P-1, {first.customer.name}: 3 of {december.lines[0]} for {march}, 90 days earlier.",
        f"{third.lines[0]} P-1, {third.customer.name}: 3 of {march} for {december.lines[0]}, 90 days later.",
    ]
    assert supply_of(session, first, third) == [[(MARCH, 5)], [(DECEMBER, 3)]]
    services.apply_rebalance(session, [product.id], ticked, fingerprint=preview.fingerprint)
    session.commit()
    assert supply_of(session, first, second, third) == [[(MARCH, 2), (DECEMBER, 3)], [(MARCH, 5)], [(MARCH, 3)]]


def test_what_is_not_any_more_as_previewed_is_refused_and_changes_nothing(
    session: Session, product: Product, first_in_march: tuple[Order, Order, PurchaseOrder]
) -> None:
    first, _, december = first_in_march
    product_ids = [product.id]
    preview = queries.preview_rebalance(session, product_ids)
    procurement.set_expected_dates(session, {december.lines[0].id: JANUARY})
    session.commit()
    with pytest.raises(RebalanceChanged):
        services.apply_rebalance(session, product_ids, (), fingerprint=preview.fingerprint)
    session.rollback()
    assert supply_of(session, first) == [[(MARCH, 5)]]


@pytest.mark.option("preorder.sync_dates", "auto")
def test_the_preview_knows_the_promises_that_are_synced(
    session: Session, partial: None, product: Product, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.sync_dates", "auto")
    make_purchase_order(session, [(product, 5, MARCH)])
    order = make_order(session, [(product, 5)])
    make_purchase_order(session, [(product, 5, DECEMBER)])
    preview = queries.preview_rebalance(session, [product.id])
    assert preview.dates == {order.lines[0].id: DECEMBER}
    services.apply_rebalance(session, [product.id], (), fingerprint=preview.fingerprint)
    assert order.lines[0].promise_date == DECEMBER


def test_lines_of_an_order_that_ships_complete_follow_each_other(
    session: Session, partial: None, product: Product, set_option: Callable[[str, str], None]
) -> None:
    set_option("preorder.sync_dates", "auto")
    other = make_product(session)
    make_purchase_order(session, [(product, 5, MARCH), (other, 5, DECEMBER)])
    order = make_order(session, [(product, 5), (other, 5)], shipping_policy="complete")
    make_purchase_order(session, [(product, 5, JANUARY)])
    assert [line.promise_date for line in order.lines] == [MARCH, MARCH]
    allocate(session, product)
    assert [line.promise_date for line in order.lines] == [JANUARY, JANUARY]


def test_the_command_rebalances_products_by_name_and_says_first_what_it_would_do(
    app: Flask, session: Session, product: Product, first_in_march: tuple[Order, Order, PurchaseOrder]
) -> None:
    first, _, december = first_in_march

    def erp(*arguments: str) -> tuple[int, str]:
        session.commit()
        done = app.test_cli_runner().invoke(rebalance, list(arguments))
        session.expire_all()
        return done.exit_code, done.output

    code, out = erp("--dry-run")
    assert (code, out.splitlines()[-1]) == (0, "1 line would change.")
    assert f"3 of {december.lines[0]} for {make_name(session, MARCH)}, 90 days earlier" in out
    assert supply_of(session, first) == [[(MARCH, 5)]]
    assert erp("--sku", "P-9")[0] == 1
    assert erp("--sku", "p-1") == (0, "1 product rebalanced, 3 exchanged by 1 line.\n")
    assert supply_of(session, first) == [[(MARCH, 2), (DECEMBER, 3)]]
    assert erp() == (0, "1 product rebalanced, 0 exchanged by 0 lines.\n")
