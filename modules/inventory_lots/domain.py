"""Rules of stock: quantities, lot numbers, locations, what is usable, and how a quantity is given back.

Which lot goes first is `removal_order` in queries/balances.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache

from erp.identity import refused_character
from erp.numbers import LIMIT
from erp.text import say
from modules.inventory_lots.errors import (
    BadLocation,
    BadLotNumber,
    BadQuantity,
    LotNumberMissing,
    NegativePrice,
    ProductInUse,
    SerialDecimals,
    SerialQuantity,
    UnitIsFixed,
)
from modules.inventory_lots.states import LocationKind, Tracking

ON_HOLD, EXPIRED, IN_QUARANTINE = say("on hold"), "expired", say("in quarantine")

Part = tuple[int, int]


def check_quantity(quantity: Decimal, decimals: int, *, what: str) -> None:
    """Raise BadQuantity unless the quantity is above 0, at most 1,000,000,000 and has no more than `decimals`."""
    if quantity <= 0:
        raise BadQuantity(what=what, quantity=quantity, reason=say("is not above 0"))
    check_count(quantity, decimals, what=what)


def check_count(quantity: Decimal, decimals: int, *, what: str) -> None:
    """Raise BadQuantity unless somebody may have counted the quantity: as `check_quantity`, but 0 is fine."""
    if quantity < 0:
        raise BadQuantity(what=what, quantity=quantity, reason=say("is below 0"))
    if quantity > LIMIT:
        raise BadQuantity(what=what, quantity=quantity, reason=say("is more than 1,000,000,000"))
    if quantity != quantity.quantize(_smallest(decimals)):
        raise BadQuantity(
            what=what, quantity=quantity, reason=say("has more than {decimals} decimals", decimals=decimals)
        )


@cache
def _smallest(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def check_price(price: Decimal | None, *, what: str, field: str) -> None:
    """Raise NegativePrice, which names the field, for a price below 0; there may be none."""
    if price is not None and price < 0:
        raise NegativePrice(what=what, price=price, field=field)


def check_lot_number(number: str | None, quantity: Decimal, *, tracking: Tracking, sku: str) -> None:
    """Raise a StockRefused unless a quantity of a product tracked so may have this lot number.

    Only a product without tracking may come without a number: it gets an automatic one.
    """
    if number is None:
        if tracking is not Tracking.none:
            raise LotNumberMissing(sku=sku, tracking=tracking.value)
        return
    if not number.strip() or len(number) > 80:
        raise BadLotNumber(number=number)
    if character := refused_character(number):
        raise BadLotNumber(number=number, reason=say("it has {character}: remove it", character=character))
    if tracking is Tracking.serial and quantity not in (0, 1):
        raise SerialQuantity(sku=sku, number=number, quantity=quantity)


def split_path(path: str) -> tuple[str, str]:
    """Return the warehouse and the location of `WAREHOUSE/LOCATION`; raise BadLocation."""
    warehouse, _, code = (part.strip() for part in path.partition("/"))
    if not warehouse or not code or "/" in code:
        raise BadLocation(path=path)
    if character := refused_character(warehouse + code):
        raise BadLocation(path=path, reason=say("it has {character}: remove it", character=character))
    if max(len(warehouse), len(code)) > 40:
        raise BadLocation(path=path, reason=say("each of its two parts has at most 40 characters"))
    return warehouse, code


def join_path(warehouse: str, code: str) -> str:
    """Return the path of a location."""
    return f"{warehouse}/{code}"


def clean_path(text: str) -> str:
    """Return a location's path as it is kept, `WAREHOUSE/LOCATION`; raise BadLocation."""
    return join_path(*split_path(text))


def why_unusable(kind: LocationKind, *, on_hold: bool, expires_on: date | None, today: date) -> str:
    """Return why stock may not be allocated and leave; an empty text where it may.

    It may in a stock location, not on hold and up to its last day.
    """
    if on_hold:
        return ON_HOLD
    if expires_on is not None and expires_on < today:
        return EXPIRED
    return "" if kind is LocationKind.stock else IN_QUARANTINE


@dataclass(frozen=True)
class TrackingSettings:
    """How a product is tracked, counted and measured."""

    tracking: Tracking
    unit_decimals: int
    unit: str


def check_tracking_settings(sku: str, settings: TrackingSettings) -> None:
    """Raise SerialDecimals where units with serial numbers would be counted in parts."""
    if settings.tracking is Tracking.serial and settings.unit_decimals:
        raise SerialDecimals(sku=sku, unit_decimals=settings.unit_decimals)


def check_change(sku: str, before: TrackingSettings, after: TrackingSettings) -> None:
    """Raise ProductInUse where the tracking would change or the decimals become fewer; for a product in use."""
    if after.tracking is not before.tracking:
        raise ProductInUse(sku=sku, field="tracking", reason=say("how it is tracked cannot change"))
    if after.unit_decimals < before.unit_decimals:
        raise ProductInUse(sku=sku, field="unit_decimals", reason=say("it cannot have fewer decimals"))


def check_unit(sku: str, before: TrackingSettings, after: TrackingSettings, *, allocated_on: Sequence[str]) -> None:
    """Raise UnitIsFixed where the unit would change although goods on these documents are allocated to customers."""
    if allocated_on and after.unit != before.unit:
        raise UnitIsFixed(sku=sku, documents=allocated_on)


def give_back(parts: Iterable[Part], quantity: int) -> list[Part]:
    """Return what each (id, raw quantity) gives back of `quantity`, the first of them first.

    Parts of stock and of allocations come in the reverse of the order in which a run takes them.
    """
    given: list[Part] = []
    for id_, held in parts:
        if quantity <= 0:
            break
        if taken := min(held, quantity):
            given.append((id_, taken))
            quantity -= taken
    return given
