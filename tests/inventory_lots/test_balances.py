"""Balances: reserved, taken and checked, and what the database itself refuses."""

from datetime import timedelta
from decimal import Decimal
from itertools import product as product_of

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from erp import clock
from modules.inventory_lots import queries
from modules.inventory_lots.errors import SerialInStock
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import Taking, lock_products, put_back, reserve, take, unreserve
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking
from tests.support.final_rows import no_row_is_final
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock


def _taking(balance, quantity, from_allocated, document):
    key = (balance.product_id, balance.lot_id, balance.location_id)
    return Taking(balance.id, quantity, from_allocated, document, key)


@pytest.fixture
def balance(session):
    balance = make_stock(session, make_product(session, sku="BOLT"), 10, lot="L1")
    lock_products(session, [balance.product_id])
    return balance


def test_what_may_not_leave_is_exactly_what_is_not_usable(session):
    today, product = clock.today(), make_product(session)
    places = [make_location(session, f"WH/{kind.value}", kind=kind) for kind in LocationKind]
    days = (None, today - timedelta(days=1), today, today + timedelta(days=1))
    for place, (location, expires_on, on_hold) in enumerate(product_of(places, days, (False, True))):
        stock = make_stock(session, product, 1, lot=f"L{place}", location=location, expires_on=expires_on)
        stock.lot.on_hold = on_hold
    session.commit()
    usable = queries.with_lot_and_location(select(Balance.id)).where(queries.usable_condition(today))
    unusable = select(Balance.id).where(queries.is_unusable(today))
    found, others = (set(session.scalars(rows)) for rows in (usable, unusable))
    assert len(found) == 3
    assert not found & others
    assert found | others == set(session.scalars(select(Balance.id)))


def test_what_is_reserved_is_allocated_until_it_is_released(session, balance):
    reserve(session, [(balance.id, 70000)])
    assert (balance.on_hand, balance.allocated) == (10, 7)
    unreserve(session, [(balance.id, 20000)])
    assert (balance.on_hand, balance.allocated) == (10, 5)


def test_amounts_of_the_same_balance_are_added_up(session, balance):
    reserve(session, [(balance.id, 10000), (balance.id, 20000), (balance.id, 5000)])
    assert balance.allocated == Decimal("3.5")


def test_reserving_nothing_is_fine(session, balance):
    reserve(session, [])
    assert balance.allocated == 0


def test_goods_that_leave_take_what_was_allocated_with_them(session, balance):
    reserve(session, [(balance.id, 70000)])
    take(session, [_taking(balance, Decimal(4), from_allocated=True, document="PACK1")])
    assert (balance.on_hand, balance.allocated) == (6, 3)
    move = session.scalars(select(StockMove).order_by(StockMove.id.desc())).first()
    assert (move.kind, move.quantity, move.document) == (MoveKind.pack, Decimal(-4), "PACK1")
    assert list(queries.broken_balances(session)) == []


def test_goods_that_leave_unallocated_leave_the_allocated_ones_alone(session, balance):
    reserve(session, [(balance.id, 70000)])
    take(session, [_taking(balance, Decimal(3), from_allocated=False, document="PACK1")])
    assert (balance.on_hand, balance.allocated) == (7, 7)


def test_each_taking_is_a_move_of_its_own(session, balance):
    takings = [_taking(balance, Decimal(quantity), False, "PACK1") for quantity in (1, 2, 3)]
    take(session, takings)
    packed = select(StockMove.quantity).where(StockMove.kind == MoveKind.pack).order_by(StockMove.id)
    assert session.scalars(packed).all() == [-1, -2, -3]
    assert balance.on_hand == 4


def test_goods_that_are_put_back_are_on_hand_and_allocated_as_before(session, balance):
    reserve(session, [(balance.id, 70000)])
    takings = [_taking(balance, Decimal(4), True, "PACK1"), _taking(balance, Decimal(2), False, "PACK1")]
    take(session, takings)
    assert (balance.on_hand, balance.allocated) == (4, 3)
    put_back(session, takings, reason="Wet")
    assert (balance.on_hand, balance.allocated) == (10, 7)
    back = session.scalars(select(StockMove).where(StockMove.kind == MoveKind.pack_reversal)).all()
    assert [(move.quantity, move.document, move.reason) for move in back] == [(4, "PACK1", "Wet"), (2, "PACK1", "Wet")]
    assert list(queries.broken_balances(session)) == []


def test_a_serial_number_that_is_in_stock_again_is_not_put_back(session):
    phone = make_product(session, tracking=Tracking.serial)
    make_serials(session, phone, "S1")
    balance = session.scalars(select(Balance)).one()
    lock_products(session, [phone.id])
    with pytest.raises(SerialInStock, match="S1"):
        put_back(session, [_taking(balance, Decimal(1), False, "PACK1")], reason="Wet")


