"""Receipts: goods that arrive."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from erp.db import commit
from erp.events import run
from erp.models import HistoryEntry, RunKind
from modules.inventory_lots.errors import BadQuantity, LotDatesDiffer, LotNumberMissing, SerialInStock, SerialQuantity
from modules.inventory_lots.models import Balance, Lot, StockMove
from modules.inventory_lots.services import Arrival, check_arrivals, lock_products, receive_many
from modules.inventory_lots.states import MoveKind, Tracking
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock, receive, set_stock

TODAY = date(2026, 11, 23)


def moves(session):
    rows = select(StockMove.kind, StockMove.quantity, StockMove.document).order_by(StockMove.id)
    return session.execute(rows).all()


def test_a_receipt_makes_a_balance_and_a_move(session):
    balance = make_stock(session, make_product(session), 10, lot="L1")
    assert (balance.on_hand, balance.allocated, balance.lot.number) == (10, 0, "L1")
    assert moves(session) == [(MoveKind.receipt, Decimal(10), "Opening")]


def test_a_receipt_into_the_same_lot_and_location_tops_the_balance_up(session):
    product = make_product(session)
    first = make_stock(session, product, 10, lot="L1")
    assert make_stock(session, product, 5, lot="L1") is first
    assert first.on_hand == 15
    assert len(moves(session)) == 2


def test_the_same_lot_at_another_location_is_another_balance_of_that_lot(session):
    product = make_product(session)
    here = make_stock(session, product, 10, lot="L1")
    there = make_stock(session, product, 5, lot="L1", location="WH/B")
    assert here.lot_id == there.lot_id
    assert (here.on_hand, there.on_hand) == (10, 5)


def test_two_products_may_have_lots_of_the_same_number(session):
    one = make_stock(session, make_product(session), 10, lot="L1")
    two = make_stock(session, make_product(session), 5, lot="L1")
    assert one.lot_id != two.lot_id


def test_a_new_lot_is_received_today_unless_a_date_is_given(session):
    product = make_product(session)
    assert make_stock(session, product, 1, lot="A").lot.received_on == TODAY
    dated = make_stock(session, product, 1, lot="B", received_on=date(2020, 1, 1), expires_on=date(2019, 1, 1)).lot
    assert (dated.received_on, dated.expires_on) == (date(2020, 1, 1), date(2019, 1, 1))


def test_an_empty_date_is_the_lots_own_and_another_one_is_refused_while_the_lot_holds_stock(session):
    product = make_product(session)
    balance = make_stock(session, product, 1, lot="A", received_on=date(2020, 1, 1), expires_on=date(2027, 1, 1))
    make_stock(session, product, 1, lot="A")
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2020, 1, 1), date(2027, 1, 1))
    with pytest.raises(LotDatesDiffer):
        make_stock(session, product, 1, lot="A", expires_on=date(2028, 1, 1))
    session.rollback()
    set_stock(session, balance, 0)
    make_stock(session, product, 1, lot="A", received_on=date(2020, 1, 1), expires_on=date(2028, 1, 1))
    assert (balance.lot.received_on, balance.lot.expires_on) == (date(2020, 1, 1), date(2028, 1, 1))
    entry = session.scalars(select(HistoryEntry).where(HistoryEntry.document == "inventory_lots.lot")).one()
    assert (entry.field, entry.old_value, entry.new_value) == ("expires_on", "2027-01-01", "2028-01-01")


def test_without_tracking_each_receipt_is_a_new_automatic_lot(session):
    product = make_product(session, tracking=Tracking.none)
    numbers = [make_stock(session, product, 5).lot.number for _ in range(3)]
    assert numbers == ["LOT00001", "LOT00002", "LOT00003"]


def test_automatic_lot_numbers_skip_numbers_that_exist(session):
    product = make_product(session, tracking=Tracking.none)
    make_stock(session, make_product(session), 5, lot="LOT00002")
    assert [make_stock(session, product, 5).lot.number for _ in range(2)] == ["LOT00001", "LOT00003"]


def test_without_tracking_a_lot_may_be_named_all_the_same(session):
    product = make_product(session, tracking=Tracking.none)
    assert make_stock(session, product, 5, lot="LOT00042").lot.number == "LOT00042"


def test_a_tracked_product_does_not_come_without_its_number(session):
    product, location = make_product(session), make_location(session)
    lock_products(session, [product.id])
    with pytest.raises(LotNumberMissing, match="give the lot number"):
        receive(session, Arrival(product.id, location.id, Decimal(1)))


def test_a_serial_number_is_one_lot_of_one_piece(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1", "S2")
    assert set(session.execute(select(Lot.number, Balance.on_hand).join(Balance.lot))) == {("S1", 1), ("S2", 1)}
    with pytest.raises(SerialQuantity):
        make_stock(session, product, 2, lot="S3")


def test_a_serial_number_in_stock_is_not_received_again(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1")
    with pytest.raises(SerialInStock, match=r"Serial number S1 of .* is in stock already\."):
        make_stock(session, product, 1, lot="S1", location="WH/B")


def test_a_serial_number_that_left_may_come_back(session):
    product = make_product(session, tracking=Tracking.serial)
    make_serials(session, product, "S1")
    session.execute(Balance.__table__.update().values(on_hand=0))
    make_serials(session, product, "S1")
    assert session.scalar(select(Balance.on_hand)) == 1


@pytest.mark.parametrize("quantity", ["0", "-1", "0.5", "1000000001"])
def test_a_quantity_that_does_not_fit_the_product_is_refused(session, quantity):
    with pytest.raises(BadQuantity):
        make_stock(session, make_product(session), quantity)


def test_a_quantity_may_have_as_many_places_as_the_unit(session):
    product = make_product(session, unit="kg", unit_decimals=3)
    assert make_stock(session, product, "0.125").on_hand == Decimal("0.125")


def test_moves_have_the_user_the_instant_and_the_document(session):
    product = make_product(session)
    product_id, location_id = product.id, make_location(session).id
    session.commit()

    def work(session):
        lock_products(session, [product_id])
        receive(session, Arrival(product_id, location_id, Decimal(3), "L1", document="PO1"))

    with run(RunKind.screen, "receive", "wanda"):
        commit(work)
    move = session.scalars(select(StockMove)).one()
    assert (move.user_name, move.document, move.at.isoformat()) == ("wanda", "PO1", "2026-11-23T12:00:00+00:00")
    assert (move.product_id, move.lot.number, move.location_id) == (product_id, "L1", location_id)


def test_stock_is_not_received_without_the_products_lock(session):
    product, location = make_product(session), make_location(session)
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        receive(session, Arrival(product.id, location.id, Decimal(1), "A"))


def test_each_refusal_of_many_arrivals_is_returned_by_its_position(session):
    serial, lots = make_product(session, tracking=Tracking.serial), make_product(session)
    location = make_location(session)
    lock_products(session, [serial.id, lots.id])
    arrivals = [
        Arrival(lots.id, location.id, Decimal(1), "A"),
        Arrival(serial.id, location.id, Decimal(1), "S1"),
        Arrival(serial.id, location.id, Decimal(1), "S1"),
        Arrival(lots.id, location.id, Decimal("0.5"), "A"),
        Arrival(lots.id, location.id, Decimal(1)),
    ]
    refusals = check_arrivals(session, arrivals).refusals
    assert {index: type(refusal) for index, refusal in refusals.items()} == {
        2: SerialInStock,
        3: BadQuantity,
        4: LotNumberMissing,
    }
    assert [refusals[index].field for index in (2, 3, 4)] == ["lot", "quantity", "lot"]
    with pytest.raises(SerialInStock):
        receive_many(session, arrivals)
    assert session.scalar(select(func.count()).select_from(StockMove)) == 0


def test_many_arrivals_take_as_many_statements_as_one(session, count_statements):
    product, bulk = make_product(session), make_product(session, tracking=Tracking.none)
    location = make_location(session)
    session.commit()

    def statements(number):
        lock_products(session, [product.id, bulk.id])
        for row in (product, bulk, location):
            session.refresh(row)
        tracked = [Arrival(product.id, location.id, Decimal(1), f"{number}-{index}") for index in range(number)]
        loose = [Arrival(bulk.id, location.id, Decimal(1)) for _ in range(number)]
        with count_statements() as sent:
            receive_many(session, tracked + loose)
        session.commit()
        return len(sent)

    # From a hundred rows on PostgreSQL copies, which is not counted.
    statements(1)
    assert statements(40) == statements(2)
    assert session.scalar(select(func.count()).select_from(Balance)) == 86
