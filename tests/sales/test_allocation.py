"""Reserving stock: order of service, backorder rows, and what a run leaves alone."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.errors import InvalidTransition
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.models import Lot
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, Tracking
from modules.sales import services
from modules.sales.errors import LinesRefused, OrderWithoutLines, SerialNotAllocated
from modules.sales.models import Allocation, Backorder, OrderLine
from modules.sales.queries import open_backorder
from modules.sales.states import AllocationSource, BackorderState, OrderState
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.sales import allocate, make_customer, make_draft, make_order


@pytest.fixture
def product(session):
    return make_product(session)


def allocated(order):
    return [line.allocated for line in order.lines]


def backordered(session, order):
    rows = [open_backorder(session, line.id) for line in order.lines]
    return [row.open_quantity if row else 0 for row in rows]


def everything(session):
    return [session.execute(select(*model.__table__.columns)).all() for model in (Allocation, Backorder, OrderLine)]


def checks(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)]


@pytest.mark.option("sales.allocate_on_confirm", "yes")
def test_confirming_gives_the_number_and_runs_the_products(session, product):
    make_stock(session, product, 10)
    order = make_draft(session, [(product, 4)])
    assert order.number is None
    services.confirm(session, order.id)
    assert order.number == "SO00001"
    assert order.state is OrderState.confirmed
    assert allocated(order) == [4]


@pytest.mark.option("sales.allocate_on_confirm", "no")
def test_confirming_allocates_nothing_where_the_option_says_so(session, product, set_option):
    set_option("sales.allocate_on_confirm", "no")
    make_stock(session, product, 10)
    order = make_order(session, [(product, 4)])
    assert allocated(order) == [0]
    assert backordered(session, order) == [0]


def test_an_order_without_lines_is_not_confirmed(session):
    with pytest.raises(OrderWithoutLines):
        services.confirm(session, make_draft(session, []).id)


def test_a_line_with_more_decimals_than_its_product_is_not_confirmed(session, product):
    order = make_draft(session, [(product, "1.5")])
    with pytest.raises(LinesRefused, match="Line 1"):
        services.confirm(session, order.id)


def test_a_product_that_is_not_active_is_not_confirmed(session):
    order = make_draft(session, [(make_product(session, is_active=False), 1)])
    with pytest.raises(LinesRefused, match="not active"):
        services.confirm(session, order.id)


@pytest.mark.option("sales.backorders", "yes")
def test_what_stock_cannot_cover_becomes_a_backorder(session, product):
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)])
    assert allocated(order) == [22]
    assert backordered(session, order) == [3]
    assert checks(session) == []


@pytest.mark.option("sales.backorders", "no")
def test_without_backorders_the_shortage_makes_no_row(session, product, set_option):
    set_option("sales.backorders", "no")
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)])
    assert allocated(order) == [22]
    assert session.scalars(select(Backorder)).all() == []


def test_without_backorders_existing_rows_still_shrink(session, product, set_option):
    order = make_order(session, [(product, 25)])
    set_option("sales.backorders", "no")
    make_stock(session, product, 5)
    allocate(session, product)
    assert backordered(session, order) == [20]


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


def test_a_serial_product_is_ordered_in_whole_pieces(session):
    order = make_draft(session, [(make_product(session, tracking=Tracking.serial), "1.5")])
    with pytest.raises(LinesRefused, match="has more than 0 decimals"):
        services.confirm(session, order.id)


def test_an_order_of_serial_products_alone_is_told_to_give_the_numbers_when_packing(session):
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
    assert session.scalars(select(Allocation.source)).all() == [AllocationSource.by_hand]


def test_a_draft_is_not_allocated(session, product):
    with pytest.raises(InvalidTransition):
        services.allocate_order(session, make_draft(session, [(product, 1)]).id)


def test_a_held_line_stays_out_of_automatic_runs(session, product):
    order = make_order(session, [(product, 5)])
    services.hold_lines(session, [order.lines[0].id], True)
    make_stock(session, product, 5)
    allocate(session, product)
    assert allocated(order) == [0]
    assert backordered(session, order) == [5]


def test_allocating_again_on_the_same_balance_makes_a_new_row(session, product):
    balance = make_stock(session, product, 5, lot="L1")
    order = make_order(session, [(product, 8)])
    make_stock(session, product, 3, lot="L1")
    services.allocate_order(session, order.id)
    rows = session.execute(select(Allocation.balance_id, Allocation.quantity).order_by(Allocation.id)).all()
    assert rows == [(balance.id, 5), (balance.id, 3)]


def test_the_backorder_row_is_checked_off_when_stock_covers_it(session, product):
    order = make_order(session, [(product, 3)])
    row = open_backorder(session, order.lines[0].id)
    make_stock(session, product, 3)
    services.allocate_order(session, order.id)
    assert row.state is BackorderState.allocated
    assert row.allocated_quantity == 3
    assert row.closed_at is not None


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


def test_allocating_again_after_a_removal_grows_the_same_backorder_row(session, product):
    make_stock(session, product, 5)
    order = make_order(session, [(product, 10)])
    services.remove_allocations(session, order.id)
    session.commit()
    make_order(session, [(product, 5)])
    services.allocate_order(session, order.id)
    rows = session.scalars(select(Backorder).where(Backorder.line_id == order.lines[0].id)).all()
    assert [(row.quantity, row.state) for row in rows] == [(10, BackorderState.open)]


def test_only_chosen_allocations_are_removed(session, product):
    make_stock(session, product, 5)
    make_stock(session, product, 5)
    order = make_order(session, [(product, 10)])
    first, second = session.scalars(select(Allocation).order_by(Allocation.id))
    services.remove_allocations(session, order.id, [second.id], hold=False)
    assert session.scalars(select(Allocation.id)).all() == [first.id]
    assert not order.lines[0].hold_allocation


def test_what_disappears_stands_in_the_history(session, product):
    balance = make_stock(session, product, 5, lot="L7")
    order = make_order(session, [(product, 5)])
    services.remove_allocations(session, order.id)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.action == "removed")).one()
    assert (entry.document_name, entry.line, entry.old_value) == (order.number, 1, "5 of L7 at WH/STOCK")
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


def test_lots_are_named_where_the_allocation_lies(session, product):
    make_stock(session, product, 5, lot="A-1", location="WH/B")
    order = make_order(session, [(product, 5)])
    row = session.scalars(select(Allocation).join(OrderLine).where(OrderLine.order_id == order.id)).one()
    assert (row.balance.lot.number, row.balance.location.path) == ("A-1", "WH/B")
    assert session.scalars(select(Lot.number)).all() == ["A-1"]
    assert row.quantity == Decimal(5)
