"""Movements of known lots: what other modules bring into stock, put elsewhere and take out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import from_raw, is_one_of, require_lock, to_raw
from erp.events import publish
from erp.text import say
from modules.inventory_lots.errors import NotEnoughUnallocated, SerialInStock
from modules.inventory_lots.events import StockChanged
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import serials_in_stock
from modules.inventory_lots.services.balances import Key, Posting, post
from modules.inventory_lots.states import MoveKind


@dataclass(frozen=True)
class Movement:
    """A quantity of a lot that comes to a location (above 0) or leaves it (below 0), for `document`."""

    product_id: int
    lot_id: int
    location_id: int
    quantity: Decimal
    document: str = ""

    @property
    def key(self) -> Key:
        """The balance that it changes."""
        return self.product_id, self.lot_id, self.location_id


def move(session: Session, movements: Sequence[Movement], kind: MoveKind, *, reason: str = "") -> list[int]:
    """Write one stock move for each movement, in a fixed number of statements; return each one's balance id.

    The caller has locked the products. Only unallocated stock can leave, usable or not. Raises NotEnoughUnallocated,
    and SerialInStock where a serial number comes that is in stock already.
    """
    if not movements:
        return []
    require_lock(session, Product, {movement.product_id for movement in movements})
    changes: Counter[Key] = Counter()
    of_lots: Counter[int] = Counter()
    for movement in movements:
        changes[movement.key] += to_raw(movement.quantity)
        of_lots[movement.lot_id] += to_raw(movement.quantity)
    for sku, number in serials_in_stock(session, [lot_id for lot_id, change in of_lots.items() if change > 0]):
        raise SerialInStock(sku=sku, number=number)
    _check_leaving(session, {key: -change for key, change in changes.items() if change < 0})
    postings = [Posting(*each.key, to_raw(each.quantity), each.document) for each in movements]
    balance_ids = post(session, postings, kind, reason=reason)
    publish(session, StockChanged(tuple(sorted({key[0] for key in changes}))))
    return balance_ids


def _check_leaving(session: Session, leaving: dict[Key, int]) -> None:
    """Raise NotEnoughUnallocated where less is unallocated than leaves, raw by balance."""
    if not leaving:
        return
    columns = (Balance.product_id, Balance.lot_id, Balance.location_id, Balance.unallocated.label("unallocated"))
    lots = is_one_of(session, Balance.lot_id, {lot_id for _, lot_id, _ in leaving})
    unallocated = {tuple(row[:3]): row.unallocated for row in session.execute(select(*columns).where(lots))}
    for key, quantity in leaving.items():
        there = unallocated.get(key, Decimal(0))
        if to_raw(there) < quantity:
            what = _named(session, key)
            raise NotEnoughUnallocated(what=what, quantity=from_raw(quantity), unallocated=there)


def _named(session: Session, key: Key) -> str:
    product, lot, location = (
        session.get_one(Product, key[0]),
        session.get_one(Lot, key[1]),
        session.get_one(Location, key[2]),
    )
    return say("{sku} lot {lot} at {location}", sku=product.sku, lot=lot, location=location)
