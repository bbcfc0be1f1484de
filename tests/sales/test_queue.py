"""Order of service: who is served first, and which lines stay out of automatic runs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp import jobs
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.sales import services
from modules.sales.models import Allocation, Backorder
from tests.support.inventory_lots import make_location, make_product, make_stock, set_stock
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order, open_backorder


@pytest.fixture
def product(session):
    return make_product(session)


def got(orders):
    return [int(order.lines[0].allocated) for order in orders]


def by_another_order(session, product):
    make_order(session, [(product, 1)])


def by_a_receipt(session, product):
    bought = make_purchase_order(session, [(product, 2)]).lines[0]
    session.commit()
    place, line = make_location(session), session.get_one(type(bought), bought.id)
    procurement.receive(session, Delivery(line.id, Decimal(2), place.id, "R1"))
    session.commit()


def by_the_job(session, product):
    jobs.run("allocate-backorders")


def by_a_command(session, product):
    services.allocate_book(session)


def allocated(order):
    return [line.allocated for line in order.lines]


def backordered(session, order):
    rows = [open_backorder(session, line.id) for line in order.lines]
    return [row.open_quantity if row else 0 for row in rows]


def test_orders_are_served_by_priority_then_time_then_creation_then_position(session, product):
    later = make_order(session, [(product, 1)])
    first = make_order(session, [(product, 1), (product, 1)], ordered_at=later.ordered_at.replace(year=2025))
    twin = make_order(session, [(product, 1)], ordered_at=first.ordered_at)
    urgent = make_order(session, [(product, 1)], priority=5)
    served = []
    for _ in range(5):
        make_stock(session, product, 1)
        allocate(session, product)
        rows = session.scalars(select(Allocation.line_id).order_by(Allocation.id)).all()
        served.append(rows[-1])
    orders = (urgent, first, twin, later)
    assert served == [line.id for order in orders for line in order.lines]


def test_a_new_order_never_overtakes_an_older_one_that_waits(session, product):
    older = make_order(session, [(product, 5)])
    make_stock(session, product, 5)
    newer = make_order(session, [(product, 5)])
    assert allocated(older) == [5]
    assert allocated(newer) == [0]


def test_a_run_never_takes_stock_back_from_a_line_that_holds_it(session, product):
    make_stock(session, product, 5)
    holder = make_order(session, [(product, 5)])
    make_order(session, [(product, 5)], priority=9)
    assert allocated(holder) == [5]


def test_a_held_line_stays_out_of_automatic_runs(session, product):
    order = make_order(session, [(product, 5)])
    services.hold_lines(session, [order.lines[0].id], True)
    make_stock(session, product, 5)
    allocate(session, product)
    assert allocated(order) == [0]
    assert backordered(session, order) == [5]


@pytest.mark.parametrize("run", [by_another_order, by_a_receipt, by_the_job, by_a_command])
def test_a_held_line_gets_no_lots_no_backorder_and_no_purchase_allocation_from_any_run(session, set_option, run):
    set_option("preorder.auto_allocate", "yes")
    set_option("sales.allocate_on_confirm", "no")
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    set_option("sales.allocate_on_confirm", "yes")
    make_purchase_order(session, [(product, 50, date(2026, 12, 1))])
    services.hold_lines(session, [order.lines[0].id], True)
    make_stock(session, product, 3)
    run(session, product)
    session.expire_all()
    line = order.lines[0]
    assert (line.allocated, line.hold_allocation) == (0, True)
    for model in (Allocation, Backorder, PurchaseAllocation):
        assert session.scalars(select(model).where(model.line_id == line.id)).all() == []
    services.allocate_order(session, order.id)
    assert (line.allocated > 0, line.hold_allocation) == (True, False)


def test_what_is_freed_waits_for_a_clerk_or_a_run(session):
    product = make_product(session)
    make_stock(session, product, 5)
    holder, waits = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    services.remove_allocations(session, holder.id)
    session.commit()
    assert (holder.lines[0].allocated, waits.lines[0].allocated) == (0, 0)
    services.allocate_book(session)
    assert (holder.lines[0].allocated, waits.lines[0].allocated) == (0, 5)


def test_a_line_that_loses_stock_through_no_doing_of_its_customer_keeps_its_place(session):
    product = make_product(session)
    balance = make_stock(session, product, 4)
    first, second = make_order(session, [(product, 4)]), make_order(session, [(product, 4)])
    set_stock(session, balance, 0, release=True)
    assert got([first, second]) == [0, 0]
    set_stock(session, balance, 4)
    services.allocate_book(session)
    assert got([first, second]) == [4, 0]
