"""Balances: which of them may be taken, in which order, and how much is on hand, allocated and available."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, Row, Select, Text, and_, case, func, literal, not_, or_, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.db import given, is_among, is_one_of, raw, read_prepared, rows_table, total
from erp.identity import identity_key
from erp.options import options
from modules.inventory_lots import hooks
from modules.inventory_lots.domain import EXPIRED, IN_QUARANTINE, ON_HOLD
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.states import LocationKind

Ts = TypeVarTuple("Ts")

ROWS_SHOWN = 50


def with_lot_and_location(rows: Select[*Ts]) -> Select[*Ts]:
    """Join the lot and the location of each balance to a select that reads balances."""
    return rows.join(Lot, Lot.id == Balance.lot_id).join(Location, Location.id == Balance.location_id)


def usable_condition(today: date | ColumnElement[Any]) -> ColumnElement[bool]:
    """Return the condition that stock may be allocated and leave, for a select with lot and location."""
    return and_(
        Location.kind == LocationKind.stock,
        Lot.on_hold.is_(False),
        or_(Lot.expires_on.is_(None), Lot.expires_on >= today),
    )


def has_expired(today: date) -> ColumnElement[bool]:
    """Return the condition that a lot has expired, for a select that has the balance already.

    No index answers it: most lots that have expired went long ago, so the lots of few balances are looked up instead.
    """
    return func.coalesce(Lot.expires_on, date.max) < today


def is_unusable(today: date) -> ColumnElement[bool]:
    """Return the condition on a balance that it may not be allocated or leave: what is not `usable_condition`."""
    lot = select(Lot.id).where(Lot.id == Balance.lot_id, or_(Lot.on_hold.is_(True), has_expired(today)))
    elsewhere = select(Location.id).where(Location.kind != LocationKind.stock)
    return or_(Balance.location_id.in_(elsewhere), lot.correlate(Balance).exists())


def unusable_column(today: date | ColumnElement[Any]) -> ColumnElement[str]:
    """Return in SQL what `why_unusable` returns, for a select with lot and location."""
    return case(
        (Lot.on_hold.is_(True), ON_HOLD),
        (Lot.expires_on < today, EXPIRED),
        (Location.kind == LocationKind.quarantine, IN_QUARANTINE),
        else_="",
    )


def available_column(today: date) -> ColumnElement[Decimal]:
    """Return how much of a balance may still be allocated, for a select with lot and location."""
    return case((usable_condition(today), Balance.unallocated), else_=literal(Decimal(0), Balance.on_hand.type))


def removal_order() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put a product's balances in the order in which they are taken (option `removal`)."""
    fifo = (Lot.received_on.asc(), Lot.id.asc(), Balance.location_id.asc())
    if options.inventory_lots.removal == "fefo":
        return (Lot.expires_on.is_(None).asc(), Lot.expires_on.asc(), *fifo)
    return fifo


def usable_first() -> ColumnElement[int]:
    """Return the column that puts usable stock before stock that may not leave, for a select with lot and location."""
    return case((usable_condition(clock.today()), literal(0)), else_=literal(1))


