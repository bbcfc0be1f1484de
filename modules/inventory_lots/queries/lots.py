"""Lots by product and number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVarTuple

from sqlalchemy import BigInteger, Select, Text, and_, select
from sqlalchemy.orm import Session

from erp.db import raw, rows_table, total
from erp.identity import ByKey, identity_key
from modules.inventory_lots.models import Balance, Lot

Ts = TypeVarTuple("Ts")


def lots_named(session: Session, rows: Select[*Ts], lots: Iterable[tuple[int, str]]) -> Select[*Ts]:
    """Restrict a select to lots named by product id and number."""
    keys = sorted({(product_id, identity_key(number)) for product_id, number in lots})
    wanted = rows_table(session, {"product_id": BigInteger, "key": Text}, keys)
    same = and_(Lot.product_id == wanted.c.product_id, Lot.number_key == wanted.c.key)
    return rows.select_from(wanted).join(Lot, same)


def on_hand_of_lots(session: Session, lots: Iterable[tuple[int, str]]) -> ByKey[tuple[int, str], int]:
    """Return the raw quantity on hand, at all locations, of lots named by product id and number."""
    on_hand: ByKey[tuple[int, str], int] = ByKey((lot, 0) for lot in lots)
    if on_hand:
        rows = select(Lot.product_id, Lot.number, raw(total(Balance.on_hand))).group_by(Lot.product_id, Lot.number)
        rows = lots_named(session, rows, on_hand).join(Balance, Balance.lot_id == Lot.id)
        for product_id, number, quantity in session.execute(rows):
            on_hand[product_id, number] = int(quantity)
    return on_hand
