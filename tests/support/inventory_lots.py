"""Ready stock for tests."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.services import (
    Arrival,
    Count,
    LotWanted,
    adjust,
    find_or_make_location,
    find_or_make_lots,
    lock_products,
    receive_many,
)
from modules.inventory_lots.states import LocationKind, Tracking
from tests.support.numbering import next_number


def make_product(session: Session, **overrides: Any) -> Product:
    """Return a product with a SKU of its own, tracked by lot and counted in pieces."""
    sku = f"SKU-{next_number('product'):04d}"
    product = Product(**{"sku": sku, "name": f"Product {sku}"} | overrides)
    session.add(product)
    session.flush()
    return product


def make_location(session: Session, path: str = "WH/STOCK", *, kind: LocationKind = LocationKind.stock) -> Location:
    """Return the location of that path."""
    location, _ = find_or_make_location(session, path, kind=kind)
    if location.kind is not kind:
        location.kind = kind
        session.flush()
    return location


def make_lot(session: Session, product: Product, number: str = "", **overrides: Any) -> Lot:
    """Return an empty lot. Commits, so that the product's lock is free again."""
    session.commit()
    lock_products(session, [product.id])
    dates = {key: overrides.pop(key) for key in ("received_on", "expires_on") if key in overrides}
    (lot_id,), _ = find_or_make_lots(session, [LotWanted(product.id, number or f"L{next_number('lot'):04d}", **dates)])
    lot = session.get_one(Lot, lot_id)
    for name, value in overrides.items():
        setattr(lot, name, value)
    session.commit()
    return lot


def make_stock(
    session: Session,
    product: Product,
    quantity: Decimal | int | str,
    *,
    lot: str | None = None,
    location: Location | str = "WH/STOCK",
    received_on: date | None = None,
    expires_on: date | None = None,
) -> Balance:
    """Receive a quantity, in a lot of its own unless `lot` names one. Commits, so that the lock is free again."""
    location = make_location(session, location) if isinstance(location, str) else location
    session.commit()
    lock_products(session, [product.id])
    if lot is None and product.tracking is not Tracking.none:
        lot = f"L{next_number('lot'):04d}"
    arrival = Arrival(product.id, location.id, Decimal(quantity), lot, received_on, expires_on, "Opening")
    balance = receive(session, arrival)
    session.commit()
    return balance


def receive(session: Session, arrival: Arrival) -> Balance:
    """Receive one arrival and return its balance. The caller has locked the product."""
    return session.get_one(Balance, receive_many(session, [arrival])[0])


def make_serials(session: Session, product: Product, *numbers: str, location: Location | str = "WH/STOCK") -> None:
    """Receive one piece for each serial number. Commits."""
    for number in numbers:
        make_stock(session, product, 1, lot=number, location=location)


def set_stock(session: Session, balance: Balance, quantity: Decimal | int | str, *, release: bool = False) -> None:
    """Adjust a balance to what was counted. Commits."""
    session.commit()
    number = session.scalars(select(Lot.number).where(Lot.id == balance.lot_id)).one()
    counted = Count(balance.product_id, balance.location_id, Decimal(quantity), lot_number=number)
    adjust(session, counted, reason="Counted", release=release)
    session.commit()
