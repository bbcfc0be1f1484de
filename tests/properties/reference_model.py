"""What must hold in any book, computed from the rows with plain sums: none of the product's own rules is used here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select

from erp.db import db
from erp.models import HistoryEntry
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack, PackLine, PackReversal


def rows(model: Any, *conditions: Any) -> list[Any]:
    """Return the rows of a model as they are stored, by id."""
    return list(db.session.execute(select(*model.__table__.columns).where(*conditions).order_by(model.id)))


def summed(pairs: Any) -> Counter:
    """Add up (key, quantity) pairs."""
    sums: Counter = Counter()
    for key, quantity in pairs:
        sums[key] += quantity
    return sums


def open_of(line: Any) -> Decimal:
    """Return what of a line, or of a purchase order line, is neither done nor cancelled."""
    return line.quantity - line.cancelled - (line.received if hasattr(line, "received") else line.packed)


@dataclass
class Kept:
    """How many rows the append-only tables have."""

    history: int = 0
    moves: int = 0


def check_everything(kept: Kept) -> Kept:
    """Assert every invariant, and that nothing of `kept` is gone; return what is kept now."""
    db.session.rollback()
    lines, allocations, moves = rows(OrderLine), rows(Allocation), rows(StockMove)
    balances, backorders, purchase_allocations = (
        rows(Balance),
        rows(Backorder),
        rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None)),
    )
    check_balances(balances, allocations, moves)
    check_lines(lines, allocations)
    check_backorders(lines, backorders, purchase_allocations)
    check_incoming(purchase_allocations)
    check_packs(lines, allocations, moves)
    check_orders(lines)
    check_serials(balances, lines, backorders)
    check_numbers()
    entries = db.session.scalar(select(func.count()).select_from(HistoryEntry))
    now = Kept(history=entries, moves=len(moves))
    assert now.history >= kept.history and now.moves >= kept.moves, "a row of an append-only table is gone"
    db.session.rollback()
    return now


def check_balances(balances: list[Any], allocations: list[Any], moves: list[Any]) -> None:
    """0 ≤ allocated ≤ on hand; allocated is the sum of the allocations, on hand the sum of the moves."""
    held = summed((row.balance_id, row.quantity - row.packed) for row in allocations)
    moved = summed(((move.lot_id, move.location_id), move.quantity) for move in moves)
    for balance in balances:
        assert 0 <= balance.allocated <= balance.on_hand
        assert balance.allocated == held.pop(balance.id, 0)
        assert balance.on_hand == moved.pop((balance.lot_id, balance.location_id), 0)
    assert not held and not moved


def check_lines(lines: list[Any], allocations: list[Any]) -> None:
    """0 ≤ allocated ≤ open, and allocated is the sum of the allocations."""
    held = summed((row.line_id, row.quantity - row.packed) for row in allocations)
    for line in lines:
        assert line.packed >= 0 and line.cancelled >= 0
        assert 0 <= line.allocated <= open_of(line)
        assert line.allocated == held[line.id]


def check_backorders(lines: list[Any], backorders: list[Any], purchase_allocations: list[Any]) -> None:
    """At most one open row a line, at most open − allocated, and at least the line's purchase allocations."""
    waiting: Counter = Counter()
    for row in backorders:
        remainder = row.quantity - row.allocated_quantity - row.cancelled_quantity
        assert min(row.quantity, row.allocated_quantity, row.cancelled_quantity, remainder) >= 0
        assert (row.state == "open") == (remainder > 0)
        if row.state == "open":
            assert row.line_id not in waiting, "two open backorders of one line"
            waiting[row.line_id] = remainder
        else:
            assert row.closed_at is not None
            assert (row.state == "allocated") == (row.allocated_quantity > 0)
    purchase_allocated = summed((row.line_id, row.quantity - row.received) for row in purchase_allocations)
    for line in lines:
        assert waiting[line.id] <= open_of(line) - line.allocated
        assert purchase_allocated[line.id] <= waiting[line.id], "promised twice"


def check_incoming(purchase_allocations: list[Any]) -> None:
    """A purchase order line's allocated is the sum of its purchase allocations, at most what is outstanding."""
    allocated = summed((row.purchase_line_id, row.quantity - row.received) for row in purchase_allocations)
    for line in rows(PurchaseOrderLine):
        assert line.received >= 0 and 0 <= line.cancelled <= line.quantity
        assert line.allocated == allocated[line.id]
        assert line.allocated == 0 or 0 < line.allocated <= open_of(line)


