"""Goods that arrive: into stock, off the purchase order, and on to whoever waits for them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.events import current_run, publish
from erp.options import options
from modules.inventory_lots import services as inventory
from modules.inventory_lots.events import GoodsArrived
from modules.inventory_lots.models import Location
from modules.procurement.domain import Delivery, Figures, receivable
from modules.procurement.errors import OverReceipt
from modules.procurement.events import PurchaseLineReceived
from modules.procurement.hooks import OutstandingFall, outstanding_will_fall
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.procurement.services.doors import announce_supply, fresh_lines, lock_lines, settle
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
    return receive_many(session, [delivery])[0]


def receive_many(session: Session, deliveries: Sequence[Delivery]) -> list[Receipt]:
    """Receive many deliveries as one deed, in their order; a door. A line may occur more than once.

    The goods are in stock before claims on the lines turn into claims on them; the lines' counters follow, then
    the news: what was received, that supply changed, and last that goods arrived.
    """
    lines = {line.id: line for line in lock_lines(session, {delivery.line_id for delivery in deliveries})}
    for line in lines.values():
        PURCHASE_ORDER.next(line.order.state, "receive")
    falls = _falls(lines, deliveries)
    product_ids = tuple(sorted({line.product_id for line in lines.values()}))
    balance_ids = _put_in_stock(session, lines, deliveries)
    outstanding_will_fall(
        session,
        [
            OutstandingFall(delivery.line_id, left, balance_id, delivery.quantity)
            for delivery, left, balance_id in zip(deliveries, falls, balance_ids, strict=True)
        ],
    )
    receipts = _write(session, deliveries, balance_ids)
    for delivery, balance_id in zip(deliveries, balance_ids, strict=True):
        publish(session, PurchaseLineReceived(delivery.line_id, balance_id, delivery.quantity))
    announce_supply(session, product_ids)
    publish(session, GoodsArrived(product_ids))
    return receipts


def _falls(lines: dict[int, PurchaseOrderLine], deliveries: Sequence[Delivery]) -> list[Decimal]:
    """Return what each delivery leaves outstanding on its line; refuse what is beyond the over-receipt bound."""
    received = {line.id: line.received for line in lines.values()}
    left = []
    for delivery in deliveries:
        line = lines[delivery.line_id]
        before = Figures(line.quantity, received[line.id], line.cancelled)
        room = receivable(before, options.procurement.over_receipt_percent)
        if delivery.quantity > room:
            raise OverReceipt(line=str(line), quantity=delivery.quantity, receivable=room)
        received[line.id] += delivery.quantity
        left.append(Figures(line.quantity, received[line.id], line.cancelled).outstanding)
    return left


def _put_in_stock(session: Session, lines: dict[int, PurchaseOrderLine], deliveries: Sequence[Delivery]) -> list[int]:
    wanted = {delivery.location_id for delivery in deliveries}
    places = {place.id: place for place in session.scalars(select(Location).where(Location.id.in_(wanted)))}
    arrivals = [
        inventory.Arrival(
            product=lines[delivery.line_id].product,
            location=places[delivery.location_id],
            quantity=delivery.quantity,
            lot_number=delivery.lot_number,
            received_on=delivery.received_on,
            expires_on=delivery.expires_on,
            document=lines[delivery.line_id].order.name,
        )
        for delivery in deliveries
    ]
    return inventory.receive_many(session, arrivals)


def _write(session: Session, deliveries: Sequence[Delivery], balance_ids: Sequence[int]) -> list[Receipt]:
    arrived: dict[int, Decimal] = defaultdict(Decimal)
    for delivery in deliveries:
        arrived[delivery.line_id] += delivery.quantity
    lines = fresh_lines(session, arrived)
    for line in lines:
        line.received += arrived[line.id]
    receipts = [
        Receipt(
            line_id=delivery.line_id,
            balance_id=balance_id,
            quantity=delivery.quantity,
            received_at=clock.now(),
            user_name=current_run(session).user_name,
        )
        for delivery, balance_id in zip(deliveries, balance_ids, strict=True)
    ]
    session.add_all(receipts)
    settle(session, {line.order_id for line in lines})
    return receipts
