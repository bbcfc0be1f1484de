"""Movements of known lots: one move each, only of what is unallocated, and all or nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import func, select

from modules.inventory_lots import queries
from modules.inventory_lots.errors import NotEnoughUnallocated, SerialInStock
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import Movement, lock_products, move, reserve
from modules.inventory_lots.states import MoveKind, Tracking
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock


def moving(balance, quantity, location=None):
    where = location.id if location is not None else balance.location_id
    return Movement(balance.product_id, balance.lot_id, where, Decimal(quantity), "DOC1")


def test_what_moves_is_one_move_each_and_one_balance_at_each_end(session):
    balance, shelf = make_stock(session, make_product(session), 10), make_location(session, "WH/SHELF")
    lock_products(session, [balance.product_id])
    _, there = move(session, [moving(balance, -4), moving(balance, 4, shelf)], MoveKind.transfer, reason="Tidied")
    assert (balance.on_hand, session.get_one(Balance, there).on_hand) == (6, 4)
    moves = session.scalars(select(StockMove).order_by(StockMove.id.desc()).limit(2)).all()
    assert [(each.quantity, each.document, each.reason) for each in moves] == [
        (4, "DOC1", "Tidied"),
        (-4, "DOC1", "Tidied"),
    ]
    assert list(queries.broken_balances(session)) == []


def test_no_more_leaves_than_is_unallocated_whatever_the_number_of_movements(session):
    balance = make_stock(session, make_product(session), 10)
    lock_products(session, [balance.product_id])
    reserve(session, [(balance.id, 50000)])
    before = session.scalar(select(func.count(StockMove.id)))
    with pytest.raises(NotEnoughUnallocated, match="6 cannot be transferred, 5 are there unallocated"):
        move(session, [moving(balance, -3), moving(balance, -3)], MoveKind.scrap)
    assert session.scalar(select(func.count(StockMove.id))) == before
    move(session, [moving(balance, -5)], MoveKind.scrap)
    assert (balance.on_hand, balance.allocated) == (5, 5)


def test_a_serial_number_moves_about_and_does_not_come_twice(session):
    phone, shelf = make_product(session, tracking=Tracking.serial), make_location(session, "WH/SHELF")
    make_serials(session, phone, "S1")
    session.commit()
    balance = session.scalars(select(Balance).where(Balance.product_id == phone.id)).one()
    lock_products(session, [phone.id])
    move(session, [moving(balance, -1), moving(balance, 1, shelf)], MoveKind.transfer)
    with pytest.raises(SerialInStock):
        move(session, [moving(balance, 1)], MoveKind.customer_return)


def test_the_products_are_locked_by_the_caller(session):
    balance = make_stock(session, make_product(session), 10)
    with pytest.raises(RuntimeError):
        move(session, [moving(balance, -1)], MoveKind.scrap)
