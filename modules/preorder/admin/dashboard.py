"""What preorder shows on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from erp.admin.formatting import thousands
from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.sales.models import OrderLine

MOST_COUNTED = 10_000
# Whether a line is late is computed: of no more open lines than these, the first entered first.
MOST_LOOKED_AT = 1_000


def _count(rows: Select[int]) -> Any:
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()


def _shown(count: int, most: int, looked_at: int) -> int | str:
    return f"{thousands(min(count, most))}+" if looked_at > most else count


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    lines = select(OrderLine.id).where(OrderLine.is_open).order_by(OrderLine.id).limit(MOST_LOOKED_AT + 1)
    among = OrderLine.id.in_(lines)
    late = select(OrderLine.id).where(among, queries.is_late_line(clock.today()))
    unallocated = select(OrderLine.id).where(among, queries.is_unallocated())
    allocations = select(PurchaseAllocation.id).where(PurchaseAllocation.is_open).limit(MOST_COUNTED + 1)
    counts = select(*map(_count, (lines, late, unallocated, allocations)))
    open_lines, late_lines, unallocated_lines, allocated = session.execute(counts).one()
    return (
        ("Late lines", _shown(late_lines, MOST_LOOKED_AT, open_lines), url_for("preorder_late.index_view")),
        (
            "Unallocated lines",
            _shown(unallocated_lines, MOST_LOOKED_AT, open_lines),
            url_for("preorder_unallocated.index_view"),
        ),
        ("Purchase allocations", _shown(allocated, MOST_COUNTED, allocated), ""),
    )


CARD = Card("Preorder", "preorder.view", _numbers)
