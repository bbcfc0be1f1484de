"""Lots by product and number."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple, TypeVarTuple

from sqlalchemy import BigInteger, Select, Text, and_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.types import TypeEngine

from erp.db import given_table, is_one_of, raw, rows_table, table_values, total, typed_rows
from erp.identity import ByKey, identity_key
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.states import Tracking

Ts = TypeVarTuple("Ts")

_NAMED: dict[str, TypeEngine[Any]] = {"product_id": BigInteger(), "key": Text()}


def lots_named(session: Session, rows: Select[*Ts], lots: Iterable[tuple[int, str]]) -> Select[*Ts]:
    """Restrict a select to lots named by product id and number."""
    keys = sorted({(product_id, identity_key(number)) for product_id, number in lots})
    wanted = rows_table(session, {"product_id": BigInteger, "key": Text}, keys)
    same = and_(Lot.product_id == wanted.c.product_id, Lot.number_key == wanted.c.key)
    return rows.select_from(wanted).join(Lot, same)


def lots_by_id(session: Session, ids: Iterable[int]) -> list[Lot]:
    """Return lots as they are now, in the order of their ids, with their products."""
    rows = select(Lot).where(is_one_of(session, Lot.id, ids)).options(joinedload(Lot.product)).order_by(Lot.id)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def product_ids_of_lots(session: Session, ids: Iterable[int]) -> list[int]:
    """Return the ids of the products of lots."""
    return list(session.scalars(select(Lot.product_id).where(is_one_of(session, Lot.id, ids)).distinct()))


class KnownLot(NamedTuple):
    """A lot that exists: its raw quantity on hand at all locations, its dates, and its balances by location."""

    id: int
    on_hand: int
    received_on: date
    expires_on: date | None
    balances: dict[int, int]


def known_lots(session: Session, lots: Iterable[tuple[int, str]]) -> dict[tuple[int, str], KnownLot]:
    """Return those of the lots that exist, by product id and the key of the number."""
    wanted = sorted({(product_id, identity_key(number)) for product_id, number in lots})
    if not wanted:
        return {}
    rows = typed_rows(session, _with_balances, **table_values(session, tuple(_NAMED), wanted, "lots"))
    found: dict[tuple[int, str], KnownLot] = {}
    for product_id, key, id_, received_on, expires_on, balance_id, location_id, on_hand in rows:
        known = found.get((product_id, key)) or KnownLot(id_, 0, received_on, expires_on, {})
        if balance_id is not None:
            known = known._replace(on_hand=known.on_hand + on_hand)
            known.balances[location_id] = balance_id
        found[product_id, key] = known
    return found


def _with_balances(session: Session) -> Select[*tuple[Any, ...]]:
    wanted = given_table(session, _NAMED, "lots")
    of_lot = (Lot.product_id, Lot.number_key, Lot.id, Lot.received_on, Lot.expires_on)
    return (
        select(*of_lot, Balance.id, Balance.location_id, raw(Balance.on_hand))
        .select_from(wanted)
        .join(Lot, and_(Lot.product_id == wanted.c.product_id, Lot.number_key == wanted.c.key))
        .outerjoin(Balance, Balance.lot_id == Lot.id)
    )


def on_hand_of_lots(session: Session, lots: Iterable[tuple[int, str]]) -> ByKey[tuple[int, str], int]:
    """Return the raw quantity on hand, at all locations, of lots named by product id and number."""
    on_hand: ByKey[tuple[int, str], int] = ByKey((lot, 0) for lot in lots)
    if on_hand:
        rows = select(Lot.product_id, Lot.number, raw(total(Balance.on_hand))).group_by(Lot.product_id, Lot.number)
        rows = lots_named(session, rows, on_hand).join(Balance, Balance.lot_id == Lot.id)
        for product_id, number, quantity in session.execute(rows):
            on_hand[product_id, number] = int(quantity)
    return on_hand


def serials_in_stock(session: Session, lot_ids: Iterable[int]) -> list[tuple[str, str]]:
    """Return the SKU and the number of those of these lots that are serial numbers in stock."""
    rows = select(Product.sku, Lot.number).select_from(Balance).join(Balance.lot).join(Lot.product)
    rows = rows.where(is_one_of(session, Lot.id, lot_ids), Product.tracking == Tracking.serial, Balance.has_stock)
    return [(sku, number) for sku, number in session.execute(rows.order_by(Lot.id))]
