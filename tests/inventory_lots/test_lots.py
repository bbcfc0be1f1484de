"""Lots: held, dated, released, and taken in order."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.errors import NotFound
from erp.models import HistoryEntry
from modules.inventory_lots import queries
from modules.inventory_lots.errors import (
    BadQuantity,
    HoldUnchanged,
    NothingToRelease,
)
from modules.inventory_lots.models import Balance
from modules.inventory_lots.services import (
    hold_lot,
    quarantine,
    release_allocations,
    release_lot,
    set_expiry,
)
from modules.inventory_lots.states import Tracking
from tests.support.inventory_lots import make_location, make_product, make_stock


@pytest.fixture
def balance(session):
    return make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")


def test_a_lot_on_hold_is_not_available_and_keeps_its_allocations(session, balance, allocate_for):
    allocate_for("SO1", balance, 3)
    hold_lot(session, balance.lot_id, why="Cracks")
    session.commit()
    assert balance.allocated == 3
    assert queries.usable_balances(session, [balance.product_id]) == []
    release_lot(session, balance.lot_id, why="Checked")
    session.commit()
    assert [row[2] for row in queries.usable_balances(session, [balance.product_id])] == [70000]
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
    assert len(queries.usable_balances(session, [balance.product_id])) == 1
    at("2026-11-24T00:00:00Z")
    assert queries.usable_balances(session, [balance.product_id]) == []
    set_expiry(session, balance.lot_id, None)
    session.commit()
    assert len(queries.usable_balances(session, [balance.product_id])) == 1


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


def test_no_part_of_a_piece_is_released(session, balance, allocate_for):
    allocate_for("SO1", balance, 3)
    hold_lot(session, balance.lot_id)
    session.commit()
    with pytest.raises(BadQuantity, match="Lot L1: 1.5 has more than 0 decimals"):
        release_allocations(session, balance.lot_id, quantity=Decimal("1.5"))
    session.rollback()
    assert balance.allocated == 3


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


def test_lots_leave_first_received_first_then_as_they_were_made(session):
    product = make_product(session)
    dates = [date(2026, 3, 1), date(2026, 1, 1), date(2026, 2, 1), date(2026, 1, 1)]
    ids = [make_stock(session, product, 1, received_on=day).id for day in dates]
    assert taken(session, product) == [ids[1], ids[3], ids[2], ids[0]]


def test_the_same_lot_leaves_from_the_location_that_was_made_first(session):
    product = make_product(session)
    locations = [make_location(session, path) for path in ("WH/Z", "WH/A")]
    late = make_stock(session, product, 1, lot="L1", location=locations[1])
    early = make_stock(session, product, 1, lot="L1", location=locations[0])
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
    return [id_ for id_, _, _ in queries.usable_balances(session, [product.id])]


def test_what_is_available_is_what_is_not_allocated(session, balance, allocate_for):
    allocate_for("SO1", balance, 4)
    assert [row[2] for row in queries.usable_balances(session, [balance.product_id])] == [60000]
    allocate_for("SO2", balance, 6)
    assert queries.usable_balances(session, [balance.product_id]) == []
    assert session.scalar(select(Balance.on_hand)) == 10
