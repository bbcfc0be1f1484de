"""Jobs over many products: one that fails is named, stays as it was, and stops no other."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from erp import jobs
from erp.errors import SomeFailed
from erp.models import JobRun, JobRunState
from erp.registry import Owned
from modules.inventory_lots.services import products as product_services
from modules.sales import services
from modules.sales.events import LinesServed
from modules.sales.models import Backorder
from modules.sales.states import BackorderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order


@pytest.fixture
def products(session, monkeypatch):
    """Five products, worked on two at a time."""
    monkeypatch.setattr(product_services, "BATCH", 2)
    return [make_product(session, sku=f"P-{number}") for number in range(5)]


@pytest.fixture
def stumble_over(app):
    """Return a function that adds a listener which fails when that product was served."""
    listeners = app.extensions["erp"].subscribers[LinesServed]
    before = list(listeners)

    def over(product):
        bad = product.id

        def stumble(_session, event):
            if bad in event.product_ids:
                raise ValueError("odd\nvery odd")

        listeners.append(Owned("sales", stumble))

    yield over
    listeners[:] = before


def failed_run(session):
    session.rollback()
    run = session.scalars(select(JobRun).order_by(JobRun.id.desc()).limit(1)).one()
    assert run.state is JobRunState.failed
    return run.error


def test_the_whole_book_is_served_but_for_the_product_that_fails(session, products, stumble_over):
    orders = [make_order(session, [(product, 3)]) for product in products]
    for product in products:
        make_stock(session, product, 3)
    stumble_over(products[2])
    jobs.run("allocate-backorders")
    message = "4 products run, 12 units allocated. 1 product failed and stayed as before: P-2 (ValueError: odd)."
    assert failed_run(session) == message
    assert [order.lines[0].allocated for order in orders] == [3, 3, 0, 3, 3]


def test_overdue_backorders_are_cancelled_but_for_the_product_that_fails(
    session, products, stumble_over, set_option, at
):
    for product in products:
        make_order(session, [(product, 3)])
    set_option("sales.backorder_cancellation_days", "5")
    stumble_over(products[2])
    at("2026-12-24T12:00:00Z")
    jobs.run("cancel-overdue-backorders")
    message = "4 backorders cancelled. 1 product failed and stayed as before: P-2 (ValueError: odd)."
    assert failed_run(session) == message
    left = session.scalars(select(Backorder).where(Backorder.state == BackorderState.open)).one()
    assert left.line.product_id == products[2].id


def test_at_the_command_line_the_book_ends_with_an_error_that_names_who_failed(session, products, stumble_over):
    for product in products:
        make_order(session, [(product, 3)])
        make_stock(session, product, 3)
    stumble_over(products[2])
    with pytest.raises(SomeFailed) as refusal:
        services.allocate_book(session)
    assert refusal.value.facts["failed"] == ["P-2"]
