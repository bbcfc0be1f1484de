"""Locations: made, renamed, of another kind, deleted."""

import pytest
from sqlalchemy import select, update

from erp.errors import StaleRecord
from modules.inventory_lots import queries
from modules.inventory_lots.errors import (
    LocationInUse,
    LocationTaken,
)
from modules.inventory_lots.models import Balance, Location
from modules.inventory_lots.services import (
    change_kind,
    delete_location,
    find_or_make_location,
    find_or_make_locations,
    locations,
    lock_products,
    make_location,
)
from modules.inventory_lots.states import LocationKind
from tests.support.inventory_lots import make_product, make_stock


@pytest.fixture
def balance(session):
    return make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")


def test_a_location_that_becomes_quarantine_keeps_its_allocations(session, balance, allocate_for):
    allocate_for("SO1", balance, 3)
    change_kind(session, balance.location_id, LocationKind.quarantine)
    session.commit()
    assert balance.allocated == 3
    assert queries.unusable_balance_ids(session, Balance.lot_id == balance.lot_id) == [balance.id]
    assert queries.usable_balances(session, [balance.product_id]) == []


def test_a_kind_is_not_changed_when_another_product_arrived_before_the_lock(session, balance, monkeypatch):
    other = make_stock(session, make_product(session), 1, location="WH/B")
    location_id, moved = balance.location_id, update(Balance).where(Balance.id == other.id)

    def locked_later(session, product_ids):
        session.execute(moved.values(location_id=location_id))
        lock_products(session, product_ids)

    monkeypatch.setattr(locations, "lock_products", locked_later)
    with pytest.raises(StaleRecord):
        change_kind(session, location_id, LocationKind.quarantine)


def test_an_unknown_location_and_its_warehouse_are_made(session):
    location, is_new = find_or_make_location(session, " EAST / A1 ")
    assert (location.path, location.code, location.warehouse.code, location.kind, is_new) == (
        "EAST/A1",
        "A1",
        "EAST",
        LocationKind.stock,
        True,
    )
    assert find_or_make_location(session, "EAST/A1") == (location, False)


def test_many_locations_take_as_many_statements_as_one(session, count_statements):
    def statements(number):
        with count_statements() as sent:
            made = find_or_make_locations(session, [f"W{number}-{each}/A" for each in range(number)])
        assert (made.new_locations, made.new_warehouses, len(made.by_path)) == (number, number, number)
        return len(sent)

    statements(1)
    assert statements(100) == statements(2)


def test_a_location_is_not_made_twice_and_not_deleted_once_used(session, balance):
    with pytest.raises(LocationTaken):
        make_location(session, "WH/STOCK", kind=LocationKind.stock)
    with pytest.raises(LocationInUse):
        delete_location(session, balance.location_id)
    location = make_location(session, "WH/NEW", kind=LocationKind.stock)
    delete_location(session, location.id)
    assert session.scalars(select(Location.path)).all() == ["WH/STOCK"]