def test_goods_do_not_leave_without_the_products_lock(session, balance):
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        take(session, [_taking(balance, Decimal(1), from_allocated=False, document="PACK1")])


@pytest.mark.parametrize("count", [reserve, unreserve])
def test_nothing_is_reserved_or_released_without_a_lock(session, balance, count):
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        count(session, [(balance.id, 10000)])


def test_many_takings_take_as_many_statements_as_one(session, count_statements):
    product = make_product(session)
    stock = [make_stock(session, product, 1000, lot=f"L{number}") for number in range(20)]

    def statements(number):
        session.commit()
        lock_products(session, [product.id])
        for balance in stock:
            session.refresh(balance)
        amounts = [(balance.id, 10000) for balance in stock[:number]]
        takings = [_taking(balance, Decimal(1), from_allocated=True, document="P") for balance in stock[:number]]
        with count_statements() as sent:
            reserve(session, amounts)
            take(session, takings)
            session.flush()
        return len(sent)

    assert statements(20) == statements(1)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("on_hand = -1", "allocated_within_on_hand"),
        ("allocated = -1", "allocated_within_on_hand"),
        ("allocated = on_hand + 1", "allocated_within_on_hand"),
    ],
)
def test_the_database_refuses_a_balance_that_cannot_be(session, balance, change, constraint):
    with pytest.raises(IntegrityError, match=constraint):
        session.execute(text(f"UPDATE inventory_lots_balance SET {change}"))


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE inventory_lots_stock_move SET quantity = 0", "quantity_not_zero"),
        ("UPDATE inventory_lots_stock_move SET kind = 'gift'", "kind"),
        ("UPDATE inventory_lots_location SET kind = 'attic'", "kind"),
        ("UPDATE inventory_lots_product SET unit_decimals = 5", "unit_decimals"),
        ("UPDATE inventory_lots_product SET tracking = 'smell'", "tracking"),
        ("UPDATE inventory_lots_product SET tracking = 'serial', unit_decimals = 2", "serial_in_whole_pieces"),
    ],
)
def test_the_database_refuses_words_and_numbers_that_are_not_known(session, balance, statement, named):
    with pytest.raises(IntegrityError, match=named), no_row_is_final(session):
        session.execute(text(statement))


@pytest.mark.parametrize("table", ["product", "warehouse", "location", "lot", "balance"])
def test_the_database_keeps_names_unique(session, balance, table):
    session.commit()
    columns = {
        "product": "sku, name, unit, unit_decimals, tracking, is_active, row_version",
        "warehouse": "code, name",
        "location": "warehouse_id, code, path, kind",
        "lot": "product_id, number, received_on, on_hold, row_version",
        "balance": "lot_id, location_id, product_id, on_hand, allocated",
    }[table]
    statement = f"INSERT INTO inventory_lots_{table} ({columns}) SELECT {columns} FROM inventory_lots_{table}"
    with pytest.raises(IntegrityError):
        session.execute(text(statement))


def test_a_balance_cannot_hold_another_products_lot(session, balance):
    other = make_product(session)
    session.commit()
    with pytest.raises(IntegrityError):
        session.execute(text(f"UPDATE inventory_lots_balance SET product_id = {other.id}"))


def test_the_check_names_a_balance_that_its_moves_do_not_explain(session, balance):
    session.execute(text("UPDATE inventory_lots_balance SET on_hand = 125000"))
    assert list(queries.broken_balances(session)) == [
        "BOLT lot L1 at WH/STOCK: 12.5 on hand, 0 allocated; its moves add up to 10."
    ]


def test_the_check_names_a_balance_without_moves_and_moves_without_a_balance(session, balance):
    with no_row_is_final(session):
        session.execute(text("DELETE FROM inventory_lots_stock_move"))
    assert len(list(queries.broken_balances(session))) == 1
    session.rollback()
    session.execute(text("DELETE FROM inventory_lots_balance"))
    assert list(queries.broken_balances(session)) == ["BOLT lot L1 at WH/STOCK: there are stock moves, but no balance."]


def test_the_check_finds_nothing_in_good_stock(session, balance):
    assert list(queries.broken_balances(session)) == []
    assert session.scalar(select(func.count()).select_from(Balance)) == 1


# The ledger is written once


@pytest.mark.parametrize(
    "statement",
    ["UPDATE inventory_lots_stock_move SET reason = 'otherwise'", "DELETE FROM inventory_lots_stock_move"],
)
def test_the_database_refuses_to_change_and_delete_stock_moves(session, balance, statement):
    session.commit()
    with pytest.raises(IntegrityError, match="written once and never changed"):
        session.execute(text(statement))
    session.rollback()
    assert [move.reason for move in session.scalars(select(StockMove))] == [""]
