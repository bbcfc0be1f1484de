"""Lots: found or made in bulk, held, dated and released, one or many at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_insert, from_raw, is_one_of, new_ids, require_lock, to_raw
from erp.errors import ErpError, NotFound
from erp.events import publish
from erp.identity import identity_key
from erp.numbers import sums
from erp.sequence import next_numbers
from erp.text import say
from modules.inventory_lots import queries
from modules.inventory_lots.domain import check_quantity, give_back
from modules.inventory_lots.errors import HoldUnchanged, NothingToRelease
from modules.inventory_lots.events import StockChanged
from modules.inventory_lots.hooks import stock_will_fall
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.services.products import lock_products

LOT = cast(Table, Lot.__table__)
LOT_COLUMNS = ("id", "product_id", "number_key", "number", "received_on", "expires_on")
DATES = {"received_on": "date", "expires_on": "date"}
Key = tuple[int, str]  # the id of the product and the key of the number
Dates = tuple[date | None, date | None]


@dataclass(frozen=True)
class LotWanted:
    """A lot by its number, or a new one with an automatic number; an empty date leaves what an existing lot has."""

    product_id: int
    number: str | None
    received_on: date | None = None
    expires_on: date | None = None


def find_or_make_lots(
    session: Session,
    wanted: Sequence[LotWanted],
    known: Mapping[Key, queries.KnownLot] | None = None,
    free_ids: Sequence[int] = (),
) -> tuple[list[int], int]:
    """Return each wanted lot's id, in order, and how many lots are new. The caller has locked the products.

    `known` are those of the lots with a number that exist, where the caller has read them under the locks; `free_ids`
    are ids for new ones, enough for all.
    """
    require_lock(session, Product, {lot.product_id for lot in wanted})
    numbers = _numbers(session, wanted)
    keys = [(lot.product_id, identity_key(number)) for lot, number in zip(wanted, numbers, strict=True)]
    dates = _dates(keys, wanted)
    found = queries.known_lots(session, dates) if known is None else known
    _write_dates(session, found, dates)
    missing = {key: dates[key] for key in dates if key not in found}
    new = free_ids or (new_ids(session, LOT, len(missing)) if missing else ())
    ids = dict(zip(missing, new, strict=False))
    written = dict(zip(reversed(keys), reversed(numbers), strict=True))
    _insert(session, missing, written, ids)
    return [ids[key] if key in ids else found[key].id for key in keys], len(missing)


def _numbers(session: Session, wanted: Sequence[LotWanted]) -> list[str]:
    count = sum(lot.number is None for lot in wanted)
    numbers = iter(next_numbers(session, "inventory_lots.lot", "LOT", Lot.number, count=count) if count else ())
    return [next(numbers) if lot.number is None else lot.number.strip() for lot in wanted]


def _dates(keys: Sequence[Key], wanted: Sequence[LotWanted]) -> dict[Key, Dates]:
    """Return each lot's dates: the first that is given for it, or None."""
    dates: dict[Key, Dates] = {}
    for key, lot in zip(keys, wanted, strict=True):
        received_on, expires_on = dates.get(key, (None, None))
        dates[key] = (received_on or lot.received_on, expires_on or lot.expires_on)
    return dates


def _insert(session: Session, dates: Mapping[Key, Dates], written: Mapping[Key, str], ids: Mapping[Key, int]) -> None:
    today = clock.today()
    rows = [
        (ids[key], *key, written[key], received_on or today, expires_on)
        for key, (received_on, expires_on) in dates.items()
    ]
    bulk_insert(session, LOT, LOT_COLUMNS, rows, shared={"on_hold": False, "row_version": 1})


def _write_dates(session: Session, found: Mapping[Key, queries.KnownLot], dates: Mapping[Key, Dates]) -> None:
    """Change the dates that are given and differ, with history."""
    changed: dict[int, Dates] = {}
    for key, lot in found.items():
        if key not in dates:
            continue
        received_on, expires_on = dates[key]
        after = (received_on or lot.received_on, expires_on or lot.expires_on)
        if after != (lot.received_on, lot.expires_on):
            changed[lot.id] = after
    if changed:
        lots = session.scalars(select(Lot).where(is_one_of(session, Lot.id, changed)))
        history.edit_many(session, Lot, DATES, [(lot, dict(zip(DATES, changed[lot.id], strict=True))) for lot in lots])


