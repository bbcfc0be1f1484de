"""What the screens of stock show: each read is one statement, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Row, Select, case, func, literal, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from modules.inventory_lots.domain import why_unusable
from modules.inventory_lots.models import Balance, Location, Lot, Product, StockMove
from modules.inventory_lots.queries.balances import usable_condition

Ts = TypeVarTuple("Ts")

ROWS_SHOWN = 50
MOST_COUNTED = 10_000
SOON = timedelta(days=30)


@dataclass(frozen=True)
class Totals:
    """How much of something lies anywhere, how much of it is allocated, and how much may still be."""

    on_hand: Decimal
    allocated: Decimal
    available: Decimal


NOTHING = Totals(Decimal(0), Decimal(0), Decimal(0))


def product_totals(session: Session, product_ids: Iterable[int]) -> dict[int, Totals]:
    """Return the totals of these products; one without stock is left out."""
    return _totals(session, Balance.product_id, product_ids)


def lot_totals(session: Session, lot_ids: Iterable[int]) -> dict[int, Totals]:
    """Return the totals of these lots; one without stock is left out."""
    return _totals(session, Balance.lot_id, lot_ids)


def location_totals(session: Session, location_ids: Iterable[int]) -> dict[int, int]:
    """Return how many lots lie at these locations; an empty one is left out."""
    rows = select(Balance.location_id, func.count()).where(Balance.on_hand > 0, Balance.location_id.in_(location_ids))
    return dict(session.execute(rows.group_by(Balance.location_id)).all())


def _totals(session: Session, key: Any, ids: Iterable[int]) -> dict[int, Totals]:
    columns = (key, total(Balance.on_hand), total(Balance.allocated), total(available_column()))
    rows = _with_places(select(*columns)).where(key.in_(ids), Balance.on_hand > 0).group_by(key)
    return {id_: Totals(*numbers) for id_, *numbers in session.execute(rows)}


def available_column() -> ColumnElement[Decimal]:
    """Return what of a balance, joined to its lot and location, may still be allocated."""
    free = Balance.on_hand - Balance.allocated
    return case((usable_condition(clock.today()), free), else_=literal(Decimal(0), Balance.on_hand.type))


def _with_places(rows: Select[*Ts]) -> Select[*Ts]:
    return (
        rows.select_from(Balance).join(Lot, Lot.id == Balance.lot_id).join(Location, Location.id == Balance.location_id)
    )


@dataclass(frozen=True)
class StockRow:
    """A lot at a location, ready to show."""

    balance_id: int
    lot_id: int
    lot: str
    location: str
    on_hand: Decimal
    allocated: Decimal
    available: Decimal
    received_on: date
    expires_on: date | None
    why_unusable: str


def stock_of_product(session: Session, product_id: int) -> list[StockRow]:
    """Return what lies of a product, first received first; no more than a page shows."""
    return _stock(session, Balance.product_id == product_id)


def stock_of_lot(session: Session, lot_id: int) -> list[StockRow]:
    """Return where a lot lies."""
    return _stock(session, Balance.lot_id == lot_id)


def _stock(session: Session, condition: ColumnElement[bool]) -> list[StockRow]:
    columns = (
        *(Balance.id.label("balance_id"), Balance.lot_id, Lot.number.label("lot"), Location.path.label("location")),
        *(Balance.on_hand, Balance.allocated, available_column().label("available")),
        *(Lot.received_on, Lot.expires_on, Location.kind, Lot.on_hold),
    )
    rows: Select[*tuple[Any, ...]] = select(*columns)
    rows = _with_places(rows).where(condition, Balance.on_hand > 0)
    rows = rows.order_by(Lot.received_on, Lot.id, Location.id).limit(ROWS_SHOWN)
    return [_stock_row(row._asdict()) for row in session.execute(rows)]


def _stock_row(row: dict[str, Any]) -> StockRow:
    kind, on_hold = row.pop("kind"), row.pop("on_hold")
    why = why_unusable(kind, on_hold=on_hold, expires_on=row["expires_on"], today=clock.today())
    return StockRow(**row, why_unusable=why)


def moves(session: Session, *conditions: ColumnElement[bool]) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the last moves that meet the conditions, latest first."""
    columns = (
        *(StockMove.id, StockMove.at, StockMove.kind, StockMove.quantity, StockMove.document),
        *(StockMove.user_name, StockMove.reason, Lot.id.label("lot_id"), Lot.number.label("lot")),
        Location.path.label("location"),
    )
    rows = (
        select(*columns)
        .join(Lot, Lot.id == StockMove.lot_id)
        .join(Location, Location.id == StockMove.location_id)
        .where(*conditions)
        .order_by(StockMove.id.desc())
    )
    return session.execute(rows.limit(ROWS_SHOWN)).all()


def balance_at(session: Session, product_id: int, location_id: int, number: str | None) -> Balance | None:
    """Return the balance of a lot at a location, or without a number the one that came there last."""
    rows = select(Balance).join(Lot, Lot.id == Balance.lot_id)
    rows = rows.where(Balance.product_id == product_id, Balance.location_id == location_id)
    rows = rows.where(Lot.number == number) if number else rows.where(Balance.on_hand > 0)
    return session.scalars(rows.order_by(Balance.id.desc()).limit(1)).first()


@dataclass(frozen=True)
class Attention:
    """What of the stock somebody should look at; each number is counted no further than MOST_COUNTED."""

    products: int
    on_hold: int
    expired: int
    expires_soon: int


def attention(session: Session, today: date) -> Attention:
    """Return how much of the stock somebody should look at."""
    soon = (Lot.expires_on >= today, Lot.expires_on <= today + SOON)
    return Attention(
        products=_count(session, select(Product.id).where(Product.is_active)),
        on_hold=_count(session, _lots_on_hand(Lot.on_hold.is_(True))),
        expired=_count(session, _lots_on_hand(Lot.expires_on < today)),
        expires_soon=_count(session, _lots_on_hand(*soon)),
    )


def _lots_on_hand(*conditions: ColumnElement[bool]) -> Select[int]:
    return select(Balance.id).join(Lot, Lot.id == Balance.lot_id).where(Balance.on_hand > 0, *conditions)


def _count(session: Session, rows: Select[int]) -> int:
    return session.scalars(select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery())).one()
