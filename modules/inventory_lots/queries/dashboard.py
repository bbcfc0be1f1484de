"""What the dashboard shows of stock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from erp.db import bounded_count
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.queries.balances import has_expired

SOON = timedelta(days=30)


@dataclass(frozen=True)
class Attention:
    """How many products are active and how many balances need attention; each a bounded count."""

    products: int
    on_hold: int
    expired: int
    expires_soon: int


def attention(session: Session, today: date) -> Attention:
    """Count the active products, and the stock that is on hold, expired or about to expire."""
    return Attention(
        products=_count(session, select(Product.id).where(Product.is_active)),
        on_hold=_count(session, _stock(Lot.on_hold.is_(True))),
        expired=_count(session, _stock(has_expired(today))),
        expires_soon=_count(session, _stock(Lot.expires_on.between(today, today + SOON))),
    )


def _stock(condition: ColumnElement[bool]) -> Select[int]:
    return select(Balance.id).join(Balance.lot).where(Balance.has_stock, condition)


def _count(session: Session, rows: Select[int]) -> int:
    return int(session.scalars(select(bounded_count(rows))).one())