def hold_lot(session: Session, lot_id: int, *, why: str = "") -> Lot:
    """Put a lot on hold; locks its product. It is no longer allocated or packed; what is allocated on it stays so."""
    return _set_hold(session, lot_id, on_hold=True, why=why)


def release_lot(session: Session, lot_id: int, *, why: str = "") -> Lot:
    """Take a lot off hold; locks its product."""
    return _set_hold(session, lot_id, on_hold=False, why=why)


def _set_hold(session: Session, lot_id: int, *, on_hold: bool, why: str) -> Lot:
    lot = _locked(session, lot_id)
    if lot.on_hold == on_hold:
        raise HoldUnchanged(number=lot.number, on_hold=on_hold)
    with history.because(session, why):
        lot.on_hold = on_hold
    publish(session, StockChanged((lot.product_id,)))
    return lot


def hold_lots(session: Session, lot_ids: Collection[int], on_hold: bool, *, why: str = "") -> dict[int, ErpError]:
    """Put lots on hold, or take them off, as for one; locks their products. Return why the others stay, by id."""
    lock_products(session, queries.product_ids_of_lots(session, lot_ids))
    lots = queries.lots_by_id(session, lot_ids)
    changed = [lot for lot in lots if lot.on_hold != on_hold]
    with history.because(session, why):
        history.edit_many(session, Lot, {"on_hold": "boolean"}, [(lot, {"on_hold": on_hold}) for lot in changed])
    if changed:
        publish(session, StockChanged(tuple(sorted({lot.product_id for lot in changed}))))
    unchanged = (lot for lot in lots if lot not in changed)
    return {lot.id: HoldUnchanged(number=lot.number, on_hold=on_hold) for lot in unchanged}


def set_expiry(session: Session, lot_id: int, expires_on: date | None, *, why: str = "") -> Lot:
    """Change the last day of use; locks the product. What is allocated on the lot stays so."""
    lot = _locked(session, lot_id)
    with history.because(session, why):
        lot.expires_on = expires_on
    publish(session, StockChanged((lot.product_id,)))
    return lot


def _locked(session: Session, lot_id: int) -> Lot:
    lot = session.get(Lot, lot_id)
    if lot is None:
        raise NotFound("lot", lot_id)
    lock_products(session, [lot.product_id])
    return lot


def release_allocations(session: Session, lot_id: int, *, quantity: Decimal | None = None) -> Decimal:
    """Release all, or a quantity, of what is allocated on a lot's unusable stock, latest in the queue first.

    Locks the product. Returns how much was released; raises BadQuantity and NothingToRelease.
    """
    lot = _locked(session, lot_id)
    if quantity is not None:
        check_quantity(quantity, lot.product.unit_decimals, what=say("Lot {lot}", lot=lot.number))
    held = [
        (allocation.balance_id, to_raw(allocation.quantity))
        for allocation in queries.allocations(session, queries.unusable_balance_ids(session, Balance.lot_id == lot_id))
    ]
    most = sum(raw for _, raw in held)
    parts = give_back(reversed(held), most if quantity is None else to_raw(quantity))
    released = release_on_balances(session, sums(parts))
    if not released:
        raise NothingToRelease(what=say("Lot {lot}", lot=lot.number))
    return released


def release_unusable(session: Session, balance_ids: Collection[int]) -> dict[int, ErpError]:
    """Release all that is allocated on balances whose stock may not leave; locks their products.

    Return why the other balances stay as they are, by id.
    """
    lock_products(session, queries.product_ids_of_balances(session, balance_ids))
    unusable = set(queries.unusable_balance_ids(session, Balance.id.in_(balance_ids)))
    rows = queries.balances_by_id(session, balance_ids)
    refusals: dict[int, ErpError] = {row.id: NothingToRelease(what=str(row)) for row in rows if row.id not in unusable}
    release_on_balances(session, {row.id: to_raw(row.allocated) for row in rows if row.id in unusable})
    return refusals


def release_on_balances(session: Session, wanted: Mapping[int, int]) -> Decimal:
    """Release raw quantities of what is allocated on balances (by id); return how much was released in all."""
    quantities = {balance_id: from_raw(wanted[balance_id]) for balance_id in sorted(wanted)}
    return sum(stock_will_fall(session, quantities), Decimal(0))
