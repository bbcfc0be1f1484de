"""Transfers: stock that moves from one location to another."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import to_raw
from erp.errors import NotFound
from erp.events import publish
from erp.text import say
from modules.inventory_lots.domain import check_quantity, join_path
from modules.inventory_lots.errors import NotEnoughUnallocated, NotQuarantine, SameLocation
from modules.inventory_lots.events import StockChanged
from modules.inventory_lots.models import Balance
from modules.inventory_lots.services.balances import Posting, post
from modules.inventory_lots.services.locations import find_or_make_location
from modules.inventory_lots.services.products import lock_products
from modules.inventory_lots.states import LocationKind, MoveKind

QUARANTINE = "QUARANTINE"


def transfer(
    session: Session, balance_id: int, *, location_id: int, quantity: Decimal | None = None, reason: str = ""
) -> Balance:
    """Move a quantity, or all that is unallocated, to another location; locks the product. Returns the balance there.

    Only unallocated stock can move, usable or not. Raises SameLocation, NotEnoughUnallocated, BadQuantity.
    """
    balance = _locked(session, balance_id)
    quantity = balance.unallocated if quantity is None else quantity
    _check(balance, location_id, quantity)
    raw = to_raw(quantity)
    leaving = Posting(balance.product_id, balance.lot_id, balance.location_id, -raw)
    coming = Posting(balance.product_id, balance.lot_id, location_id, raw)
    _, balance_id = post(session, [leaving, coming], MoveKind.transfer, reason=reason)
    publish(session, StockChanged((coming.product_id,)))
    return session.get_one(Balance, balance_id)


def quarantine(session: Session, balance_id: int, *, quantity: Decimal | None = None, reason: str = "") -> Balance:
    """Move a quantity, or all that is unallocated, to its warehouse's quarantine location; locks the product.

    Raises NotQuarantine where the location of that name is one that stock is allocated from.
    """
    balance = _locked(session, balance_id)
    path = join_path(balance.location.warehouse.code, QUARANTINE)
    location, _ = find_or_make_location(session, path, kind=LocationKind.quarantine)
    if location.kind is not LocationKind.quarantine:
        raise NotQuarantine(location=path)
    return transfer(session, balance_id, location_id=location.id, quantity=quantity, reason=reason)


def _locked(session: Session, balance_id: int) -> Balance:
    balance = session.get(Balance, balance_id)
    if balance is None:
        raise NotFound(say("stock of number"), balance_id)
    lock_products(session, [balance.product_id])
    return balance


def _check(balance: Balance, location_id: int, quantity: Decimal) -> None:
    if location_id == balance.location_id:
        raise SameLocation(location=balance.location.path)
    if quantity > balance.unallocated or balance.unallocated == 0:
        raise NotEnoughUnallocated(what=str(balance), quantity=quantity, unallocated=balance.unallocated)
    check_quantity(quantity, balance.product.unit_decimals, what=str(balance))
