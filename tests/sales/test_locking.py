"""Locks: entry points take them, inner services assert them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import update

from erp.db import require_lock
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products
from modules.sales import services
from modules.sales.models import OrderLine
from modules.sales.services import Grant
from modules.sales.states import OrderState
from tests.support.inventory_lots import make_product, make_stock
from tests.support.sales import make_order, open_backorder


@pytest.fixture
def product(session):
    return make_product(session)


def line_of(order):
    return order.lines[0]


def allocate_what_came(session, line):
    came = {"incoming": Decimal(1), "last_incoming_on": date(2026, 12, 1)}
    session.execute(update(OrderLine).where(OrderLine.id == line.id).values(came))
    services.allocate_on(session, [Grant(line.id, 1, 10_000)])


@pytest.mark.parametrize(
    "action",
    [
        lambda session, line: services.serve_products(session, [line.product_id]),
        allocate_what_came,
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
