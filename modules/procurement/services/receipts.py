"""Goods that arrive: into stock, off the purchase order, and on to whoever waits for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, insert_rows
from erp.errors import ErpError
from erp.events import current_run, publish
from erp.numbers import to_raw
from erp.options import options
from modules.inventory_lots import services as inventory
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.models import Location
from modules.procurement.domain import Delivery, LineQuantities, receivable
from modules.procurement.errors import DeliveriesRefused, OverReceipt
from modules.procurement.events import PurchaseLineReceived
from modules.procurement.hooks import OutstandingFall, outstanding_will_fall
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.procurement.services.locking import LINE, announce_supply, lock_lines_and_orders, settle
from modules.procurement.states import PURCHASE_ORDER


def receive(
    session: Session,
    line: PurchaseOrderLine,
    *,
    quantity: Decimal,
    location: Location,
    lot_number: str | None = None,
    received_on: date | None = None,
    expires_on: date | None = None,
) -> Receipt:
    """Receive a quantity of one line into a lot and location; a door."""
    delivery = Delivery(line.id, quantity, location.id, lot_number, received_on, expires_on)
    try:
        receipt_ids = receive_many(session, [delivery])
    except DeliveriesRefused as refused:
        raise refused.refusals[0] from None
    return session.get_one(Receipt, receipt_ids[0])


def receive_many(session: Session, deliveries: Sequence[Delivery]) -> list[int]:
    """Receive many deliveries as one deed, in their order; a door. Return the ids of their receipts.

    The goods are in stock before claims on the lines turn into claims on them; the lines' counters follow, then
    the news: what was received, that supply changed, and last that goods arrived. Raises DeliveriesRefused.
    """
    lines = {line.id: line for line in lock_lines_and_orders(session, {delivery.line_id for delivery in deliveries})}
    arrivals = _arrivals(session, lines, deliveries)
    if refusals := _refusals(session, lines, deliveries, arrivals):
        raise DeliveriesRefused(refusals=refusals)
    left = _left_after(lines, deliveries)
    product_ids = tuple(sorted({line.product_id for line in lines.values()}))
    order_ids = {line.order_id for line in lines.values()}
    balance_ids = inventory.receive_many(session, arrivals)
    outstanding_will_fall(
        session,
        [
            OutstandingFall(delivery.line_id, outstanding, balance_id, delivery.quantity)
            for delivery, outstanding, balance_id in zip(deliveries, left, balance_ids, strict=True)
        ],
    )
    receipt_ids = _write(session, deliveries, balance_ids)
    settle(session, order_ids)
    for delivery, balance_id in zip(deliveries, balance_ids, strict=True):
        publish(session, PurchaseLineReceived(delivery.line_id, balance_id, delivery.quantity))
    announce_supply(session, product_ids)
    publish(session, GoodsArrived(product_ids))
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
    session: Session,
    lines: Mapping[int, PurchaseOrderLine],
    deliveries: Sequence[Delivery],
    arrivals: Sequence[inventory.Arrival],
) -> dict[int, ErpError]:
    """Return why deliveries may not be received, by their place in the list."""
    refusals: dict[int, ErpError] = dict(inventory.arrival_refusals(session, arrivals))
    received = {line.id: line.received for line in lines.values()}
    for index, delivery in enumerate(deliveries):
        line = lines[delivery.line_id]
        try:
            PURCHASE_ORDER.next(line.order.state, "receive")
            _check_room(line, received[line.id], delivery.quantity)
        except ErpError as refusal:
            refusals.setdefault(index, refusal)
        received[line.id] += delivery.quantity
    return dict(sorted(refusals.items()))


def _check_room(line: PurchaseOrderLine, received: Decimal, quantity: Decimal) -> None:
    before = LineQuantities(line.quantity, received, line.cancelled)
    room = receivable(before, options.procurement.over_receipt_percent)
    if quantity > room:
        raise OverReceipt(line=str(line), quantity=quantity, receivable=room)


def _left_after(lines: Mapping[int, PurchaseOrderLine], deliveries: Sequence[Delivery]) -> list[Decimal]:
    """Return what each delivery leaves outstanding on its line."""
    received = {line.id: line.received for line in lines.values()}
    left = []
    for delivery in deliveries:
        line = lines[delivery.line_id]
        received[line.id] += delivery.quantity
        left.append(LineQuantities(line.quantity, received[line.id], line.cancelled).outstanding)
    return left


def _write(session: Session, deliveries: Sequence[Delivery], balance_ids: Sequence[int]) -> list[int]:
    """Count the deliveries on their lines and keep a receipt of each; return the receipts' ids."""
    arrived: Counter[int] = Counter()
    for delivery in deliveries:
        arrived[delivery.line_id] += to_raw(delivery.quantity)
    bulk_add(session, LINE, ("received",), sorted(arrived.items()))
    session.expire_all()
    common = {"received_at": clock.now(), "user_name": current_run(session).user_name}
    receipts = [
        {"line_id": delivery.line_id, "balance_id": balance_id, "quantity": delivery.quantity, **common}
        for delivery, balance_id in zip(deliveries, balance_ids, strict=True)
    ]
    return insert_rows(session, Receipt, receipts)
