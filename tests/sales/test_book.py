"""Runs of the whole book: by command and on a schedule, a batch and a commit at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from erp import jobs
from erp.db import ErpSession
from erp.models import HistoryEntry, JobRunState, RunEntry
from modules.inventory_lots.services import products as product_services
from modules.sales import services
from modules.sales.models import Allocation, OrderLine
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


@pytest.fixture
def product(session):
    return make_product(session)


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


def got_so_far(session):
    return int(session.scalar(select(func.sum(OrderLine.allocated))))


def test_the_command_serves_all_open_demand_and_counts_it(session, erp, waiting):
    assert erp("allocate") == "2 products run, 8 units allocated.\n"
    assert got(waiting) == [3, 5]


def test_the_command_serves_only_the_products_it_is_given(session, erp, waiting):
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


def test_the_job_does_the_same_on_a_schedule(session, waiting):
    done = jobs.run("allocate-backorders")
    assert (done.state, done.summary) == (JobRunState.done, "2 products run, 8 units allocated.")
    session.expire_all()
    assert got(waiting) == [3, 5]


def test_a_run_is_one_entry_of_history_with_counts_and_its_rows_name_user_time_and_source(session, erp, waiting):
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
