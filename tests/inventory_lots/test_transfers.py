"""Stock that moves to another location or to quarantine."""

from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.errors import NotFound
from modules.inventory_lots import queries
from modules.inventory_lots.errors import (
    BadQuantity,
    NotEnoughUnallocated,
    NotQuarantine,
    SameLocation,
)
from modules.inventory_lots.models import StockMove
from modules.inventory_lots.services import (
    find_or_make_location,
    hold_lot,
    quarantine,
    transfer,
)
from modules.inventory_lots.states import LocationKind, MoveKind
from tests.support.inventory_lots import make_location, make_product, make_stock


@pytest.fixture
def balance(session):
    return make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")


@pytest.fixture
def there(session):
    location = make_location(session, "WH/B")
    session.commit()
    return location


def test_a_transfer_is_two_moves_of_the_same_lot(session, balance, there):
    arrived = transfer(session, balance.id, location_id=there.id, quantity=Decimal(4), reason="Full")
    assert (balance.on_hand, arrived.on_hand, arrived.lot_id) == (6, 4, balance.lot_id)
    moves = session.scalars(select(StockMove).where(StockMove.kind == MoveKind.transfer).order_by(StockMove.id)).all()
    assert [(move.quantity, move.location_id, move.reason) for move in moves] == [
        (-4, balance.location_id, "Full"),
        (4, there.id, "Full"),
    ]
    assert list(queries.broken_balances(session)) == []


def test_a_transfer_without_a_quantity_moves_all_that_is_unallocated(session, balance, there, allocate_for):
    allocate_for("SO1", balance, 3)
    assert transfer(session, balance.id, location_id=there.id).on_hand == 7
    assert (balance.on_hand, balance.allocated) == (3, 3)


@pytest.mark.parametrize("quantity", [Decimal(8), Decimal(11)])
def test_only_unallocated_stock_is_transferred(session, balance, there, allocate_for, quantity):
    allocate_for("SO1", balance, 3)
    with pytest.raises(NotEnoughUnallocated, match=f"{quantity} cannot be transferred, 7 are there unallocated"):
        transfer(session, balance.id, location_id=there.id, quantity=quantity)


def test_unusable_stock_is_transferred_like_any_other(session, balance, there):
    hold_lot(session, balance.lot_id)
    session.commit()
    assert transfer(session, balance.id, location_id=there.id, quantity=Decimal(4)).on_hand == 4


def test_nothing_is_transferred_from_an_empty_or_wholly_allocated_balance(session, balance, there, allocate_for):
    allocate_for("SO1", balance, 10)
    with pytest.raises(NotEnoughUnallocated):
        transfer(session, balance.id, location_id=there.id)


@pytest.mark.parametrize("quantity", ["0", "-1", "0.5"])
def test_a_quantity_that_does_not_fit_is_not_transferred(session, balance, there, quantity):
    with pytest.raises(BadQuantity):
        transfer(session, balance.id, location_id=there.id, quantity=Decimal(quantity))


def test_stock_is_not_transferred_to_where_it_is(session, balance):
    with pytest.raises(SameLocation, match="is at WH/STOCK already"):
        transfer(session, balance.id, location_id=balance.location_id, quantity=Decimal(1))


def test_stock_that_does_not_exist_is_not_transferred(session, there):
    with pytest.raises(NotFound):
        transfer(session, 4711, location_id=there.id)


def test_stock_in_quarantine_is_not_available(session, balance):
    aside = quarantine(session, balance.id, quantity=Decimal(4), reason="Wet")
    assert (aside.location.path, aside.location.kind) == ("WH/QUARANTINE", LocationKind.quarantine)
    session.commit()
    assert queries.usable_balances(session, [balance.product_id]) == [(balance.id, balance.product_id, 60000)]


def test_stock_is_not_quarantined_where_it_could_be_allocated(session, balance):
    find_or_make_location(session, "WH/QUARANTINE")
    with pytest.raises(NotQuarantine, match="WH/QUARANTINE is a location of kind stock"):
        quarantine(session, balance.id, quantity=Decimal(4), reason="Wet")
