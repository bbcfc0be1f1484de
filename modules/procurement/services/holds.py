"""Purchase order lines that are held for a document for a while."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session

from erp.db import bulk_insert, raw_instant, require_any_lock
from modules.inventory_lots.models import Product
from modules.procurement.models import SupplyHold

SUPPLY_HOLD = cast(Table, SupplyHold.__table__)


class HeldSupply(NamedTuple):
    """A raw quantity of a purchase order line that is held for a document until an instant."""

    line_id: int
    quantity: int
    document: str
    until: datetime


def hold_supply(session: Session, holds: Sequence[HeldSupply]) -> None:
    """Hold what is to come. The caller has locked the products and has checked that so much is unallocated."""
    require_any_lock(session, Product)
    rows = [(each.line_id, each.quantity, each.document, raw_instant(each.until)) for each in holds]
    bulk_insert(session, SUPPLY_HOLD, ("line_id", "quantity", "document", "ends_at"), rows)


def end_supply_holds(session: Session, documents: Collection[str]) -> None:
    """End what is held for documents. The caller has locked the products."""
    if documents:
        require_any_lock(session, Product)
        of_documents = delete(SupplyHold).where(SupplyHold.document.in_(sorted(documents)))
        session.execute(of_documents.execution_options(synchronize_session=False))
        session.expire_all()


def delete_past_supply_holds(session: Session, before: datetime) -> None:
    """Delete the rows of what was held until before an instant that has passed: they count nowhere."""
    past = delete(SupplyHold).where(SupplyHold.ends_at < before)
    session.execute(past.execution_options(synchronize_session=False))
