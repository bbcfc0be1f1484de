"""Packing many orders at once, in as many statements for two orders as for a hundred."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of
from erp.errors import ErpError
from erp.events import publish
from erp.text import say
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import unusable_column
from modules.sales.errors import LotUnusable, NothingToPack, ShipsComplete
from modules.sales.events import GoodsPacked
from modules.sales.hooks import pack_refusals
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import select_unpacked
from modules.sales.services.many_orders import Refusals, lock_orders
from modules.sales.services.order_states import close_orders
from modules.sales.services.packs import Part, goods_of, refuse_incomplete, write_packs
from modules.sales.states import ORDER, ShippingPolicy


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
    reasons: dict[int, list[str]] = {
        order.id: [
            say("Line {line}: {staying}", line=line.position, staying=staying[line.id])
            for line in order.lines
            if line.id in staying
        ]
        for order in orders
    }
    key = (Balance.product_id, Balance.lot_id, Balance.location_id)
    rows = select_unpacked(Allocation, *key, Lot.number, Location, unusable_column(clock.today()))
    rows = rows.where(is_one_of(session, Order.id, parts)).order_by(Order.id, OrderLine.position, Allocation.id)
    for row, *of_balance, lot, location, why in session.execute(rows):
        line = lines[row.line_id]
        if why:
            unusable = LotUnusable(lot=lot, location=location.path, why=why)
            reasons[line.order_id].append(say("Line {line}: {unusable}", line=line.position, unusable=unusable))
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
    """Write the packs of orders, close those that are done, and return the numbers of the packs by order."""
    pack_of = write_packs(session, [part for parts in leaving.values() for part in parts])
    goods = {order_id: goods_of(parts, pack_of) for order_id, parts in leaving.items()}
    session.expire_all()
    close_orders(session, leaving)
    for order_id, packed in goods.items():
        publish(session, GoodsPacked(order_id, packed))
    return {order_id: [pack.number for key, pack in pack_of.items() if key[0] == order_id] for order_id in leaving}
