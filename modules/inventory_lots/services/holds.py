"""Stock that is held for a document for a while."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session

from erp.db import bulk_insert, raw_instant, require_any_lock
from modules.inventory_lots.models import Product, StockHold

STOCK_HOLD = cast(Table, StockHold.__table__)


class HeldStock(NamedTuple):
    """A raw quantity of a balance that is held for a document until an instant."""

    balance_id: int
    quantity: int
    document: str
    until: datetime


def hold_stock(session: Session, holds: Sequence[HeldStock]) -> None:
    """Hold stock. The caller has locked its products and has checked that so much is unallocated."""
    require_any_lock(session, Product)
    rows = [(each.balance_id, each.quantity, each.document, raw_instant(each.until)) for each in holds]
    bulk_insert(session, STOCK_HOLD, ("balance_id", "quantity", "document", "ends_at"), rows)


def end_stock_holds(session: Session, documents: Collection[str]) -> None:
    """End what is held for documents. The caller has locked products: those of which he wants what is given back.

    Of others more becomes free, which takes nothing from anybody.
    """
    require_any_lock(session, Product)
    of_documents = delete(StockHold).where(StockHold.document.in_(sorted(documents)))
    session.execute(of_documents.execution_options(synchronize_session=False))
    session.expire_all()


def delete_past_stock_holds(session: Session, before: datetime) -> None:
    """Delete the rows of what was held until before an instant that has passed: they count nowhere."""
    past = delete(StockHold).where(StockHold.ends_at < before)
    session.execute(past.execution_options(synchronize_session=False))
