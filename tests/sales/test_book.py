"""Runs of the whole book: by command and by the clock, a batch and a commit at a time; and who stays out of them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp import jobs
from erp.db import ErpSession
from erp.models import HistoryEntry, JobRunState, RunEntry
from modules.inventory_lots.services import hold_lot, lock_products
from modules.inventory_lots.services import products as product_services
from modules.inventory_lots.states import LocationKind
from modules.preorder.models import PurchaseAllocation
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.sales import services
from modules.sales.models import Allocation, Backorder, OrderLine
from modules.sales.services import Grant
from modules.sales.states import BackorderState
from tests.support.inventory_lots import make_location, make_product, make_stock, set_stock
from tests.support.preorder import allocate_purchase
from tests.support.procurement import make_purchase_order
from tests.support.sales import make_order


@pytest.fixture
def erp(app, command):
    """Return a function that carries out a command line and returns what it prints."""

    def carry_out(*arguments):
        code, printed, problem = command(app, *arguments)
        assert (code, problem) == (0, "")
        return printed

    return carry_out


@pytest.fixture
def waiting(session):
    """Two products in stock, and a confirmed order of each that came before the goods."""
    products = [make_product(session, sku=sku) for sku in ("BOLT", "NUT")]
    orders = [make_order(session, [(product, 5)]) for product in products]
    for product, quantity in zip(products, (3, 9), strict=True):
        make_stock(session, product, quantity)
    return orders


def got(orders):
    return [int(order.lines[0].allocated) for order in orders]


def test_the_command_serves_all_open_demand_and_says_how_much(session, erp, waiting):
    assert erp("allocate") == "2 products run, 8 units allocated.\n"
    assert got(waiting) == [3, 5]


def test_the_command_serves_only_the_products_it_is_told_to(session, erp, waiting):
    assert erp("allocate", "--sku", "BOLT") == "1 product run, 3 units allocated.\n"
    assert got(waiting) == [3, 0]


def test_a_dry_run_prints_what_would_change_and_changes_nothing(session, erp, waiting):
    first, second = (order.number for order in waiting)
    assert erp("allocate", "--dry-run").splitlines() == [
        f"{first}/1 BOLT: allocated 0 -> 3, backordered 5 -> 2",
        f"{second}/1 NUT: allocated 0 -> 5, backordered 5 -> 0",
        "2 lines would change.",
    ]
    assert got(waiting) == [0, 0]
    assert session.scalar(select(func.count()).select_from(Allocation)) == 0


def test_an_unknown_product_is_one_line_and_serves_nobody(session, app, command, waiting):
    assert command(app, "allocate", "--sku", "NAIL") == (1, "", "There is no product 'NAIL'.\n")
    assert got(waiting) == [0, 0]


def test_the_job_does_the_same_by_the_clock(session, waiting):
    done = jobs.run("allocate-backorders")
    assert (done.state, done.summary) == (JobRunState.done, "2 products run, 8 units allocated.")
    session.expire_all()
    assert got(waiting) == [3, 5]


def test_a_run_is_one_entry_of_history_with_counts_and_its_rows_say_who_when_and_how(session, erp, waiting):
    erp("allocate")
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "sales.run")).one()
    assert entry.new_value == "2 products run, 8 units allocated."
    for row in session.scalars(select(Allocation)):
        assert (row.source, row.run_id, row.user_name) == ("automatic", entry.document_id, entry.user_name)
        assert row.created_at is not None
    assert session.get_one(RunEntry, entry.document_id).name == "erp allocate"


def test_products_are_run_in_batches_with_a_commit_each(session, waiting, monkeypatch):
    monkeypatch.setattr(product_services, "BATCH", 1)
    commits = []
    real = ErpSession.commit
    monkeypatch.setattr(ErpSession, "commit", lambda self: (commits.append(got_so_far(self)), real(self)))
    services.allocate_book(session)
    assert commits[:2] == [3, 8]


def got_so_far(session):
    return int(session.scalar(select(func.sum(OrderLine.allocated))))


# Out of automatic runs


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


@pytest.mark.parametrize("run", [by_another_order, by_a_receipt, by_the_job, by_a_command])
def test_a_held_line_gets_no_lots_no_backorder_and_no_links_from_any_run(session, set_option, run):
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


# The backorder row


def test_a_closed_row_stays_and_new_need_gets_a_new_one(session):
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    make_stock(session, product, 5)
    services.allocate_book(session)
    services.change_quantity(session, order.lines[0].id, Decimal(8))
    rows = session.scalars(select(Backorder).order_by(Backorder.id)).all()
    assert [(row.quantity, row.state, row.closed_at is None) for row in rows] == [
        (5, BackorderState.allocated, False),
        (3, BackorderState.open, True),
    ]


@pytest.mark.parametrize(("stock", "state"), [(2, BackorderState.allocated), (0, BackorderState.cancelled)])
def test_a_row_that_ends_is_allocated_if_any_of_it_was(session, stock, state):
    product = make_product(session)
    services.cancel_order(session, _ending(session, product, stock).id)
    row = session.scalars(select(Backorder)).one()
    assert (row.state, row.allocated_quantity, row.cancelled_quantity) == (state, stock, 5 - stock)
    assert row.closed_at is not None


def _ending(session, product, stock):
    order = make_order(session, [(product, 5)])
    if stock:
        make_stock(session, product, stock)
        services.allocate_book(session)
    return order


# The cancellation days


@pytest.mark.needs("preorder")
@pytest.mark.parametrize(("covered", "cancelled"), [("no", 2), ("yes", 5)])
def test_linked_quantities_are_spared_unless_the_option_says_otherwise(session, set_option, at, covered, cancelled):
    set_option("sales.backorder_cancellation_days", "5")
    set_option("sales.cancel_covered", covered)
    product = make_product(session)
    order = make_order(session, [(product, 5)])
    purchase = make_purchase_order(session, [(product, 3, date(2027, 2, 1))])
    allocate_purchase(session, order.lines[0], purchase.lines[0], 3)
    at("2026-12-24T12:00:00Z")
    assert jobs.run("cancel-overdue-backorders").summary == "1 backorder cancelled."
    session.expire_all()
    assert order.lines[0].cancelled == cancelled
    assert (order.state == "cancelled") == (cancelled == 5)


# Whoever does it holds the locks


@pytest.mark.parametrize(
    "action",
    [
        lambda session, line: services.serve_products(session, [line.product_id]),
        lambda session, line: services.allocate_on(session, [Grant(line.id, 1, Decimal(1))]),
        lambda session, line: services.release_balance_allocations(session, {1: Decimal(1)}),
        lambda session, line: services.grow_backorders(session, [line.id]),
        lambda session, line: services.cancel_backorders(session, {1: Decimal(1)}, cause="clerk"),
    ],
    ids=["serve", "allocate_on", "release_balance_allocations", "grow_backorders", "cancel_backorders"],
)
def test_inner_services_assert_the_lock_and_never_take_it(session, action):
    product = make_product(session)
    make_stock(session, product, 2)
    line = make_order(session, [(product, 5)]).lines[0]
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        action(session, line)


def test_what_is_locked_is_read_again(session):
    product = make_product(session)
    line = make_order(session, [(product, 5)]).lines[0]
    assert line.hold_allocation is False
    session.connection().exec_driver_sql("UPDATE sales_order_line SET hold_allocation = true")
    assert line.hold_allocation is False
    lock_products(session, [product.id])
    assert line.hold_allocation is True


def test_an_order_that_ships_complete_needs_all_of_it_on_usable_stock(session):
    product = make_product(session)
    good, bad = (make_stock(session, product, 2, location=make_location(session, path)) for path in ("WH/A", "WH/B"))
    order = make_order(session, [(product, 4)], shipping_policy="complete")
    hold_lot(session, bad.lot_id)
    session.commit()
    with pytest.raises(services.packing.ShipsComplete, match=r"2 of .* cannot leave now\. Line 1: Lot .* is on hold"):
        services.pack_order(session, order.id)
    session.rollback()
    assert (good.on_hand, good.location.kind, order.lines[0].packed) == (2, LocationKind.stock, 0)
