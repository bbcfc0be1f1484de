"""Scheduled on-hand changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.options import options
from modules.inventory_lots.models import Product
from modules.preorder.models import OnHandChange

BATCH = 5000


def scheduled_changes(session: Session, product_ids: Collection[int]) -> Sequence[OnHandChange]:
    """Return the changes of these products from today on, by date; none where `[preorder] on_hand_changes` is off."""
    if not options.preorder.on_hand_changes:
        return ()
    changes = select(OnHandChange).where(OnHandChange.product_id.in_(product_ids), OnHandChange.date >= clock.today())
    return session.scalars(changes.order_by(OnHandChange.date, OnHandChange.id)).all()


def on_hand_change_rows(session: Session) -> Iterable[Sequence[Any]]:
    """Return (sku, date, quantity, note) of every change, in the order in which they were entered."""
    return session.execute(
        select(Product.sku, OnHandChange.date, OnHandChange.quantity, OnHandChange.note)
        .join(OnHandChange.product)
        .order_by(OnHandChange.id)
        .execution_options(yield_per=BATCH)
    )
