"""Receipts: goods of purchase order lines go into stock and to the sales orders that wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, bulk_insert, new_ids_of, raw_instant
from erp.errors import ErpError
from erp.events import current_run, publish
from erp.numbers import sums, to_raw
from erp.options import options
from modules.inventory_lots import services as inventory
from modules.inventory_lots.events import GoodsArrived
from modules.procurement.domain import Delivery, LineQuantities, receivable
from modules.procurement.errors import DeliveriesRefused, OverReceipt
from modules.procurement.hooks import OutstandingFall, outstanding_will_fall
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.procurement.services.locking import LINE, lock_lines_and_orders
from modules.procurement.services.states import announce_supply, state_changes, write_states
from modules.procurement.states import PURCHASE_ORDER

RECEIPT = cast(Table, Receipt.__table__)


def receive(session: Session, delivery: Delivery) -> int:
    """Receive one delivery; return the id of its receipt. Raises the reason why it is refused."""
    try:
        return receive_many(session, [delivery])[0]
    except DeliveriesRefused as refused:
        raise refused.refusals[0] from None


def receive_many(session: Session, deliveries: Sequence[Delivery]) -> list[int]:
    """Lock lines and receive deliveries of them in the given order; return the ids of the receipts.

    First the goods go into stock, then `outstanding_will_fall` turns purchase allocations into allocations, then the
    lines count them as received. GoodsArrived serves the queue from them, and only then SupplyChanged offers remaining
    supply to what still waits. Raises DeliveriesRefused, and receives nothing then.
    """
    lines = {line.id: line for line in lock_lines_and_orders(session, {delivery.line_id for delivery in deliveries})}
    products = {line.product_id: line.product for line in lines.values()}
    checked = inventory.check_arrivals(session, _arrivals(session, lines, deliveries), products)
    if refusals := _refusals(lines, deliveries, checked.refusals):
        raise DeliveriesRefused(refusals=refusals)
    received = sums((delivery.line_id, to_raw(delivery.quantity)) for delivery in deliveries)
    states = state_changes(session, [line.order for line in lines.values()], received)
    falls = _falls(lines, deliveries)
    # Nothing has to give way on lines of which nothing is allocated or held.
    held = {line.id for line in lines.values() if line.taken}
    ids = new_ids_of(session, dict.fromkeys((*inventory.NEW_ROWS, RECEIPT), len(deliveries)))
    balance_ids, receipt_ids = inventory.book(session, checked, ids=ids), ids[RECEIPT]
    _insert(session, deliveries, balance_ids, receipt_ids)
    landed = zip(falls, balance_ids, receipt_ids, strict=True)
    if falling := [
        replace(fall, balance_id=balance, receipt_id=id_) for fall, balance, id_ in landed if fall.line_id in held
    ]:
        outstanding_will_fall(session, falling)
    bulk_add(session, LINE, ("received",), sorted(received.items()))
    write_states(session, states)
    session.expire_all()
    product_ids = tuple(sorted(products))
    publish(session, GoodsArrived(product_ids, are_free=not falling))
    announce_supply(session, product_ids, has_arrived=True)
    return receipt_ids


def _arrivals(
    session: Session, lines: Mapping[int, PurchaseOrderLine], deliveries: Sequence[Delivery]
) -> list[inventory.Arrival]:
    return [
        inventory.Arrival(
            product_id=lines[delivery.line_id].product_id,
            location_id=delivery.location_id,
            quantity=delivery.quantity,
            lot_number=delivery.lot_number,
            received_on=delivery.received_on,
            expires_on=delivery.expires_on,
            document=lines[delivery.line_id].order.name,
        )
        for delivery in deliveries
    ]


def _refusals(
    lines: Mapping[int, PurchaseOrderLine], deliveries: Sequence[Delivery], of_stock: Mapping[int, ErpError]
) -> dict[int, ErpError]:
    """Return the reasons why deliveries are refused, by position in the list."""
    refusals: dict[int, ErpError] = dict(of_stock)
    received = {line.id: line.received for line in lines.values()}
    for index, delivery in enumerate(deliveries):
        line = lines[delivery.line_id]
        try:
            PURCHASE_ORDER.next(line.order.state, "receive")
            _check_room(line, received[line.id], delivery.quantity)
        except ErpError as refusal:
            refusals.setdefault(index, refusal)
        if index not in refusals:
            received[line.id] += delivery.quantity
    return dict(sorted(refusals.items()))


def _check_room(line: PurchaseOrderLine, received: Decimal, quantity: Decimal) -> None:
    before = LineQuantities(line.quantity, received, line.cancelled)
    room = receivable(before, options.procurement.over_receipt_percent)
    if quantity > room:
        raise OverReceipt(line=str(line), quantity=quantity, receivable=room)


def _falls(lines: Mapping[int, PurchaseOrderLine], deliveries: Sequence[Delivery]) -> list[OutstandingFall]:
    """Return what each delivery leaves outstanding on its line."""
    received = {line.id: line.received for line in lines.values()}
    falls = []
    for delivery in deliveries:
        line = lines[delivery.line_id]
        received[line.id] += delivery.quantity
        outstanding = LineQuantities(line.quantity, received[line.id], line.cancelled).outstanding
        falls.append(OutstandingFall(line.id, outstanding, landed_quantity=delivery.quantity))
    return falls


def _insert(session: Session, deliveries: Sequence[Delivery], balance_ids: Sequence[int], ids: Sequence[int]) -> None:
    """Insert a receipt of each delivery."""
    rows = [
        (id_, delivery.line_id, balance_id, to_raw(delivery.quantity))
        for id_, delivery, balance_id in zip(ids, deliveries, balance_ids, strict=True)
    ]
    same = {"reversed": 0, "received_at": raw_instant(clock.now()), "user_name": current_run(session).user_name}
    bulk_insert(session, RECEIPT, ("id", "line_id", "balance_id", "quantity"), rows, shared=same)
