"""Stock that moves, is put aside, held, dated and let go of."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from erp.errors import NotFound, StaleRecord
from erp.models import HistoryEntry
from modules.inventory_lots import queries
from modules.inventory_lots.errors import (
    BadQuantity,
    HoldUnchanged,
    LocationTaken,
    NotEnoughUnallocated,
    NothingToRelease,
    NotQuarantine,
    PlaceInUse,
    SameLocation,
)
from modules.inventory_lots.models import Balance, Location, StockMove
from modules.inventory_lots.services import (
    change_kind,
    delete_location,
    find_or_make_location,
    find_or_make_locations,
    hold_lot,
    locations,
    lock_products,
    make_location,
    quarantine,
    release_allocations,
    release_lot,
    set_expiry,
    transfer,
)
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking
from tests.support import inventory_lots as factory
from tests.support.inventory_lots import make_product, make_stock


@pytest.fixture
def balance(session):
    return make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")


@pytest.fixture
def there(session):
    place = factory.make_location(session, "WH/B")
    session.commit()
    return place


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


def test_stock_is_not_transferred_to_where_it_lies(session, balance):
    with pytest.raises(SameLocation, match="lies at WH/STOCK already"):
        transfer(session, balance.id, location_id=balance.location_id, quantity=Decimal(1))


def test_stock_that_does_not_exist_is_not_transferred(session, there):
    with pytest.raises(NotFound):
        transfer(session, 4711, location_id=there.id)


def test_stock_in_quarantine_is_not_available(session, balance):
    aside = quarantine(session, balance.id, quantity=Decimal(4), reason="Wet")
    assert (aside.location.path, aside.location.kind) == ("WH/QUARANTINE", LocationKind.quarantine)
    session.commit()
    assert session.execute(queries.usable_balances(session, [balance.product_id])).all() == [
        (balance.id, balance.product_id, 60000)
    ]


def test_stock_is_not_put_aside_where_it_could_be_allocated(session, balance):
    find_or_make_location(session, "WH/QUARANTINE")
    with pytest.raises(NotQuarantine, match="WH/QUARANTINE is a location of kind stock"):
        quarantine(session, balance.id, quantity=Decimal(4), reason="Wet")


def test_a_location_that_becomes_quarantine_keeps_its_allocations(session, balance, allocate_for):
    allocate_for("SO1", balance, 3)
    change_kind(session, balance.location_id, LocationKind.quarantine)
    session.commit()
    assert balance.allocated == 3
    assert queries.unusable_balance_ids(session, balance.lot_id) == [balance.id]
    assert session.execute(queries.usable_balances(session, [balance.product_id])).all() == []


def test_a_location_that_another_product_came_to_meanwhile_is_looked_at_again(session, balance, monkeypatch):
    other = make_stock(session, make_product(session), 1, location="WH/B")
    place_id, moved = balance.location_id, update(Balance).where(Balance.id == other.id)

    def locked_later(session, product_ids):
        session.execute(moved.values(location_id=place_id))
        lock_products(session, product_ids)

    monkeypatch.setattr(locations, "lock_products", locked_later)
    with pytest.raises(StaleRecord):
        change_kind(session, place_id, LocationKind.quarantine)


def test_a_lot_on_hold_is_not_available_and_keeps_its_allocations(session, balance, allocate_for):
    allocate_for("SO1", balance, 3)
    hold_lot(session, balance.lot_id, why="Cracks")
    session.commit()
    assert balance.allocated == 3
    assert session.execute(queries.usable_balances(session, [balance.product_id])).all() == []
    release_lot(session, balance.lot_id, why="Checked")
    session.commit()
    assert [row[2] for row in session.execute(queries.usable_balances(session, [balance.product_id]))] == [70000]
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "inventory_lots.lot"))
    assert [(entry.field, entry.new_value, entry.why) for entry in entries] == [
        ("on_hold", "yes", "Cracks"),
        ("on_hold", "no", "Checked"),
    ]


def test_a_lot_is_not_held_or_released_twice(session, balance):
    with pytest.raises(HoldUnchanged, match="Lot L1 is not on hold"):
        release_lot(session, balance.lot_id)
    session.rollback()
    hold_lot(session, balance.lot_id)
    with pytest.raises(HoldUnchanged, match="Lot L1 is on hold already"):
        hold_lot(session, balance.lot_id)


@pytest.mark.parametrize("verb", [hold_lot, release_lot, release_allocations])
def test_a_lot_that_does_not_exist_is_named(session, verb):
    with pytest.raises(NotFound, match="There is no lot"):
        verb(session, 4711)


def test_a_lot_may_be_used_on_its_last_day_and_not_after_it(session, balance, at):
    set_expiry(session, balance.lot_id, date(2026, 11, 23), why="Label")
    session.commit()
    assert len(session.execute(queries.usable_balances(session, [balance.product_id])).all()) == 1
    at("2026-11-24T00:00:00Z")
    assert session.execute(queries.usable_balances(session, [balance.product_id])).all() == []
    set_expiry(session, balance.lot_id, None)
    session.commit()
    assert len(session.execute(queries.usable_balances(session, [balance.product_id])).all()) == 1


def test_allocations_on_a_lot_that_may_not_leave_are_released_the_latest_first(
    session, balance, allocate_for, queue_holder
):
    allocate_for("SO1", balance, 3)
    allocate_for("SO2", balance, 4)
    hold_lot(session, balance.lot_id)
    session.commit()
    assert release_allocations(session, balance.lot_id, quantity=Decimal(5)) == 5
    session.commit()
    assert balance.allocated == 2
    assert [(document, int(held)) for document, _, held in queue_holder.held] == [("SO1", 2), ("SO2", 0)]
    assert release_allocations(session, balance.lot_id) == 2
    session.commit()
    with pytest.raises(NothingToRelease):
        release_allocations(session, balance.lot_id)


def test_only_allocations_on_unusable_stock_of_a_lot_are_released(session, balance, allocate_for):
    aside = quarantine(session, balance.id, quantity=Decimal(4))
    session.commit()
    allocate_for("SO1", balance, 6)
    with pytest.raises(NothingToRelease, match="Lot L1 has no allocation"):
        release_allocations(session, balance.lot_id)
    session.rollback()
    allocate_for("SO2", aside, 1)
    assert release_allocations(session, balance.lot_id) == 1
    session.commit()
    assert (balance.allocated, aside.allocated) == (6, 0)


def test_an_unknown_location_and_its_warehouse_are_made(session):
    place, is_new = find_or_make_location(session, " EAST / A1 ")
    assert (place.path, place.code, place.warehouse.code, place.kind, is_new) == (
        "EAST/A1",
        "A1",
        "EAST",
        LocationKind.stock,
        True,
    )
    assert find_or_make_location(session, "EAST/A1") == (place, False)


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
    with pytest.raises(PlaceInUse):
        delete_location(session, balance.location)
    place = make_location(session, "WH/NEW", kind=LocationKind.stock)
    delete_location(session, place)
    assert session.scalars(select(Location.path)).all() == ["WH/STOCK"]


def test_lots_leave_first_received_first_then_as_they_were_made(session):
    product = make_product(session)
    dates = [date(2026, 3, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 1)]
    ids = [make_stock(session, product, 1, received_on=day).id for day in dates]
    assert taken(session, product) == [ids[1], ids[3], ids[2], ids[0]]


def test_the_same_lot_leaves_from_the_location_that_was_made_first(session):
    product = make_product(session)
    places = [factory.make_location(session, path) for path in ("WH/Z", "WH/A")]
    late = make_stock(session, product, 1, lot="L1", location=places[1])
    early = make_stock(session, product, 1, lot="L1", location=places[0])
    assert taken(session, product) == [early.id, late.id]


@pytest.mark.option("inventory_lots.removal", "fefo", "fifo")
def test_with_fefo_lots_leave_first_to_expire_first_and_those_without_a_date_last(session, set_option):
    set_option("inventory_lots.removal", "fefo")
    product = make_product(session)
    never = make_stock(session, product, 1, received_on=date(2025, 1, 1))
    late = make_stock(session, product, 1, received_on=date(2025, 2, 1), expires_on=date(2028, 1, 1))
    tie = make_stock(session, product, 1, received_on=date(2025, 4, 1), expires_on=date(2027, 1, 1))
    soon = make_stock(session, product, 1, received_on=date(2025, 3, 1), expires_on=date(2027, 1, 1))
    assert taken(session, product) == [soon.id, tie.id, late.id, never.id]
    set_option("inventory_lots.removal", "fifo")
    assert taken(session, product) == [never.id, late.id, soon.id, tie.id]


def test_products_without_tracking_leave_first_in_first_out_too(session):
    product = make_product(session, tracking=Tracking.none)
    ids = [make_stock(session, product, 5).id for _ in range(3)]
    assert taken(session, product) == ids


def taken(session, product):
    return [id_ for id_, _, _ in session.execute(queries.usable_balances(session, [product.id]))]


def test_what_is_available_is_what_is_not_allocated(session, balance, allocate_for):
    allocate_for("SO1", balance, 4)
    assert session.execute(queries.usable_balances(session, [balance.product_id])).one()[2] == 60000
    allocate_for("SO2", balance, 6)
    assert session.execute(queries.usable_balances(session, [balance.product_id])).all() == []
    assert session.scalar(select(Balance.on_hand)) == 10