def check_packs(lines: list[Any], allocations: list[Any], moves: list[Any]) -> None:
    """Packs, their reversals, allocations, lines and the ledger agree about what was packed and what has returned."""
    in_packs, numbers = rows(PackLine), {pack.id: pack.number for pack in rows(Pack)}
    packed = [(row, row.quantity - row.reversed) for row in in_packs]
    by_number = summed((numbers[row.pack_id], quantity) for row, quantity in packed)
    by_line = +summed((row.line_id, quantity) for row, quantity in packed)
    by_allocation = +summed((row.allocation_id, quantity) for row, quantity in packed if row.allocation_id)
    returned = summed((row.pack_line_id, row.quantity) for row in rows(PackReversal))
    assert all(0 <= row.reversed <= row.quantity and row.reversed == returned[row.id] for row in in_packs)
    of_packs = [move for move in moves if move.kind in ("pack", "pack_reversal")]
    assert by_number == summed((move.document, -move.quantity) for move in of_packs)
    assert by_line == {line.id: line.packed for line in lines if line.packed}
    assert by_allocation == {row.id: row.packed for row in allocations if row.packed}


def check_orders(lines: list[Any]) -> None:
    """An order with something open is confirmed; else it is done if anything was packed, or cancelled."""
    left_open = summed((line.order_id, open_of(line)) for line in lines)
    packed = summed((line.order_id, line.packed) for line in lines)
    for order in rows(Order):
        if order.state == "confirmed":
            assert left_open[order.id] > 0
        elif order.state == "done":
            assert left_open[order.id] == 0 and packed[order.id] > 0
        elif order.number is not None:
            assert left_open[order.id] == 0 and packed[order.id] == 0


def check_serials(balances: list[Any], lines: list[Any], backorders: list[Any]) -> None:
    """A serial number is one piece at one location, and is never allocated or backordered."""
    serial = {product.id for product in rows(Product, Product.tracking == "serial")}
    pieces = summed((balance.lot_id, balance.on_hand) for balance in balances if balance.product_id in serial)
    assert set(pieces.values()) <= {0, 1}
    of_serials = {line.id for line in lines if line.product_id in serial}
    assert not any(line.allocated for line in lines if line.id in of_serials)
    assert not any(row.line_id in of_serials for row in backorders)


def check_numbers() -> None:
    """No two documents of one kind have the same number."""
    for model in (Order, Pack, PurchaseOrder):
        numbers = db.session.scalars(select(model.number).where(model.number.is_not(None))).all()
        assert len(numbers) == len(set(numbers)), model


def queue(product_id: int, *, until: date | None = None, by_requested_day: bool = False) -> list[Any]:
    """Return the lines of a product that a run serves, in order of service: those requested `until` a day."""
    confirmed = {order.id: order for order in rows(Order, Order.state == "confirmed")}
    waiting = rows(OrderLine, OrderLine.product_id == product_id, ~OrderLine.hold_allocation)

    def place(line: Any) -> tuple[Any, ...]:
        order = confirmed[line.order_id]
        requested = (line.requested_on or date.max,) if by_requested_day else ()
        return (-order.priority, *requested, order.ordered_at, order.id, line.position)

    is_due = {line.id for line in waiting if not (until and line.requested_on and line.requested_on > until)}
    return sorted((line for line in waiting if line.order_id in confirmed and line.id in is_due), key=place)


def usable(product_id: int, today: Any, *, removal: str) -> list[tuple[int, Decimal]]:
    """Return (balance id, unallocated) of what of a product may be allocated, in the order in which it leaves."""
    lots = {lot.id: lot for lot in rows(Lot, Lot.product_id == product_id)}
    places = {place.id: place.kind for place in rows(Location)}
    may = [
        (balance, lot)
        for balance in rows(Balance, Balance.product_id == product_id)
        if places[balance.location_id] == "stock"
        and not (lot := lots[balance.lot_id]).on_hold
        and (lot.expires_on is None or lot.expires_on >= today)
    ]

    def leaves(pair: Any) -> tuple[Any, ...]:
        balance, lot = pair
        fifo = (lot.received_on, lot.id, balance.location_id)
        return (lot.expires_on is None, lot.expires_on or today, *fifo) if removal == "fefo" else fifo

    return [(balance.id, balance.on_hand - balance.allocated) for balance, _ in sorted(may, key=leaves)]


def unit_by_unit(wanted: list[tuple[int, Any]], supply: list[tuple[int, Any]]) -> dict[tuple[int, int], int]:
    """Hand out one unit after the other; return how many units each (demand, supply) pair got."""
    units = [key for key, amount in supply for _ in range(int(amount))]
    given: Counter = Counter()
    for demand, amount in wanted:
        for _ in range(min(int(amount), len(units))):
            given[demand, units.pop(0)] += 1
    return dict(given)
