"""Each sales order line keeps how much of it is on purchase orders, and the day by which all of that is expected."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from erp.registry import current_registry
from modules.inventory_lots.models import Product
from modules.preorder import services
from modules.procurement import services as procurement
from modules.procurement.domain import Delivery
from modules.procurement.models import PurchaseOrderLine
from modules.sales import services as sales
from modules.sales.models import Order, OrderLine
from tests.support.inventory_lots import make_location, make_product
from tests.support.preorder import allocate_purchase, broken, purchase_allocations_of
from tests.support.procurement import make_purchase_order
from tests.support.sales import allocate, make_order

DECEMBER, MARCH, MAY = date(2026, 12, 1), date(2027, 3, 1), date(2027, 5, 1)


@pytest.fixture
def product(session: Session) -> Product:
    return make_product(session)


@pytest.fixture
def order(session: Session, product: Product) -> Order:
    return make_order(session, [(product, 10)])


def buy(session: Session, product: Product, quantity: int, day: date | None) -> PurchaseOrderLine:
    (line,) = make_purchase_order(session, [(product, quantity, day)]).lines
    return line


def kept(session: Session, line: OrderLine) -> tuple[Decimal, date | None]:
    """Return what the line keeps; `erp check` finds the same in the purchase allocations."""
    session.commit()
    assert broken(session) == []
    return line.incoming, line.last_incoming_on


def receive(session: Session, purchase: PurchaseOrderLine, quantity: int) -> int:
    location = make_location(session)
    session.commit()
    return procurement.receive(session, Delivery(purchase.id, Decimal(quantity), location.id, lot_number="R1"))


def test_a_line_keeps_what_a_run_allocates_of_purchase_orders(session, product, order, set_option):
    set_option("preorder.auto_allocate", "yes")
    buy(session, product, 4, DECEMBER)
    buy(session, product, 8, MARCH)
    allocate(session, product)
    (line,) = order.lines
    assert kept(session, line) == (10, MARCH)
    assert line.uncovered == 0


def test_a_line_keeps_what_a_clerk_allocates_and_removes(session, product, order):
    (line,) = order.lines
    allocate_purchase(session, line, buy(session, product, 4, DECEMBER), 4)
    allocate_purchase(session, line, buy(session, product, 6, MARCH), 5)
    assert kept(session, line) == (9, MARCH)
    assert line.uncovered == 1
    services.remove_purchase_allocations(session, [purchase_allocations_of(session, line)[0].id])
    assert kept(session, line) == (5, MARCH)
    services.remove_purchase_allocations(session, [purchase_allocations_of(session, line)[0].id])
    assert kept(session, line) == (0, None)


def test_supply_without_a_date_comes_on_the_last_of_all_days(session, product, order):
    (line,) = order.lines
    allocate_purchase(session, line, buy(session, product, 4, None), 4)
    assert kept(session, line) == (4, date.max)


def test_the_day_follows_a_purchase_order_line_that_comes_later_or_without_a_date(session, product, order):
    (line,) = order.lines
    purchase = buy(session, product, 4, DECEMBER)
    allocate_purchase(session, line, purchase, 4)
    procurement.set_expected_dates(session, {purchase.id: MARCH})
    assert kept(session, line) == (4, MARCH)
    procurement.set_expected_dates(session, {purchase.id: None})
    assert kept(session, line) == (4, date.max)


def test_what_is_received_is_incoming_no_longer_and_is_again_when_the_receipt_is_reversed(session, product, order):
    (line,) = order.lines
    purchase = buy(session, product, 10, DECEMBER)
    allocate_purchase(session, line, purchase, 10)
    receipt_id = receive(session, purchase, 4)
    assert kept(session, line) == (6, DECEMBER)
    receive(session, purchase, 6)
    assert kept(session, line) == (0, None)
    procurement.reverse_receipt(session, receipt_id, None, why="the wrong pallet")
    assert kept(session, line) == (4, DECEMBER)


def test_a_cancelled_line_keeps_nothing(session, product, order):
    (line,) = order.lines
    allocate_purchase(session, line, buy(session, product, 10, DECEMBER), 10)
    sales.cancel_line(session, line.id)
    assert kept(session, line) == (0, None)


def test_a_purchase_order_line_that_is_closed_short_covers_less(session, product, order):
    (line,) = order.lines
    purchase = buy(session, product, 10, DECEMBER)
    allocate_purchase(session, line, purchase, 10)
    procurement.close_part(session, purchase.id, Decimal(7))
    assert kept(session, line) == (3, DECEMBER)


def test_nothing_is_incoming_once_preorder_is_disabled(session, product, order):
    (line,) = order.lines
    allocate_purchase(session, line, buy(session, product, 10, DECEMBER), 10)
    for name in ("backorder_email", "preorder"):
        current_registry().disable(session, name, release=True)
    assert kept(session, line) == (0, None)


def test_the_database_refuses_less_than_nothing_and_a_day_of_nothing(session, order):
    for change in ("incoming = -1", "last_incoming_on = '2027-03-01'", "incoming = 1"):
        with pytest.raises(IntegrityError, match="incoming"), session.begin_nested():
            session.execute(text(f"UPDATE sales_order_line SET {change}"))


def test_the_revision_counts_what_is_on_purchase_orders_already(session, product, order):
    (line,) = order.lines
    other = make_order(session, [(product, 2)]).lines[0]
    received = make_order(session, [(product, 2)]).lines[0]
    purchase = buy(session, product, 8, DECEMBER)
    for each, bought, quantity in (
        (line, purchase, 4),
        (line, buy(session, product, 6, MAY), 5),
        (other, buy(session, product, 2, None), 2),
        (received, purchase, 2),
    ):
        allocate_purchase(session, each, bought, quantity)
    receive(session, purchase, 6)
    before = [kept(session, each) for each in (line, other, received)]
    session.execute(text("UPDATE sales_order_line SET incoming = 0, last_incoming_on = NULL"))
    with Operations.context(MigrationContext.configure(session.connection())):
        import_module("modules.preorder.migrations.0002_incoming_supply_of_lines").upgrade()
    session.expire_all()
    assert [kept(session, each) for each in (line, other, received)] == before == [(5, MAY), (2, date.max), (0, None)]
