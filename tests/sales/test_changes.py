"""Changing what is confirmed: quantities, cancellations, backorder rows, the cancellation days."""

from contextlib import contextmanager
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import event, insert, select

from erp import clock
from erp.db import db, require_lock
from erp.errors import InvalidTransition, StaleRecord
from erp.models import HistoryEntry
from erp.registry import current_registry
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.services import lock_products
from modules.sales import services
from modules.sales.errors import AllocationsHeld, NothingOpen, QuantityBelowDone
from modules.sales.models import Allocation, Backorder, Order
from modules.sales.queries import open_backorder
from modules.sales.services import NewLine, NewOrder, allocation
from modules.sales.states import BackorderState, OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import allocate, make_customer, make_draft, make_order


@pytest.fixture
def product(session):
    return make_product(session)


def line_of(order):
    return order.lines[0]


def waiting(session, order):
    row = open_backorder(session, line_of(order).id)
    return row.open_quantity if row else 0


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def test_a_raised_line_keeps_its_place_in_the_queue(session, product):
    first, second = make_order(session, [(product, 2)]), make_order(session, [(product, 2)])
    services.change_quantity(session, line_of(first).id, Decimal(4))
    session.commit()
    make_stock(session, product, 4)
    allocate(session, product)
    assert (line_of(first).allocated, line_of(second).allocated) == (4, 0)


