"""Reserving stock and giving it back."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, insert, select

from erp.errors import InvalidTransition, StaleRecord
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.models import Balance, Lot
from modules.inventory_lots.services import hold_lot, lock_products
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import services
from modules.sales.errors import (
    AllocationsHeld,
    SerialNotAllocated,
)
from modules.sales.models import Allocation, Backorder, OrderLine
from modules.sales.services import releases
from modules.sales.states import AllocationSource
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.sales import allocate, make_customer, make_draft, make_order, make_queue, open_backorder
from tests.support.statements import parameters_sent


@pytest.fixture
def product(session):
    return make_product(session)


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def allocated(order):
    return [line.allocated for line in order.lines]


def backordered(session, order):
    rows = [open_backorder(session, line.id) for line in order.lines]
    return [row.open_quantity if row else 0 for row in rows]


def everything(session):
    return [session.execute(select(*model.__table__.columns)).all() for model in (Allocation, Backorder, OrderLine)]


def checks(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)]


def test_fifo_takes_the_lot_received_first_and_fefo_the_one_that_expires_first(session, product, set_option):
    old = make_stock(session, product, 1, received_on=date(2026, 1, 1), expires_on=date(2027, 6, 1))
    soon = make_stock(session, product, 1, received_on=date(2026, 2, 1), expires_on=date(2027, 1, 1))
    never = make_stock(session, product, 1, received_on=date(2025, 1, 1))
    make_order(session, [(product, 1)])
    set_option("inventory_lots.removal", "fefo")
    make_order(session, [(product, 2)])
    taken = session.scalars(select(Allocation.balance_id).order_by(Allocation.id)).all()
    assert taken == [never.id, soon.id, old.id]


def test_quarantined_held_and_expired_stock_is_not_allocated(session, product):
    make_stock(session, product, 1, location=make_location(session, "WH/QA", kind=LocationKind.quarantine))
    held = make_stock(session, product, 1)
    hold_lot(session, held.lot_id)
    make_stock(session, product, 1, expires_on=date(2026, 11, 22))
    session.commit()
    order = make_order(session, [(product, 3)])
    assert allocated(order) == [0]
    make_stock(session, product, 1, expires_on=date(2026, 11, 23))
    allocate(session, product)
    assert allocated(order) == [1]


def test_a_serial_product_is_never_allocated_or_backordered(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1", "S2")
    other = make_product(session)
    order = make_order(session, [(product, 2), (other, 1)])
    services.allocate_order(session, order.id)
    assert allocated(order) == [0, 0]
    assert backordered(session, order) == [0, 1]


def test_an_order_of_serial_products_alone_is_not_allocated_but_packed_by_number(session):
    order = make_order(session, [(make_product(session, tracking=Tracking.serial), 2)])
    with pytest.raises(SerialNotAllocated, match="give the numbers when packing"):
        services.allocate_order(session, order.id)


def test_a_second_run_changes_nothing(session, product):
    make_stock(session, product, 7)
    make_order(session, [(product, 5)])
    make_order(session, [(product, 5)])
    before = everything(session)
    allocate(session, product)
    assert everything(session) == before


def test_allocating_an_order_may_overtake_and_clears_its_hold(session, product):
    make_order(session, [(product, 5)])
    order = make_order(session, [(product, 5)])
    services.hold_lines(session, [order.lines[0].id], True)
    session.commit()
    make_stock(session, product, 5)
    services.allocate_order(session, order.id)
    assert allocated(order) == [5]
    assert not order.lines[0].hold_allocation
    assert session.scalars(select(Allocation.source)).all() == [AllocationSource.manual]


def test_a_draft_is_not_allocated(session, product):
    with pytest.raises(InvalidTransition):
        services.allocate_order(session, make_draft(session, [(product, 1)]).id)


def test_allocating_again_on_the_same_balance_makes_a_new_row(session, product):
    balance = make_stock(session, product, 5, lot="L1")
    order = make_order(session, [(product, 8)])
    make_stock(session, product, 3, lot="L1")
    services.allocate_order(session, order.id)
    rows = session.execute(select(Allocation.balance_id, Allocation.quantity).order_by(Allocation.id)).all()
    assert rows == [(balance.id, 5), (balance.id, 3)]


def test_removing_allocations_frees_them_keeps_the_backorder_and_holds_the_line(session, product):
    make_stock(session, product, 5)
    order = make_order(session, [(product, 10)])
    assert services.remove_allocations(session, order.id) == 1
    assert allocated(order) == [0]
    assert backordered(session, order) == [5]
    assert order.lines[0].hold_allocation
    session.commit()
    other = make_order(session, [(product, 5)])
    assert allocated(other) == [5]
    assert checks(session) == []


def test_only_chosen_allocations_are_removed(session, product):
    make_stock(session, product, 5)
    make_stock(session, product, 5)
    order = make_order(session, [(product, 10)])
    first, second = session.scalars(select(Allocation).order_by(Allocation.id))
    services.remove_allocations(session, order.id, [second.id], hold=False)
    assert session.scalars(select(Allocation.id)).all() == [first.id]
    assert not order.lines[0].hold_allocation


def test_what_disappears_is_in_the_history(session, product):
    balance = make_stock(session, product, 5, lot="L7")
    order = make_order(session, [(product, 5)])
    services.remove_allocations(session, order.id)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "removed")).one()
    assert (entry.document_name, entry.line, entry.old_value) == (order.number, 1, "5 × L7, WH/STOCK")
    assert balance.allocated == 0


def test_allocating_an_order_takes_the_same_statements_for_one_line_as_for_a_hundred(session, count_statements):
    def statements(lines, in_stock):
        products = [make_product(session) for _ in range(lines)]
        order_id = make_order(session, [(product, 2) for product in products], customer=make_customer(session)).id
        for product in products[:in_stock]:
            make_stock(session, product, 1)
        session.expunge_all()
        with count_statements() as sent:
            services.allocate_order(session, order_id)
            session.commit()
        assert session.scalar(select(func.sum(OrderLine.allocated))) > 0
        return len(sent)

    statements(1, in_stock=1)
    assert statements(100, in_stock=100) == statements(1, in_stock=1)
    assert statements(100, in_stock=50) == statements(2, in_stock=1) <= 30


def test_an_allocation_names_its_lot_and_location(session, product):
    make_stock(session, product, 5, lot="A-1", location="WH/B")
    order = make_order(session, [(product, 5)])
    row = session.scalars(select(Allocation).join(OrderLine).where(OrderLine.order_id == order.id)).one()
    assert (row.balance.lot.number, row.balance.location.path) == ("A-1", "WH/B")
    assert session.scalars(select(Lot.number)).all() == ["A-1"]
    assert row.quantity == Decimal(5)


def test_sales_is_not_switched_off_while_stock_is_allocated(session, product):
    balance = make_stock(session, product, 6)
    make_order(session, [(product, 4)])
    with pytest.raises(AllocationsHeld, match="4 units are allocated to 1 sales order"):
        services.release_or_refuse(session, release=False)
    services.release_or_refuse(session, release=True)
    assert balance.allocated == 0


def test_what_was_allocated_while_the_locks_were_waited_for_is_not_released_unlocked(session, product, monkeypatch):
    make_stock(session, product, 6)
    make_order(session, [(product, 4)])
    other = make_product(session)
    balance_id, line_id = make_stock(session, other, 6).id, make_order(session, [(other, 6)]).lines[0].id
    late = session.scalars(select(Allocation).where(Allocation.line_id == line_id)).one()
    copied = {column.name: getattr(late, column.name) for column in Allocation.__table__.columns}
    services.remove_allocations(session, late.line.order_id)
    session.commit()

    def locked_later(session, product_ids):
        session.execute(insert(Allocation).values(copied))
        lock_products(session, product_ids)

    monkeypatch.setattr(releases, "lock_products", locked_later)
    with pytest.raises(StaleRecord):
        services.release_or_refuse(session, release=True)
    session.rollback()
    assert session.get_one(Balance, balance_id).allocated == 0
    assert no_breach(session)


def test_allocations_of_any_number_are_released_when_sales_is_disabled(session, product):
    make_stock(session, product, 600)
    make_queue(session, product, 300)
    with parameters_sent() as sent:
        services.release_or_refuse(session, release=True)
    assert session.scalars(select(Allocation)).all() == []
    assert max(sent) < 100
    assert no_breach(session)
