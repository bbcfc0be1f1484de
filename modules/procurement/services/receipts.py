"""Receipts: goods of purchase order lines go into stock and to the sales orders that wait for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, insert_rows
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
from modules.procurement.services.states import announce_supply, update_states
from modules.procurement.states import PURCHASE_ORDER


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
    arrivals = _arrivals(session, lines, deliveries)
    if refusals := _refusals(session, lines, deliveries, arrivals):
        raise DeliveriesRefused(refusals=refusals)
    outstanding_after = _outstanding_after(lines, deliveries)
    product_ids = tuple(sorted({line.product_id for line in lines.values()}))
    order_ids = {line.order_id for line in lines.values()}
    balance_ids = inventory.receive_many(session, arrivals)
    receipt_ids = _insert(session, deliveries, balance_ids)
    outstanding_will_fall(
        session,
        [
            OutstandingFall(delivery.line_id, outstanding, balance_id, delivery.quantity, receipt_id)
            for delivery, outstanding, balance_id, receipt_id in zip(
                deliveries, outstanding_after, balance_ids, receipt_ids, strict=True
            )
        ],
    )
    received = sums((delivery.line_id, to_raw(delivery.quantity)) for delivery in deliveries)
    bulk_add(session, LINE, ("received",), sorted(received.items()))
    session.expire_all()
    update_states(session, order_ids)
    publish(session, GoodsArrived(product_ids))
    announce_supply(session, product_ids)
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
    """Return the reasons why deliveries are refused, by position in the list."""
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


def _outstanding_after(lines: Mapping[int, PurchaseOrderLine], deliveries: Sequence[Delivery]) -> list[Decimal]:
    """Return what each delivery leaves outstanding on its line."""
    received = {line.id: line.received for line in lines.values()}
    outstanding = []
    for delivery in deliveries:
        line = lines[delivery.line_id]
        received[line.id] += delivery.quantity
        outstanding.append(LineQuantities(line.quantity, received[line.id], line.cancelled).outstanding)
    return outstanding


def _insert(session: Session, deliveries: Sequence[Delivery], balance_ids: Sequence[int]) -> list[int]:
    """Insert a receipt of each delivery; return their ids."""
    common = {"received_at": clock.now(), "user_name": current_run(session).user_name}
    receipts = [
        {"line_id": delivery.line_id, "balance_id": balance_id, "quantity": delivery.quantity, **common}
        for delivery, balance_id in zip(deliveries, balance_ids, strict=True)
    ]
    return insert_rows(session, Receipt, receipts)
