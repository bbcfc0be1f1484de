"""Packs, what stays behind, and the serial numbers that can be packed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from erp.errors import NotFound
from erp.text import say
from modules.inventory_lots.models import Balance, Location, Lot, Product, Warehouse
from modules.inventory_lots.queries import removal_order, unusable_column, usable_condition
from modules.sales.hooks import pack_refusals
from modules.sales.models import Order, OrderLine, Pack, PackLine, PackReversal
from modules.sales.queries.allocations import removable_rows
from modules.sales.queries.lines import select_lines


def pack_by_number(session: Session, number: str) -> Pack:
    """Return a pack; raise NotFound."""
    pack = session.scalar(select(Pack).where(Pack.number == number))
    if pack is None:
        raise NotFound("pack", number)
    return pack


def pack_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return what was packed for an order, pack by pack and line by line."""
    return session.execute(_pack_rows().where(Pack.order_id == order_id)).all()


def pack_lines(session: Session, pack_ids: Collection[int]) -> Sequence[Any]:
    """Return what was packed in these packs, pack by pack and line by line."""
    return session.execute(_pack_rows().where(Pack.id.in_(pack_ids))).all()


def _pack_rows() -> Select[*tuple[Any, ...]]:
    columns = (
        PackLine.id,
        PackLine.line_id,
        PackLine.balance_id,
        PackLine.allocation_id,
        Balance.product_id,
        Balance.lot_id,
        Balance.location_id,
        Pack.id.label("pack_id"),
        Pack.number,
        Pack.packed_at,
        Pack.user_name,
        Warehouse.code.label("warehouse"),
        OrderLine.order_id,
        Order.number.label("order"),
        OrderLine.position,
        Product.sku,
        Product.name,
        Product.unit,
        Lot.number.label("lot"),
        Location.path.label("location"),
        PackLine.quantity,
        PackLine.reversed,
        PackLine.unreversed.label("unreversed"),
        unusable_column(clock.today()).label("why_unusable"),
    )
    return (
        select_lines(*columns, through=PackLine.line)
        .join(PackLine.pack)
        .join(Pack.warehouse)
        .join(PackLine.balance)
        .join(Balance.lot)
        .join(Balance.location)
        .order_by(Pack.id, OrderLine.position, PackLine.id)
    )


def reversal_rows(session: Session, pack_id: int) -> Sequence[Any]:
    """Return what of a pack was reversed: the first first, with who did it, why, and whether it is free."""
    columns = (
        OrderLine.position,
        Product.sku,
        Product.name,
        Lot.number.label("lot"),
        Location.path.label("location"),
        PackReversal.quantity,
        PackReversal.is_freed,
        PackReversal.reversed_at,
        PackReversal.user_name,
        PackReversal.why,
    )
    rows = (
        select(*columns)
        .join(PackReversal.pack_line)
        .join(PackLine.line)
        .join(OrderLine.product)
        .join(PackLine.balance)
        .join(Balance.lot)
        .join(Balance.location)
        .where(PackLine.pack_id == pack_id)
    )
    return session.execute(rows.order_by(PackReversal.id)).all()


def pack_line_counts(session: Session, pack_ids: Sequence[int]) -> dict[int, int]:
    """Return how many lines each of these packs has."""
    rows = select(PackLine.pack_id, func.count()).where(PackLine.pack_id.in_(pack_ids)).group_by(PackLine.pack_id)
    return dict(session.execute(rows).all())


def reversed_packs(session: Session, pack_ids: Sequence[int]) -> dict[int, bool]:
    """Return which of these packs something was reversed of, and whether it was all."""
    rows = (
        select(PackLine.pack_id, total(PackLine.unreversed) == Decimal(0))
        .where(PackLine.pack_id.in_(pack_ids))
        .group_by(PackLine.pack_id)
        .having(total(PackLine.reversed) > Decimal(0))
    )
    return dict(session.execute(rows).all())


@dataclass(frozen=True)
class Staying:
    """An allocation that was not packed, and why."""

    position: int
    product: str
    quantity: Decimal
    lot: str
    location: str
    why: str


def staying_behind(session: Session, order_id: int) -> list[Staying]:
    """Return what of an order is allocated and may not leave now."""
    rows = removable_rows(session, order_id)
    lines = session.scalars(select(OrderLine).where(OrderLine.id.in_({row.line_id for row in rows}))).all()
    refusals = {id_: str(error) for answer in pack_refusals(session, lines) for id_, error in answer.items()}
    return [
        Staying(
            position=row.position,
            product=f"[{row.sku}] {row.name}",
            quantity=row.unpacked,
            lot=row.lot,
            location=row.location,
            why=refusals.get(row.line_id) or say("The lot is {why_unusable}.", why_unusable=row.why_unusable),
        )
        for row in rows
    ]


def usable_serials(session: Session, product_ids: Iterable[int], most: int) -> dict[int, list[str]]:
    """Return the serial numbers of each product that may leave now, first to be removed first, `most` of each."""
    place = func.row_number().over(partition_by=Balance.product_id, order_by=removal_order()).label("place")
    ranked = (
        select(Balance.product_id, Lot.number, place)
        .join(Balance.lot)
        .join(Balance.location)
        .where(Balance.product_id.in_(list(product_ids)), Balance.has_stock, usable_condition(clock.today()))
        .subquery()
    )
    rows = select(ranked.c.product_id, ranked.c.number).where(ranked.c.place <= most)
    found: dict[int, list[str]] = {}
    for product_id, number in session.execute(rows.order_by(ranked.c.product_id, ranked.c.place)):
        found.setdefault(product_id, []).append(number)
    return found