def test_a_lowered_line_gives_back_its_backorder_first(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.change_quantity(session, line_of(order).id, Decimal(8))
    assert (line_of(order).allocated, waiting(session, order)) == (6, 2)
    services.change_quantity(session, line_of(order).id, Decimal(6))
    assert (line_of(order).allocated, waiting(session, order)) == (6, 0)
    assert no_breach(session)


def test_a_lowered_line_then_gives_back_its_latest_lot(session, product):
    old = make_stock(session, product, 3, received_on=date(2026, 1, 1))
    new = make_stock(session, product, 3, received_on=date(2026, 2, 1))
    order = make_order(session, [(product, 6)])
    services.change_quantity(session, line_of(order).id, Decimal(2))
    assert (old.allocated, new.allocated) == (2, 0)
    assert line_of(order).allocated == 2


def test_a_quantity_below_what_is_packed_is_refused(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.pack_order(session, order.id)
    with pytest.raises(QuantityBelowDone):
        services.change_quantity(session, line_of(order).id, Decimal(5))
    services.change_quantity(session, line_of(order).id, Decimal(6))
    assert order.state is OrderState.done


def test_a_draft_s_quantity_is_edited_in_its_form(session, product):
    with pytest.raises(InvalidTransition):
        services.change_quantity(session, line_of(make_draft(session, [(product, 1)])).id, Decimal(5))


def test_a_confirmed_order_may_gain_lines(session, product):
    other = make_product(session)
    make_stock(session, other, 1)
    order = make_order(session, [(product, 1)])
    services.add_lines(session, order.id, [NewLine(other.id, Decimal(2))])
    assert [(line.position, line.allocated) for line in order.lines] == [(1, 0), (2, 1)]


def test_cancelling_a_line_gives_back_what_is_not_packed(session, product):
    balance = make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.pack_order(session, order.id)
    session.commit()
    make_stock(session, product, 1)
    services.allocate_order(session, order.id)
    session.commit()
    services.cancel_line(session, line_of(order).id, why="customer called")
    assert (line_of(order).packed, line_of(order).cancelled, line_of(order).allocated) == (6, 4, 0)
    assert (balance.allocated, waiting(session, order)) == (0, 0)
    assert order.state is OrderState.done
    assert session.scalars(select(HistoryEntry.why).where(HistoryEntry.action == "cancelled")).all() == [
        "customer called"
    ]
    assert no_breach(session)


def test_cancelling_an_order_with_nothing_packed_cancels_it(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    services.cancel_order(session, order.id)
    assert order.state is OrderState.cancelled
    assert session.scalars(select(Allocation)).all() == []
    assert session.scalars(select(Backorder.state)).all() == [BackorderState.cancelled]
    assert no_breach(session)


def test_a_cancelled_order_frees_stock_for_a_later_run_only(session, product):
    make_stock(session, product, 5)
    order, other = make_order(session, [(product, 5)]), make_order(session, [(product, 5)])
    services.cancel_order(session, order.id)
    session.commit()
    assert line_of(other).allocated == 0
    allocate(session, product)
    assert line_of(other).allocated == 5


def test_a_draft_is_cancelled_whole(session, product):
    order = make_draft(session, [(product, 5)])
    services.cancel_order(session, order.id)
    assert order.state is OrderState.cancelled


def test_cancelling_a_backorder_gives_up_its_open_quantity_for_good(session, product):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    row = open_backorder(session, line_of(order).id)
    services.cancel_backorder(session, row.id)
    assert (row.cancelled_quantity, row.state) == (4, BackorderState.cancelled)
    assert line_of(order).cancelled == 4
    with pytest.raises(NothingOpen):
        services.cancel_backorder(session, row.id)


def test_an_order_with_nothing_left_after_its_backorder_is_cancelled(session, product):
    order = make_order(session, [(product, 10)])
    services.cancel_backorder(session, open_backorder(session, line_of(order).id).id)
    assert order.state is OrderState.cancelled


def test_deleting_a_backorder_drops_the_row_and_holds_the_line(session, product):
    order = make_order(session, [(product, 10)])
    services.delete_backorder(session, open_backorder(session, line_of(order).id).id)
    session.commit()
    assert session.scalars(select(Backorder)).all() == []
    assert line_of(order).hold_allocation
    allocate(session, product)
    assert waiting(session, order) == 0
    assert line_of(order).open_quantity == 10


@pytest.mark.option("sales.backorder_cancellation_days", "5")
def test_backorders_older_than_the_cancellation_days_are_given_up(session, product, set_option, at):
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    at("2026-11-28T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0
    at("2026-11-29T00:00:00Z")
    assert services.cancel_overdue_backorders(session) == 1
    assert (line_of(order).cancelled, line_of(order).allocated) == (4, 6)
    assert order.state is OrderState.confirmed


def test_a_backorder_that_grew_counts_from_then(session, product, set_option, at):
    order = make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    at("2026-11-27T12:00:00Z")
    services.change_quantity(session, line_of(order).id, Decimal(12))
    session.commit()
    at("2026-11-29T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0
    at("2026-12-03T12:00:00Z")
    assert services.cancel_overdue_backorders(session) == 1


@pytest.mark.parametrize(("option", "value"), [
    pytest.param("backorder_cancellation_days", "0",
                 marks=pytest.mark.option("sales.backorder_cancellation_days", "0")),
    ("backorders", "no"),
])  # fmt: skip
def test_without_the_option_nothing_is_ever_given_up(session, product, set_option, at, option, value):
    make_order(session, [(product, 10)])
    set_option("sales.backorder_cancellation_days", "5")
    set_option(f"sales.{option}", value)
    at("2027-11-29T00:00:00Z")
    assert services.cancel_overdue_backorders(session) == 0


def test_promise_dates_are_set_pinned_and_written_into_the_history(session, product):
    order = make_order(session, [(product, 10)])
    line = line_of(order)
    changed = services.set_promise_dates(
        session, {line.id: date(2026, 12, 24)}, cause="edit", pin=True, why="customer asked"
    )
    assert (changed, line.promise_date, line.is_promise_pinned) == (1, date(2026, 12, 24), True)
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.field == "promise_date")).one()
    assert (entry.old_value, entry.new_value, entry.why, entry.line) == ("", "2026-12-24", "customer asked", 1)
    assert services.set_promise_dates(session, {line.id: date(2026, 12, 24)}, cause="edit", pin=True) == 0


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

    monkeypatch.setattr(allocation, "lock_products", locked_later)
    with pytest.raises(StaleRecord):
        services.release_or_refuse(session, release=True)
    session.rollback()
    assert session.get_one(Balance, balance_id).allocated == 0
    assert no_breach(session)


@pytest.mark.parametrize("lines", [1, 12])
def test_cancelling_an_order_takes_the_same_statements_for_one_line_as_for_many(session, count_statements, lines):
    products = [make_product(session) for _ in range(lines)]
    for each in products:
        make_stock(session, each, 3)
    order_id = make_order(session, [(each, 5) for each in products]).id
    session.expunge_all()
    with count_statements() as sent:
        order = services.cancel_order(session, order_id)
        session.commit()
    assert (order.state, {line.cancelled for line in order.lines}) == (OrderState.cancelled, {5})
    assert len(sent) <= 30
    assert no_breach(session)


@pytest.mark.parametrize("lines", [1, 12])
def test_adding_lines_takes_the_same_statements_for_one_line_as_for_many(session, product, count_statements, lines):
    order = make_order(session, [(product, 1)])
    added = [NewLine(make_product(session).id, Decimal(2)) for _ in range(lines)]
    session.commit()
    with count_statements() as sent:
        services.add_lines(session, order.id, added)
        session.commit()
    assert [line.position for line in order.lines] == list(range(1, lines + 2))
    assert len(sent) <= 30


def test_a_line_is_changed_under_the_lock_of_its_whole_order(session, product):
    other = make_product(session)
    order = make_order(session, [(product, 5), (other, 5)])
    services.cancel_line(session, line_of(order).id)
    require_lock(session, Product, [product.id, other.id])
    session.commit()
    services.cancel_backorder(session, open_backorder(session, order.lines[1].id).id)
    require_lock(session, Product, [product.id, other.id])
    session.commit()
    assert order.state is OrderState.cancelled


@contextmanager
def parameters_sent():
    """Give the list of how many parameters each statement inside has."""
    sent = []

    def note(_connection, _cursor, _statement, parameters, _context, executemany):
        sent.append(0 if executemany else len(parameters or ()))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def make_queue(session, product, count):
    """Confirm many orders of one product at once."""
    ordered_at, customer_id, lines = clock.now(), make_customer(session).id, [NewLine(product.id, Decimal(2))]
    services.create_confirmed(
        session, [NewOrder(f"MANY-{number}", customer_id, ordered_at, lines) for number in range(count)]
    )
    allocate(session, product)


def test_overdue_backorders_of_any_number_are_cancelled(session, product, at, set_option):
    set_option("sales.backorder_cancellation_days", "5")
    make_queue(session, product, 300)
    at("2026-12-24T12:00:00Z")
    with parameters_sent() as sent:
        assert services.cancel_overdue_backorders(session) == 300
    assert set(session.scalars(select(Order.state))) == {OrderState.cancelled}
    assert max(sent) < 100


def test_allocations_of_any_number_are_released_when_sales_is_disabled(session, product):
    make_stock(session, product, 600)
    make_queue(session, product, 300)
    with parameters_sent() as sent:
        services.release_or_refuse(session, release=True)
    assert session.scalars(select(Allocation)).all() == []
    assert max(sent) < 100
    assert no_breach(session)
