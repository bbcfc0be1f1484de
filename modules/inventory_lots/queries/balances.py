"""What lies where, what of it may be taken, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVarTuple

from sqlalchemy import BigInteger, ColumnElement, Select, Text, and_, case, not_, or_, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of, raw, rows_table, total
from erp.options import options
from modules.inventory_lots import hooks
from modules.inventory_lots.domain import EXPIRED, IN_QUARANTINE, ON_HOLD
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.states import LocationKind

Ts = TypeVarTuple("Ts")


def usable_condition(today: date) -> ColumnElement[bool]:
    """Return the condition on a balance, joined to its lot and location, of stock that may be allocated and leave."""
    return and_(
        Location.kind == LocationKind.stock,
        Lot.on_hold.is_(False),
        or_(Lot.expires_on.is_(None), Lot.expires_on >= today),
    )


def unusable_column(today: date) -> ColumnElement[str]:
    """Return why a balance, joined to its lot and location, may not be allocated and leave, as the rule words it."""
    return case(
        (Lot.on_hold.is_(True), ON_HOLD),
        (Lot.expires_on < today, EXPIRED),
        (Location.kind == LocationKind.quarantine, IN_QUARANTINE),
        else_="",
    )


def removal_order() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put a product's balances in the order in which they are taken (`removal`)."""
    fifo = (Lot.received_on.asc(), Lot.id.asc(), Balance.location_id.asc())
    if options.inventory_lots.removal == "fefo":
        return (Lot.expires_on.is_(None).asc(), Lot.expires_on.asc(), *fifo)
    return fifo


def usable_balances(session: Session, product_ids: Sequence[int]) -> Select[int, int, int]:
    """Select (balance id, product id, raw available) with something available, by product in the order of removal."""
    return (
        select(Balance.id, Balance.product_id, raw(Balance.on_hand - Balance.allocated))
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(
            is_one_of(session, Balance.product_id, product_ids),
            Balance.on_hand > Balance.allocated,
            usable_condition(clock.today()),
        )
        .order_by(Balance.product_id, *removal_order())
    )


def allocations(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Return who holds what of these balances, first in the queue first."""
    return [allocation for answer in hooks.allocations_on_balances(session, balance_ids) for allocation in answer]


def unusable_balance_ids(session: Session, lot_id: int) -> list[int]:
    """Return the balances of a lot with something allocated that may not leave."""
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.lot_id == lot_id, Balance.allocated > 0, not_(usable_condition(clock.today())))
    )
    return list(session.scalars(rows.order_by(Balance.id)))


@dataclass(frozen=True)
class StockOnHand:
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


def on_hand_latest_first(
    session: Session, product_ids: Iterable[int], location_ids: Iterable[int]
) -> Iterator[StockOnHand]:
    """Return what lies of these products at these locations, the latest lots first."""
    on_hand, allocated = raw(Balance.on_hand), raw(Balance.allocated)
    columns = (Balance.id, Balance.product_id, Balance.location_id, Balance.lot_id, Lot.number, on_hand, allocated)
    rows = (
        select(*columns)
        .join(Lot, Lot.id == Balance.lot_id)
        .where(
            is_one_of(session, Balance.product_id, product_ids),
            is_one_of(session, Balance.location_id, location_ids),
            Balance.on_hand > 0,
        )
        .order_by(Lot.received_on.desc(), Lot.id.desc())
    )
    return (StockOnHand(*row) for row in session.execute(rows))


def paths_by_id(session: Session, location_ids: Iterable[int]) -> dict[int, str]:
    """Return the paths of locations by id."""
    rows = select(Location.id, Location.path).where(is_one_of(session, Location.id, location_ids))
    return dict(session.execute(rows).all())


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
