"""What preorder shows on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.sales.models import OrderLine

MOST_COUNTED = 10_000


def _count(session: Session, rows: Select[int]) -> int | str:
    """Return how many rows there are, counted up to `MOST_COUNTED` so that the dashboard stays fast."""
    found = session.scalar(select(func.count()).select_from(rows.limit(MOST_COUNTED + 1).subquery())) or 0
    return found if found <= MOST_COUNTED else f"{MOST_COUNTED:,}+"


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    late = select(OrderLine.id).where(queries.is_late_line(clock.today()))
    unallocated = select(OrderLine.id).where(queries.is_unallocated())
    allocations = select(PurchaseAllocation.id).where(PurchaseAllocation.is_open)
    return (
        ("Late lines", _count(session, late), url_for("preorder_late.index_view")),
        ("Unallocated lines", _count(session, unallocated), url_for("preorder_unallocated.index_view")),
        ("Purchase allocations", _count(session, allocations), ""),
    )


CARD = Card("Preorder", "preorder.view", _numbers)
