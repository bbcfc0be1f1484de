"""Reads of stock: they change nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, and_, func, not_, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import chunks, format_quantity, raw, rows_table, total
from erp.errors import NotFound
from erp.options import options
from modules.inventory_lots import hooks
from modules.inventory_lots.hooks import Claim
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.states import LocationKind

CHUNK = 5000
Ts = TypeVarTuple("Ts")


def products_by_sku(session: Session, skus: Iterable[str]) -> dict[str, Product]:
    """Return the products of these SKUs; one that does not exist is left out."""
    wanted = sorted(set(skus))
    rows = (session.scalars(select(Product).where(Product.sku.in_(part))) for part in chunks(wanted, CHUNK))
    return {product.sku: product for part in rows for product in part}


def product_ids_by_sku(session: Session, skus: Iterable[str]) -> dict[str, int]:
    """Return the ids of the products of these SKUs; one that does not exist is left out."""
    rows = select(Product.sku, Product.id)
    parts = (session.execute(rows.where(Product.sku.in_(part))) for part in chunks(sorted(set(skus)), CHUNK))
    return {sku: id_ for part in parts for sku, id_ in part}


def product_by_sku(session: Session, sku: str) -> Product:
    """Return a product; raise NotFound."""
    product = session.scalar(select(Product).where(Product.sku == sku))
    if product is None:
        raise NotFound("product", sku)
    return product


def usable_condition(today: date) -> ColumnElement[bool]:
    """Return the condition on a balance, joined to its lot and location, of stock that may be allocated and leave."""
    return and_(
        Location.kind == LocationKind.stock,
        Lot.on_hold.is_(False),
        or_(Lot.expires_on.is_(None), Lot.expires_on >= today),
    )


def removal_order() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put a product's balances in the order in which they are taken (`removal`)."""
    fifo = (Lot.received_on.asc(), Lot.id.asc(), Balance.location_id.asc())
    if options.inventory_lots.removal == "fefo":
        return (Lot.expires_on.is_(None).asc(), Lot.expires_on.asc(), *fifo)
    return fifo


def usable_balances(product_ids: Sequence[int]) -> Select[int, int, int]:
    """Select (balance id, product id, raw available) with something available, by product in the order of removal."""
    return (
        select(Balance.id, Balance.product_id, raw(Balance.on_hand - Balance.allocated))
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(
            Balance.product_id.in_(product_ids),
            Balance.on_hand > Balance.allocated,
            usable_condition(clock.today()),
        )
        .order_by(Balance.product_id, *removal_order())
    )


def claims(session: Session, balance_ids: Sequence[int]) -> list[Claim]:
    """Return who holds what of these balances, first in the queue first."""
    return [claim for answer in hooks.claims_on_balances(session, balance_ids) for claim in answer]


@dataclass(frozen=True)
class Lying:
    """A lot that lies at a location, in raw quantities."""

    balance_id: int
    product_id: int
    location_id: int
    lot_id: int
    number: str
    on_hand: int
    allocated: int

    @property
    def unallocated(self) -> int:
        """What nobody has been given."""
        return self.on_hand - self.allocated


def lying_latest_first(session: Session, product_ids: Iterable[int], location_ids: Iterable[int]) -> Iterator[Lying]:
    """Yield what lies of these products at these locations, the latest lots first."""
    wanted, places = sorted(product_ids), sorted(location_ids)
    on_hand, allocated = raw(Balance.on_hand), raw(Balance.allocated)
    columns = (Balance.id, Balance.product_id, Balance.location_id, Balance.lot_id, Lot.number, on_hand, allocated)
    for part in chunks(wanted, CHUNK):
        rows = (
            select(*columns)
            .join(Lot, Lot.id == Balance.lot_id)
            .where(Balance.product_id.in_(part), Balance.location_id.in_(places), Balance.on_hand > 0)
            .order_by(Lot.received_on.desc(), Lot.id.desc())
        )
        yield from (Lying(*row) for row in session.execute(rows))


def products_by_id(session: Session, ids: Iterable[int]) -> dict[int, Product]:
    """Return products by id."""
    parts = (session.scalars(select(Product).where(Product.id.in_(part))) for part in chunks(sorted(ids), CHUNK))
    return {product.id: product for part in parts for product in part}


