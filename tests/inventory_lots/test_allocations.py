"""Stock that is allocated to sales orders: adjusted, held, released; and products that order lines fix."""

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.db import commit
from erp.exchange import ImportRefused, import_csv
from modules.inventory_lots.errors import StockAllocated
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import Count, adjust_many, hold_lot, release_allocations
from modules.sales.models import Allocation, OrderLine
from tests.support.inventory_lots import make_product, make_stock, set_stock
from tests.support.sales import allocate, make_draft, make_order

pytestmark = pytest.mark.needs("sales")


@pytest.fixture
def product(session):
    return make_product(session, sku="BOLT")


@pytest.fixture
def balance(session, product):
    return make_stock(session, product, 10, lot="L1")


@pytest.fixture
def orders(session, product, balance):
    """Three orders, 4 each, of which the last got 2."""
    orders = [make_order(session, [(product, 4)]) for _ in range(3)]
    allocate(session, product)
    return orders


def allocated(session):
    return [int(quantity) for quantity in session.scalars(select(OrderLine.allocated).order_by(OrderLine.id))]


def test_stock_does_not_fall_below_what_is_allocated_to_orders(session, balance, orders):
    with pytest.raises(StockAllocated) as refused:
        set_stock(session, balance, 5)
    assert refused.value.facts["documents"] == [order.number for order in orders]
    session.rollback()
    assert (balance.on_hand, allocated(session)) == (10, [4, 4, 2])


def test_releasing_many_balances_takes_as_many_statements_as_one(session, count_statements):
    def statements(lots):
        product = make_product(session)
        for number in range(lots):
            make_stock(session, product, 2, lot=f"N{number}")
        make_order(session, [(product, 2 * lots)])
        allocate(session, product)
        location = session.scalars(select(Balance.location_id)).first()
        counts = [Count(product.id, location, Decimal(1), f"N{number}") for number in range(lots)]
        with count_statements() as sent:
            commit(lambda session: adjust_many(session, counts, release=True))
        session.expire_all()
        assert allocated(session)[-1] == lots
        return len(sent)

    statements(1)
    assert statements(20) == statements(1)


def test_at_the_command_line_it_is_refused_too(session, balance, orders):
    data = b"sku,lot,location,quantity\nBOLT,L1,WH/STOCK,5\n"
    with pytest.raises(ImportRefused) as refused:
        commit(lambda session: import_csv(session, "stock", data))
    (error,) = refused.value.errors
    assert all(order.number in error.message for order in orders)
    assert allocated(session) == [4, 4, 2]


def test_with_release_the_last_in_the_queue_lose_it_first(session, balance, orders):
    set_stock(session, balance, 5, release=True)
    assert (balance.on_hand, balance.allocated, allocated(session)) == (5, 5, [4, 1, 0])
    left = session.scalar(select(func.sum(Allocation.quantity - Allocation.packed)))
    assert left == Decimal(5)


def test_the_lots_page_releases_what_may_not_leave_the_last_in_the_queue_first(session, client, balance, orders):
    hold_lot(session, balance.lot_id)
    session.commit()
    page = client.get(f"/inventory/lots/{balance.lot_id}/").text
    assert all(order.number in page for order in orders)
    response = client.post(f"/inventory/lots/{balance.lot_id}/release-allocations/", data={"quantity": "3"})
    assert response.status_code == 302
    assert allocated(session) == [4, 3, 0]
    release_allocations(session, balance.lot_id)
    session.commit()
    assert allocated(session) == [0, 0, 0]
    assert session.scalar(select(func.count()).select_from(StockMove)) == 1


@pytest.mark.parametrize("make", [make_draft, make_order])
def test_the_tracking_of_a_product_on_an_order_is_fixed(session, product, make):
    make(session, [(product, 1)])
    data = b"sku,name,tracking\nBOLT,Bolt,none\n"
    with pytest.raises(ImportRefused, match="Nothing was imported"):
        commit(lambda session: import_csv(session, "products", data))
