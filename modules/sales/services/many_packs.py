"""Packing many orders at once, in as many statements for two orders as for a hundred."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_insert, insert_rows, is_one_of, to_raw
from erp.errors import ErpError
from erp.events import current_run, publish
from erp.sequence import next_numbers
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import unusable_column
from modules.inventory_lots.services import Taking, take
from modules.sales.errors import LotUnusable, NothingToPack, ShipsComplete
from modules.sales.events import GoodsPacked, PackedGoods
from modules.sales.hooks import pack_refusals
from modules.sales.models import Allocation, Order, OrderLine, Pack, PackLine
from modules.sales.queries import select_unpacked
from modules.sales.services.many_orders import Refusals, lock_orders
from modules.sales.services.order_states import close_orders
from modules.sales.services.packs import Part, count_packed, refuse_incomplete
from modules.sales.states import ORDER, ShippingPolicy

_Key = tuple[int, int]  # the ids of an order and a warehouse


def pack_orders(session: Session, order_ids: Collection[int]) -> tuple[dict[int, list[str]], Refusals]:
    """Pack what is allocated of orders, as `pack_order` does without serial numbers.

    Returns the numbers of the packs by order, and why other orders are not packed: in a state that forbids it, with
    nothing that may leave, or shipping complete and not all of it may.
    """
    orders, refusals = lock_orders(session, order_ids, lambda order: ORDER.next(order.state, "pack"))
    if not orders:
        return {}, refusals
    open_lines = [line for order in orders for line in order.lines if line.is_open]
    staying = {id_: why for answer in pack_refusals(session, open_lines) for id_, why in answer.items()}
    parts, reasons = _parts(session, orders, staying)
    leaving: dict[int, list[Part]] = {}
    for order in orders:
        try:
            leaving[order.id] = _checked(order, parts[order.id], reasons[order.id])
        except (NothingToPack, ShipsComplete) as error:
            refusals[order.id] = error
    return (_write(session, leaving) if leaving else {}), refusals


def _parts(
    session: Session, orders: Sequence[Order], staying: Mapping[int, ErpError]
) -> tuple[dict[int, list[Part]], dict[int, list[str]]]:
    """Return what of the orders' allocations leaves, and why other allocations and lines stay, by order."""
    lines = {line.id: line for order in orders for line in order.lines}
    parts: dict[int, list[Part]] = {order.id: [] for order in orders}
    reasons = {
        order.id: [f"Line {line.position}: {staying[line.id]}" for line in order.lines if line.id in staying]
        for order in orders
    }
    key = (Balance.product_id, Balance.lot_id, Balance.location_id)
    rows = select_unpacked(Allocation, *key, Lot.number, Location, unusable_column(clock.today()))
    rows = rows.where(is_one_of(session, Order.id, parts)).order_by(Order.id, OrderLine.position, Allocation.id)
    for row, *of_balance, lot, location, why in session.execute(rows):
        line = lines[row.line_id]
        if why:
            unusable = LotUnusable(lot=lot, location=location.path, why=why)
            reasons[line.order_id].append(f"Line {line.position}: {unusable}")
        elif line.id not in staying:
            place = (row.balance_id, tuple(of_balance), location.warehouse_id)
            parts[line.order_id].append(Part(line, *place, row.unpacked, row.id))
    return parts, reasons


def _checked(order: Order, parts: list[Part], reasons: Sequence[str]) -> list[Part]:
    if order.shipping_policy is ShippingPolicy.complete:
        refuse_incomplete(order, parts, reasons)
    if not parts:
        raise NothingToPack(order=order.name, reasons=reasons)
    return parts


def _write(session: Session, leaving: Mapping[int, Sequence[Part]]) -> dict[int, list[str]]:
    """Write a pack for each order and warehouse, what is in it, and what of it has left stock; return their numbers."""
    everything = [part for parts in leaving.values() for part in parts]
    keys = sorted({_key(part) for part in everything})
    numbers = next_numbers(session, "sales.pack", "PK", Pack.number, count=len(keys))
    by = current_run(session).user_name
    made = [
        {"number": number, "order_id": order_id, "warehouse_id": warehouse_id, "user_name": by}
        for number, (order_id, warehouse_id) in zip(numbers, keys, strict=True)
    ]
    pack_of = dict(zip(keys, zip(insert_rows(session, Pack, made), numbers, strict=True), strict=True))
    columns = ("pack_id", "line_id", "balance_id", "allocation_id", "quantity", "reversed")
    rows = [
        (pack_of[_key(part)][0], part.line.id, part.balance_id, part.allocation_id, to_raw(part.quantity), 0)
        for part in everything
    ]
    goods = [(_key(part)[0], PackedGoods(row[0], row[1], row[2], part.quantity))
             for part, row in zip(everything, rows, strict=True)]  # fmt: skip
    takings = [Taking(part.balance_id, part.quantity, True, pack_of[_key(part)][1], part.key) for part in everything]
    bulk_insert(session, PackLine.__table__, columns, rows)  # type: ignore[arg-type]
    count_packed(session, everything)
    take(session, takings)
    session.expire_all()
    close_orders(session, leaving)
    for order_id in leaving:
        publish(session, GoodsPacked(order_id, tuple(each for id_, each in goods if id_ == order_id)))
    return {order_id: [pack_of[key][1] for key in keys if key[0] == order_id] for order_id in leaving}


def _key(part: Part) -> _Key:
    return part.line.order_id, part.warehouse_id
