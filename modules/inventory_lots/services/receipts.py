"""Receipts: goods that arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import require_lock, to_raw
from erp.identity import identity_key
from modules.inventory_lots import queries
from modules.inventory_lots.domain import check_lot_number, check_quantity
from modules.inventory_lots.errors import SerialInStock, StockRefused
from modules.inventory_lots.models import Product
from modules.inventory_lots.services.balances import Posting, post
from modules.inventory_lots.services.lots import LotWanted, find_or_make_lots
from modules.inventory_lots.states import MoveKind, Tracking


@dataclass(frozen=True)
class Arrival:
    """A quantity of a product that arrives in a lot at a location.

    Without a lot number (tracking none only) it becomes a new automatic lot. A new lot is received today unless a
    date is given; an empty date leaves what an existing lot has.
    """

    product_id: int
    location_id: int
    quantity: Decimal
    lot_number: str | None = None
    received_on: date | None = None
    expires_on: date | None = None
    document: str = ""


def receive_many(session: Session, arrivals: Sequence[Arrival]) -> list[int]:
    """Book arrivals into stock in a fixed number of statements; return each one's balance id.

    The caller has locked the products. Raises the first refusal; nothing is booked then.
    """
    for refusal in arrival_refusals(session, arrivals).values():
        raise refusal
    wanted = [
        LotWanted(arrival.product_id, arrival.lot_number, arrival.received_on, arrival.expires_on)
        for arrival in arrivals
    ]
    lot_ids, _ = find_or_make_lots(session, wanted)
    postings = [
        Posting(arrival.product_id, lot_id, arrival.location_id, to_raw(arrival.quantity), arrival.document)
        for arrival, lot_id in zip(arrivals, lot_ids, strict=True)
    ]
    return post(session, postings, MoveKind.receipt)


def arrival_refusals(session: Session, arrivals: Sequence[Arrival]) -> Mapping[int, StockRefused]:
    """Return why arrivals may not be booked, by their position. The caller has locked the products."""
    product_ids = {arrival.product_id for arrival in arrivals}
    require_lock(session, Product, product_ids)
    products = queries.products_by_id(session, product_ids)
    serials = [
        (arrival.product_id, arrival.lot_number)
        for arrival in arrivals
        if arrival.lot_number and products[arrival.product_id].tracking is Tracking.serial
    ]
    in_stock = {lot for lot, on_hand in queries.on_hand_of_lots(session, serials).items() if on_hand}
    refusals: dict[int, StockRefused] = {}
    for index, arrival in enumerate(arrivals):
        try:
            _check(products[arrival.product_id], arrival, in_stock)
        except StockRefused as refusal:
            refusals[index] = refusal
    return refusals


def _check(product: Product, arrival: Arrival, in_stock: set[tuple[int, str]]) -> None:
    number = arrival.lot_number
    check_quantity(arrival.quantity, product.unit_decimals, what=product.sku)
    check_lot_number(number, arrival.quantity, tracking=product.tracking, sku=product.sku)
    if product.tracking is Tracking.serial and number is not None:
        lot = (product.id, identity_key(number))
        if lot in in_stock:
            raise SerialInStock(sku=product.sku, number=number)
        in_stock.add(lot)