def paths_by_id(session: Session, location_ids: Iterable[int]) -> dict[int, str]:
    """Return the paths of locations by id."""
    rows = select(Location.id, Location.path)
    parts = (session.execute(rows.where(Location.id.in_(part))) for part in chunks(sorted(location_ids), CHUNK))
    return {id_: path for part in parts for id_, path in part}


def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Return those of the products that have, or had, stock or stand on documents."""
    in_use: set[int] = set()
    for part in chunks(sorted(product_ids), CHUNK):
        in_use.update(session.scalars(select(Lot.product_id).where(Lot.product_id.in_(part)).distinct()))
    return in_use.union(*hooks.products_in_use(session, product_ids))


def unusable_balance_ids(session: Session, lot_id: int) -> list[int]:
    """Return the balances of a lot with something allocated that may not leave."""
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.lot_id == lot_id, Balance.allocated > 0, not_(usable_condition(clock.today())))
    )
    return list(session.scalars(rows.order_by(Balance.id)))


def on_hand_of_lots(session: Session, lots: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Return what lies anywhere of lots named by product id and number, raw; 0 for one that is not there."""
    on_hand = dict.fromkeys(lots, 0)
    if on_hand:
        rows = select(Lot.product_id, Lot.number, raw(total(Balance.on_hand))).group_by(Lot.product_id, Lot.number)
        rows = lots_named(session, rows, on_hand).join(Balance, Balance.lot_id == Lot.id)
        for product_id, number, quantity in session.execute(rows):
            on_hand[product_id, number] = int(quantity)
    return on_hand


def lots_named(session: Session, rows: Select[*Ts], lots: Iterable[tuple[int, str]]) -> Select[*Ts]:
    """Restrict a select to lots named by product id and number."""
    wanted = rows_table(session, {"product_id": BigInteger, "number": Text}, sorted(lots))
    same = and_(Lot.product_id == wanted.c.product_id, Lot.number == wanted.c.number)
    return rows.select_from(wanted).join(Lot, same)


def broken_balances(session: Session) -> Iterator[str]:
    """Yield a sentence for each balance that is not the sum of its moves or is allocated beyond what lies there."""
    sums = (
        select(StockMove.lot_id, StockMove.location_id, total(StockMove.quantity).label("moved"))
        .group_by(StockMove.lot_id, StockMove.location_id)
        .subquery()
    )
    same_place = and_(sums.c.lot_id == Balance.lot_id, sums.c.location_id == Balance.location_id)
    moved = func.coalesce(sums.c.moved, Decimal(0))
    rows = (
        select(Product.sku, Lot.number, Location.path, Balance.on_hand, Balance.allocated, moved)
        .select_from(Balance)
        .join(Product, Product.id == Balance.product_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .outerjoin(sums, same_place)
        .where(or_(Balance.on_hand != moved, Balance.allocated < 0, Balance.allocated > Balance.on_hand))
        .order_by(Balance.id)
    )
    for sku, lot, path, on_hand, allocated, in_ledger in session.execute(rows):
        yield (
            f"{sku} lot {lot} at {path}: {format_quantity(on_hand)} on hand, {format_quantity(allocated)} allocated; "
            f"its moves add up to {format_quantity(in_ledger)}."
        )
    yield from _moves_without_balance(session)


def _moves_without_balance(session: Session) -> Iterator[str]:
    same_place = and_(Balance.lot_id == StockMove.lot_id, Balance.location_id == StockMove.location_id)
    rows = (
        select(Product.sku, Lot.number, Location.path)
        .select_from(StockMove)
        .join(Product, Product.id == StockMove.product_id)
        .join(Lot, Lot.id == StockMove.lot_id)
        .join(Location, Location.id == StockMove.location_id)
        .outerjoin(Balance, same_place)
        .where(Balance.id.is_(None))
        .distinct()
        .order_by(Product.sku, Lot.number, Location.path)
    )
    for sku, lot, path in session.execute(rows):
        yield f"{sku} lot {lot} at {path}: there are stock moves, but no balance."
