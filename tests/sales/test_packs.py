"""Packing: what leaves, what stays behind, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from sqlalchemy import select

from erp.errors import InvalidTransition
from erp.registry import current_registry
from modules.inventory_lots.models import Balance, StockMove
from modules.inventory_lots.services import hold_lot
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking
from modules.sales import services
from modules.sales.errors import (
    NothingToPack,
    NotSerial,
    SerialNumberRefused,
    ShipsComplete,
    TooManySerialNumbers,
)
from modules.sales.models import Allocation
from modules.sales.states import OrderState, ShippingPolicy
from tests.support.inventory_lots import make_location, make_product, make_serials, make_stock
from tests.support.sales import make_order, make_packs, open_backorder


@pytest.fixture
def product(session):
    return make_product(session)


def no_breach(session):
    return [breach for owned in current_registry().checks for breach in owned.thing(session)] == []


def pack(session, order, serials=None):
    (made,) = make_packs(session, order.id, serials)
    session.commit()
    return made


def test_packing_moves_allocation_line_and_balance_together(session, product):
    balance = make_stock(session, product, 10)
    order = make_order(session, [(product, 4)])
    made = pack(session, order)
    assert made.number == "PK00001"
    assert [(line.quantity, line.balance_id) for line in made.lines] == [(4, balance.id)]
    assert session.scalars(select(Allocation.packed)).all() == [4]
    assert (order.lines[0].packed, order.lines[0].allocated) == (4, 0)
    assert (balance.on_hand, balance.allocated) == (6, 0)
    moves = session.scalars(select(StockMove).where(StockMove.kind == MoveKind.pack)).all()
    assert [(move.quantity, move.document) for move in moves] == [(-4, "PK00001")]
    assert no_breach(session)


def test_an_order_is_done_when_nothing_is_open(session, product):
    make_stock(session, product, 4)
    order = make_order(session, [(product, 4)])
    pack(session, order)
    assert order.state is OrderState.done
    with pytest.raises(InvalidTransition):
        pack(session, order)


def test_a_partial_shipment_leaves_the_backorder(session, product):
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)])
    pack(session, order)
    assert order.lines[0].packed == 22
    assert open_backorder(session, order.lines[0].id).open_quantity == 3
    assert order.state is OrderState.confirmed


def test_with_nothing_allocated_there_is_nothing_to_pack(session, product):
    order = make_order(session, [(product, 4)])
    with pytest.raises(NothingToPack):
        pack(session, order)


def test_an_order_that_ships_complete_waits_for_all_of_it(session, product):
    make_stock(session, product, 22)
    order = make_order(session, [(product, 25)], shipping_policy=ShippingPolicy.complete)
    with pytest.raises(ShipsComplete, match="3 of"):
        pack(session, order)
    session.rollback()
    make_stock(session, product, 3)
    services.allocate_order(session, order.id)
    pack(session, order)
    assert order.state is OrderState.done


def test_an_order_that_ships_complete_needs_as_many_serial_numbers_as_are_open(session, product):
    serial = make_product(session, tracking=Tracking.serial)
    make_serials(session, serial, "S1", "S2")
    make_stock(session, product, 1)
    order = make_order(session, [(product, 1), (serial, 2)], shipping_policy=ShippingPolicy.complete)
    line_id = order.lines[1].id
    with pytest.raises(ShipsComplete):
        pack(session, order, {line_id: ["S1"]})
    session.rollback()
    pack(session, order, {line_id: ["S1", "S2"]})
    assert order.state is OrderState.done


def test_an_allocation_on_a_lot_put_on_hold_stays_and_is_not_packed(session, product):
    held = make_stock(session, product, 4)
    make_stock(session, product, 6)
    order = make_order(session, [(product, 10)])
    hold_lot(session, held.lot_id)
    session.commit()
    pack(session, order)
    assert (order.lines[0].packed, order.lines[0].allocated) == (6, 4)
    with pytest.raises(NothingToPack, match=r"Line 1: Lot L\d+ at WH/STOCK is on hold, so it cannot be packed\."):
        pack(session, order)


def test_serial_numbers_leave_stock_without_an_allocation(session):
    serial = make_product(session, tracking=Tracking.serial)
    make_serials(session, serial, "S1", "S2")
    order = make_order(session, [(serial, 2)])
    pack(session, order, {order.lines[0].id: ["S2"]})
    assert order.lines[0].packed == 1
    assert session.scalars(select(Balance.on_hand).order_by(Balance.id)).all() == [1, 0]
    assert no_breach(session)


@pytest.mark.parametrize(
    ("numbers", "refusal"),
    [
        (["S9"], SerialNumberRefused),
        (["S1", "S1"], SerialNumberRefused),
        (["S1", "S2", "S3"], TooManySerialNumbers),
        (["X1"], SerialNumberRefused),
    ],
)
def test_serial_numbers_that_cannot_leave_are_refused(session, numbers, refusal):
    serial, other = (make_product(session, tracking=Tracking.serial) for _ in range(2))
    make_serials(session, serial, "S1", "S2", "S3")
    make_serials(session, other, "X1")
    order = make_order(session, [(serial, 2)])
    with pytest.raises(refusal):
        pack(session, order, {order.lines[0].id: numbers})
    session.rollback()
    assert order.lines[0].packed == 0


def test_a_serial_number_is_packed_once(session):
    serial = make_product(session, tracking=Tracking.serial)
    make_serials(session, serial, "S1", "S2")
    first, second = make_order(session, [(serial, 1)]), make_order(session, [(serial, 1)])
    pack(session, first, {first.lines[0].id: ["S1"]})
    with pytest.raises(SerialNumberRefused, match="not in stock"):
        pack(session, second, {second.lines[0].id: ["S1"]})


@pytest.mark.parametrize("lines", [1, 100])
def test_packing_takes_the_same_statements_for_one_line_as_for_a_hundred(session, count_statements, lines):
    products = [make_product(session) for _ in range(lines)]
    for product in products:
        make_stock(session, product, 1)
    order = make_order(session, [(product, 1) for product in products])
    with count_statements() as sent:
        services.pack_order(session, order.id)
    assert len(sent) <= 30, "\n".join(sent)
    assert {line.packed for line in order.lines} == {Decimal(1)}


def test_an_order_that_ships_complete_needs_all_of_it_on_usable_stock(session):
    product = make_product(session)
    good, bad = (make_stock(session, product, 2, location=make_location(session, path)) for path in ("WH/A", "WH/B"))
    order = make_order(session, [(product, 4)], shipping_policy="complete")
    hold_lot(session, bad.lot_id)
    session.commit()
    with pytest.raises(ShipsComplete, match=r"2 of .* cannot leave now\. Line 1: Lot .* is on hold"):
        services.pack_order(session, order.id)
    session.rollback()
    assert (good.on_hand, good.location.kind, order.lines[0].packed) == (2, LocationKind.stock, 0)


def test_there_is_one_pack_for_each_warehouse(session, product):
    serial = make_product(session, tracking=Tracking.serial)
    make_stock(session, product, 3, location="EAST/A")
    make_stock(session, product, 4, location="WEST/A")
    make_stock(session, product, 5, location="EAST/B")
    make_serials(session, serial, "S1", location="WEST/A")
    order = make_order(session, [(product, 12), (serial, 1)])
    packs = make_packs(session, order.id, {order.lines[1].id: ["S1"]})
    session.commit()
    assert [(pack.number, pack.warehouse.code) for pack in packs] == [("PK00001", "EAST"), ("PK00002", "WEST")]
    assert [[line.quantity for line in pack.lines] for pack in packs] == [[3, 5], [4, 1]]
    moves = session.scalars(select(StockMove).where(StockMove.kind == MoveKind.pack).order_by(StockMove.id)).all()
    assert {(move.document, move.location.warehouse.code) for move in moves} == {
        ("PK00001", "EAST"),
        ("PK00002", "WEST"),
    }
    assert order.state is OrderState.done
    assert no_breach(session)


@pytest.mark.parametrize("warehouses", [1, 20])
def test_packing_takes_the_same_statements_for_one_warehouse_as_for_twenty(session, count_statements, warehouses):
    product = make_product(session)
    for number in range(20):
        make_stock(session, product, 1, location=f"W{number % warehouses}/A", lot=f"L{number}")
    order = make_order(session, [(product, 20)])
    with count_statements() as sent:
        assert len(services.pack_order(session, order.id)) == warehouses
    assert len(sent) <= 30, "\n".join(sent)


def test_serial_numbers_of_a_line_that_has_none_are_refused(session, product):
    make_stock(session, product, 2)
    order = make_order(session, [(product, 2)])
    with pytest.raises(NotSerial, match=r"Line 1: .* is not tracked by serial number"):
        pack(session, order, {order.lines[0].id: ["S1"]})
    session.rollback()
    assert order.lines[0].packed == 0


def test_an_order_that_ships_complete_stays_while_another_module_refuses_a_line(session, product, monkeypatch):
    make_stock(session, product, 3)
    order = make_order(session, [(product, 1), (product, 2)], shipping_policy=ShippingPolicy.complete)
    refusal = NothingToPack(order="Line 2 waits.")
    answer = [{order.lines[1].id: refusal}]
    monkeypatch.setattr("modules.sales.services.packs.pack_refusals", lambda *_: answer)
    with pytest.raises(ShipsComplete, match=r"Line 2: 2 of .* cannot leave now"):
        pack(session, order)
