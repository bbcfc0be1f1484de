"""Adjustments: the stock on hand becomes what was counted."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from modules.inventory_lots import queries
from modules.inventory_lots.errors import (
    BadQuantity,
    CountedTwice,
    LotNumberMissing,
    ManyRefused,
    SerialInStock,
    SerialQuantity,
    StockAllocated,
    TotalAndLots,
)
from modules.inventory_lots.models import Balance, Lot, StockMove
from modules.inventory_lots.services import Count, adjust, adjust_many, hold_lot
from modules.inventory_lots.states import MoveKind, Tracking
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock, set_stock


def count_of(balance, quantity, **more):
    return Count(balance.product_id, balance.location_id, Decimal(quantity), lot_number=balance.lot.number, **more)


def stock(session):
    rows = select(Lot.number, Balance.on_hand).join(Balance.lot).order_by(Lot.id, Balance.location_id)
    return {number: int(on_hand) for number, on_hand in session.execute(rows)}


def adjustments(session):
    rows = select(StockMove.quantity).where(StockMove.kind == MoveKind.adjustment).order_by(StockMove.id)
    return [int(quantity) for quantity in session.scalars(rows)]


@pytest.mark.parametrize(("counted", "moved"), [(12, [2]), (7, [-3]), (0, [-10]), (10, [])])
def test_the_balance_becomes_what_was_counted_and_the_ledger_has_the_difference(session, counted, moved):
    balance = make_stock(session, make_product(session), 10)
    set_stock(session, balance, counted)
    assert balance.on_hand == counted
    assert adjustments(session) == moved
    assert list(queries.broken_balances(session)) == []


def test_an_adjustment_keeps_its_reason(session):
    balance = make_stock(session, make_product(session), 10)
    adjust(session, count_of(balance, 9), reason="One broke")
    assert session.scalars(select(StockMove.reason).order_by(StockMove.id.desc())).first() == "One broke"


def test_an_unknown_lot_is_created(session):
    product, location = make_product(session), make_location(session)
    done = adjust(session, Count(product.id, location.id, Decimal(4), "NEW", expires_on=date(2027, 1, 1)))
    lot = session.scalars(select(Lot)).one()
    assert (done.new_lots, lot.number, lot.received_on, lot.expires_on) == (
        1,
        "NEW",
        date(2026, 11, 23),
        date(2027, 1, 1),
    )


def test_an_unknown_lot_counted_as_0_is_created_without_a_move(session):
    product, location = make_product(session), make_location(session)
    adjust(session, Count(product.id, location.id, Decimal(0), "NEW"))
    assert stock(session) == {"NEW": 0}
    assert adjustments(session) == []


def test_an_empty_date_leaves_an_existing_lots_date(session):
    balance = make_stock(session, make_product(session), 1, received_on=date(2020, 1, 1), expires_on=date(2027, 1, 1))
    set_stock(session, balance, 2)
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2020, 1, 1), date(2027, 1, 1))
    adjust(session, count_of(balance, 2, received_on=date(2021, 1, 1)))
    session.commit()
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2021, 1, 1), date(2027, 1, 1))


def test_a_total_that_is_more_makes_a_new_automatic_lot(session):
    product = make_product(session, tracking=Tracking.none)
    balance = make_stock(session, product, 10)
    adjust(session, Count(product.id, balance.location_id, Decimal(13)))
    assert stock(session) == {"LOT00001": 10, "LOT00002": 3}


def test_a_total_that_is_less_takes_from_the_latest_lots_first(session):
    product = make_product(session, tracking=Tracking.none)
    make_stock(session, product, 10, received_on=date(2026, 3, 1))
    make_stock(session, product, 10, received_on=date(2026, 1, 1))
    balance = make_stock(session, product, 10, received_on=date(2026, 2, 1))
    adjust(session, Count(product.id, balance.location_id, Decimal(14)))
    assert stock(session) == {"LOT00001": 0, "LOT00002": 10, "LOT00003": 4}


def test_a_total_that_is_less_leaves_allocated_stock_where_it_is(session, allocate_for):
    product = make_product(session, tracking=Tracking.none)
    make_stock(session, product, 10, received_on=date(2026, 1, 1))
    late = make_stock(session, product, 10, received_on=date(2026, 2, 1))
    allocate_for("SO1", late, 8)
    adjust(session, Count(product.id, late.location_id, Decimal(15)))
    assert stock(session) == {"LOT00001": 7, "LOT00002": 8}


def test_a_total_that_is_as_much_changes_nothing(session):
    product = make_product(session, tracking=Tracking.none)
    balance = make_stock(session, product, 10)
    done = adjust(session, Count(product.id, balance.location_id, Decimal(10)))
    assert (done.changed, done.new_lots, adjustments(session)) == (0, 0, [])


def test_a_total_counts_one_location_only(session):
    product = make_product(session, tracking=Tracking.none)
    make_stock(session, product, 10)
    other = make_stock(session, product, 10, location="WH/B")
    adjust(session, Count(product.id, other.location_id, Decimal(0)))
    assert stock(session) == {"LOT00001": 10, "LOT00002": 0}


@pytest.mark.parametrize("tracking", [Tracking.lot, Tracking.serial])
def test_a_tracked_product_is_not_counted_in_total(session, tracking):
    product, location = make_product(session, tracking=tracking), make_location(session)
    with pytest.raises(LotNumberMissing):
        adjust(session, Count(product.id, location.id, Decimal(1)))


@pytest.mark.parametrize("quantity", ["-1", "0.5", "1000000001"])
def test_a_quantity_that_does_not_fit_the_product_is_refused(session, quantity):
    product, location = make_product(session), make_location(session)
    with pytest.raises(BadQuantity):
        adjust(session, Count(product.id, location.id, Decimal(quantity), "L1"))


def test_stock_does_not_fall_below_what_is_allocated_and_the_refusal_names_the_orders(session, allocate_for):
    balance = make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")
    allocate_for("SO1", balance, 4)
    allocate_for("SO2", balance, 2)
    with pytest.raises(StockAllocated) as refused:
        adjust(session, count_of(balance, 5))
    assert str(refused.value).startswith(
        "BOLT lot L1 at WH/STOCK cannot become 5: 6 are allocated to SO1, SO2. Remove these allocations first"
    )
    assert refused.value.facts["documents"] == ["SO1", "SO2"]
    session.rollback()
    assert (balance.on_hand, balance.allocated) == (10, 6)
    set_stock(session, balance, 6)
    assert balance.on_hand == 6


def test_with_release_the_latest_in_the_queue_lose_it_first(session, allocate_for, queue_holder):
    balance = make_stock(session, make_product(session), 10)
    allocate_for("SO1", balance, 4)
    allocate_for("SO2", balance, 4)
    set_stock(session, balance, 5, release=True)
    assert (balance.on_hand, balance.allocated) == (5, 5)
    assert [(document, int(held)) for document, _, held in queue_holder.held] == [("SO1", 4), ("SO2", 1)]


def test_with_release_nothing_is_released_that_still_fits(session, allocate_for, queue_holder):
    balance = make_stock(session, make_product(session), 10)
    allocate_for("SO1", balance, 4)
    set_stock(session, balance, 4, release=True)
    assert (balance.on_hand, balance.allocated) == (4, 4)


def test_with_release_a_total_takes_from_the_latest_in_the_queue_over_all_lots(session, allocate_for, queue_holder):
    product = make_product(session, tracking=Tracking.none)
    early = make_stock(session, product, 5, received_on=date(2026, 1, 1))
    late = make_stock(session, product, 5, received_on=date(2026, 2, 1))
    allocate_for("SO1", late, 5)
    allocate_for("SO2", early, 5)
    adjust(session, Count(product.id, early.location_id, Decimal(7)), release=True)
    session.commit()
    assert (early.on_hand, early.allocated, late.on_hand, late.allocated) == (2, 2, 5, 5)


def test_with_release_what_nobody_releases_is_still_refused(session, allocate_for, queue_holder):
    balance = make_stock(session, make_product(session), 10)
    allocate_for("SO1", balance, 4)
    queue_holder.held.clear()
    with pytest.raises(StockAllocated, match="documents of a module that is off"):
        adjust(session, count_of(balance, 1), release=True)


def test_stock_on_hold_is_counted_like_any_other(session):
    balance = make_stock(session, make_product(session), 10)
    hold_lot(session, balance.lot_id)
    session.commit()
    set_stock(session, balance, 3)
    assert balance.on_hand == 3


def test_a_serial_number_is_counted_as_0_or_1(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1")
    balance = session.scalars(select(Balance)).one()
    with pytest.raises(SerialQuantity):
        adjust(session, count_of(balance, 2))
    session.rollback()
    set_stock(session, balance, 0)
    set_stock(session, balance, 1)
    assert stock(session) == {"S1": 1}


def test_a_serial_number_is_not_counted_at_two_locations(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1")
    there = make_location(session, "WH/B")
    with pytest.raises(SerialInStock):
        adjust(session, Count(product.id, there.id, Decimal(1), "S1"))


def test_a_serial_number_found_elsewhere_is_counted_away_and_there_at_once(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1")
    here, there = make_location(session), make_location(session, "WH/B")
    counts = [Count(product.id, there.id, Decimal(1), "S1"), Count(product.id, here.id, Decimal(0), "S1")]
    adjust_many(session, counts)
    session.commit()
    with_stock = select(Balance.location_id).where(Balance.on_hand > 0)
    assert session.scalars(with_stock).all() == [there.id]


def test_the_same_stock_counted_twice_is_refused(session):
    balance = make_stock(session, make_product(session), 10)
    with pytest.raises(ManyRefused) as refused:
        adjust_many(session, [count_of(balance, 5), count_of(balance, 6)])
    assert {index: type(refusal) for index, refusal in refused.value.refusals.items()} == {1: CountedTwice}


@pytest.mark.parametrize("order", [(None, "A"), ("A", None)])
def test_a_total_and_a_lot_at_the_same_location_are_refused_together(session, order):
    product, location = make_product(session, tracking=Tracking.none), make_location(session)
    with pytest.raises(ManyRefused) as refused:
        adjust_many(session, [Count(product.id, location.id, Decimal(5), number) for number in order])
    assert {index: type(refusal) for index, refusal in refused.value.refusals.items()} == {1: TotalAndLots}


def test_all_refusals_of_many_counts_are_reported_and_nothing_is_changed(session, allocate_for):
    product = make_product(session)
    one, two = make_stock(session, product, 10), make_stock(session, product, 10)
    allocate_for("SO1", one, 5)
    allocate_for("SO2", two, 5)
    counts = [count_of(one, 1), count_of(two, 20), count_of(two, 1, expires_on=None)]
    counts[2] = Count(product.id, make_location(session, "WH/B").id, Decimal("0.5"), "X")
    with pytest.raises(ManyRefused) as refused:
        adjust_many(session, counts)
    assert {index: type(refusal) for index, refusal in refused.value.refusals.items()} == {
        0: StockAllocated,
        2: BadQuantity,
    }
    session.rollback()
    assert (one.on_hand, two.on_hand, adjustments(session)) == (10, 10, [])


def test_many_counts_take_as_many_statements_as_one(session, count_statements):
    lots, bulk = make_product(session), make_product(session, tracking=Tracking.none)
    location = make_location(session)
    locations = [make_location(session, f"WH/{number}") for number in range(100)]
    session.commit()
    ids = (lots.id, bulk.id, location.id, [each.id for each in locations])

    def statements(number, quantity):
        tracked = [Count(ids[0], ids[2], Decimal(quantity), f"L{index}") for index in range(number)]
        loose = [Count(ids[1], location_id, Decimal(quantity)) for location_id in ids[3][:number]]
        with count_statements() as sent:
            adjust_many(session, tracked + loose)
        session.commit()
        return len(sent)

    # From a hundred rows on PostgreSQL copies, which is not counted.
    statements(1, 1)
    assert statements(40, 5) == statements(2, 6)
    assert statements(40, 3) == statements(2, 2)
    assert session.scalar(select(func.sum(Balance.on_hand))) == 2 * (38 * 3 + 2 * 2)


def test_many_refusals_take_as_many_statements_as_one(session, allocate_for, count_statements):
    product = make_product(session)
    balances = [make_stock(session, product, 10, lot=f"L{number}") for number in range(30)]
    for balance in balances:
        allocate_for("SO1", balance, 5)
    counts = [count_of(balance, 1) for balance in balances]

    def statements(number):
        session.commit()
        with count_statements() as sent, pytest.raises(ManyRefused) as refused:
            adjust_many(session, counts[:number])
        assert len(refused.value.refusals) == number
        session.rollback()
        return len(sent)

    assert statements(30) == statements(1)
