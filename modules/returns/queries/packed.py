"""What was packed, and how much of it may still come back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from erp.db import is_one_of, total
from erp.identity import identity_key
from modules.inventory_lots.models import Balance, Lot, Product
from modules.returns.domain import Packed
from modules.returns.models import Return, ReturnLine
from modules.returns.queries.returns import claimed
from modules.sales.models import Order, Pack, PackLine

# A pack, a product and a lot, each as it is compared: what a row of a file names.
Key = tuple[str, str, str]


def packed_lines(session: Session, pack_line_ids: Collection[int]) -> dict[int, Packed]:
    """Return these pack lines with what of them may still come back, by id."""
    return _read(session, _packed().where(is_one_of(session, PackLine.id, pack_line_ids)))


def packed_of_pack(session: Session, pack_id: int) -> list[Packed]:
    """Return the lines of a pack with what of them may still come back."""
    return list(_read(session, _packed().where(PackLine.pack_id == pack_id)).values())


def packed_by_key(session: Session, keys: Iterable[tuple[str, str, str]]) -> dict[Key, list[int]]:
    """Return the ids of the pack lines of each (pack, SKU, lot), by their compared forms."""
    wanted = {key_of(*key) for key in keys}
    rows = (
        select(Pack.number_key, Product.sku_key, Lot.number_key, PackLine.id)
        .join(PackLine, PackLine.pack_id == Pack.id)
        .join(PackLine.balance)
        .join(Balance.lot)
        .join(Lot.product)
        .where(is_one_of(session, Pack.number_key, {pack for pack, _, _ in wanted}))
        .order_by(PackLine.id)
    )
    found: dict[Key, list[int]] = {}
    for *key, id_ in session.execute(rows):
        if tuple(key) in wanted:
            found.setdefault((key[0], key[1], key[2]), []).append(id_)
    return found


def key_of(pack: str, sku: str, lot: str) -> Key:
    """Return what a pack, a product and a lot are compared by."""
    return identity_key(pack), identity_key(sku), identity_key(lot)


def product_ids(session: Session, pack_line_ids: Collection[int]) -> set[int]:
    """Return the products of these pack lines."""
    rows = select(Balance.product_id).join(PackLine, PackLine.balance_id == Balance.id)
    return set(session.scalars(rows.where(is_one_of(session, PackLine.id, pack_line_ids))))


def _packed() -> Select[*tuple[Any, ...]]:
    returned = (
        select(total(claimed()))
        .select_from(ReturnLine)
        .join(Return, Return.id == ReturnLine.return_id)
        .where(ReturnLine.pack_line_id == PackLine.id)
        .correlate(PackLine)
        .scalar_subquery()
    )
    columns = (
        *(PackLine.id, Pack.order_id, Order.number, Balance.product_id, Product.sku, Lot.number.label("lot")),
        *(Product.unit_decimals, PackLine.unreversed.label("packed"), returned.label("returned")),
    )
    return (
        select(*columns)
        .join(PackLine.pack)
        .join(Pack.order)
        .join(PackLine.balance)
        .join(Balance.lot)
        .join(Lot.product)
        .order_by(PackLine.id)
    )


def _read(session: Session, rows: Select[*tuple[Any, ...]]) -> dict[int, Packed]:
    found: Sequence[Any] = session.execute(rows).all()
    return {
        row.id: Packed(
            pack_line_id=row.id,
            order_id=row.order_id,
            order=row.number,
            product_id=row.product_id,
            sku=row.sku,
            lot=row.lot,
            decimals=row.unit_decimals,
            left=max(row.packed - row.returned, Decimal(0)),
        )
        for row in found
    }