def usable_balances(session: Session, product_ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (balance id, product id, raw available) where it is above 0, by product in the order of removal."""
    return read_prepared(session, _usable, removal(), product_ids=product_ids, today=clock.today())


def removal() -> str:
    """Return in which order stock is taken, by option."""
    return str(options.inventory_lots.removal)


def _usable(session: Session, _removal: str) -> Select[*tuple[Any, ...]]:
    return usable_rows(session).order_by(Balance.product_id, *removal_order())


def usable_rows(session: Session, *, are_few: bool = False) -> Select[*tuple[Any, ...]]:
    """Select what `usable_balances` returns in no order, given `product_ids` and `today`, to be built once.

    PostgreSQL plans once for products that `are_few`.
    """
    return with_lot_and_location(select(Balance.id, Balance.product_id, raw(Balance.unallocated))).where(
        is_among(session, Balance.product_id, "product_ids", hides_number=are_few),
        Balance.has_unallocated,
        usable_condition(given("today")),
    )


def balances_by_id(session: Session, ids: Iterable[int]) -> list[Balance]:
    """Return balances as they are now, in the order of their ids, with product, lot and location."""
    loads = (joinedload(Balance.product), joinedload(Balance.lot), joinedload(Balance.location))
    rows = select(Balance).where(is_one_of(session, Balance.id, ids)).options(*loads).order_by(Balance.id)
    return list(session.scalars(rows.execution_options(populate_existing=True)))


def product_ids_of_balances(session: Session, ids: Iterable[int]) -> list[int]:
    """Return the ids of the products of balances."""
    return list(session.scalars(select(Balance.product_id).where(is_one_of(session, Balance.id, ids)).distinct()))


def unusable_balance_ids(session: Session, condition: ColumnElement[bool]) -> list[int]:
    """Return the balances that meet a condition and whose stock is allocated but may not leave."""
    rows = with_lot_and_location(select(Balance.id))
    rows = rows.where(condition, Balance.allocated > 0, not_(usable_condition(clock.today())))
    return list(session.scalars(rows.order_by(Balance.id)))


def allocations(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Return the allocations on these balances in the order of a run; those on stock that may not leave are last."""
    return [allocation for answer in hooks.allocations_on_balances(session, balance_ids) for allocation in answer]


@dataclass(frozen=True)
class StockOnHand:
    """The stock of one balance, in raw quantities."""

    balance_id: int
    product_id: int
    location_id: int
    lot_id: int
    lot_number: str
    on_hand: int
    allocated: int
    held: int

    @property
    def unallocated(self) -> int:
        """The part of the stock on hand that is neither allocated nor held for a while."""
        return self.on_hand - self.allocated - self.held


def on_hand_in_run_order(
    session: Session, product_ids: Iterable[int], location_ids: Iterable[int]
) -> Iterator[StockOnHand]:
    """Return the stock of these products at these locations as a run takes it; stock that may not leave is last."""
    quantities = (raw(Balance.on_hand), raw(Balance.allocated), raw(Balance.held))
    columns = (Balance.id, Balance.product_id, Balance.location_id, Balance.lot_id, Lot.number, *quantities)
    rows = with_lot_and_location(select(*columns)).where(
        is_one_of(session, Balance.product_id, product_ids),
        is_one_of(session, Balance.location_id, location_ids),
        Balance.has_stock,
    )
    rows = rows.order_by(usable_first(), *removal_order())
    return (StockOnHand(*row) for row in session.execute(rows))


@dataclass(frozen=True)
class Totals:
    """How much of a product or a lot is on hand, allocated and available, at all locations."""

    on_hand: Decimal
    allocated: Decimal
    available: Decimal


NO_STOCK = Totals(Decimal(0), Decimal(0), Decimal(0))


def product_totals(session: Session, product_ids: Iterable[int]) -> dict[int, Totals]:
    """Return the totals of these products; one without stock is left out."""
    return _totals(session, Balance.product_id, product_ids)


def lot_totals(session: Session, lot_ids: Iterable[int]) -> dict[int, Totals]:
    """Return the totals of these lots; one without stock is left out."""
    return _totals(session, Balance.lot_id, lot_ids)


def _totals(session: Session, key: Any, ids: Iterable[int]) -> dict[int, Totals]:
    available = available_column(clock.today())
    rows = select(key, total(Balance.on_hand), total(Balance.allocated), total(available)).select_from(Balance)
    rows = with_lot_and_location(rows).where(key.in_(ids), Balance.has_stock).group_by(key)
    return {id_: Totals(*quantities) for id_, *quantities in session.execute(rows)}


def stock_on_hand(session: Session, condition: ColumnElement[bool]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the first ROWS_SHOWN balances with stock that meet a condition, first received first, ready to show."""
    today = clock.today()
    columns = (
        *(Balance.id.label("balance_id"), Balance.lot_id, Lot.number.label("lot"), Location.path.label("location")),
        *(Balance.on_hand, Balance.allocated, Balance.held, available_column(today).label("available")),
        *(Lot.received_on, Lot.expires_on, unusable_column(today).label("why_unusable")),
    )
    rows: Select[*tuple[Any, ...]] = select(*columns).select_from(Balance)
    rows = with_lot_and_location(rows).where(condition, Balance.has_stock)
    return session.execute(rows.order_by(Lot.received_on, Lot.id, Location.id).limit(ROWS_SHOWN)).all()


def balance_at(session: Session, product_id: int, location_id: int, *, lot_number: str | None) -> Balance | None:
    """Return the balance of a lot at a location, or without a lot number the one that was made there last."""
    rows = select(Balance).where(Balance.product_id == product_id, Balance.location_id == location_id)
    if lot_number:
        rows = rows.join(Balance.lot).where(Lot.number_key == identity_key(lot_number))
    else:
        rows = rows.where(Balance.has_stock)
    return session.scalars(rows.order_by(Balance.id.desc()).limit(1)).first()


def newest_balance_ids(
    session: Session, keys: Collection[tuple[int, int, str | None]]
) -> dict[tuple[int, int, str | None], int]:
    """Return the id of the newest balance of each product, location and key of a lot number; None is any lot.

    What has no balance is left out.
    """
    types = {"of_product": BigInteger(), "at_location": BigInteger(), "lot_key": Text()}
    wanted = rows_table(session, types, [(product, location, lot or "") for product, location, lot in keys])
    rows = (
        select(wanted.c.of_product, wanted.c.at_location, wanted.c.lot_key, func.max(Balance.id))
        .join(Balance, and_(Balance.product_id == wanted.c.of_product, Balance.location_id == wanted.c.at_location))
        .join(Balance.lot)
        .where(or_(wanted.c.lot_key == "", Lot.number_key == wanted.c.lot_key))
        .group_by(wanted.c.of_product, wanted.c.at_location, wanted.c.lot_key)
    )
    return {(product, location, lot or None): id_ for product, location, lot, id_ in session.execute(rows)}
