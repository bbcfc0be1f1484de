"""What preorder shows on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from erp.admin.formatting import counted, thousands
from erp.admin.kept_selects import read_kept_select
from erp.db import bounded_count
from modules.preorder import queries
from modules.preorder.models import PurchaseAllocation
from modules.sales.models import OrderLine

# Whether a line is late is computed: of no more open lines than these, the first entered first.
MOST_LOOKED_AT = 500


def _count(rows: Select[int]) -> Any:
    return select(func.count()).select_from(rows.subquery()).scalar_subquery()


def _shown(count: int, looked_at: int) -> int | str:
    return f"{thousands(min(count, MOST_LOOKED_AT))}+" if looked_at > MOST_LOOKED_AT else count


def _counts() -> Select[int, int, int, int]:
    lines = select(OrderLine.id).where(OrderLine.is_open).order_by(OrderLine.id).limit(MOST_LOOKED_AT + 1)
    among = OrderLine.id.in_(lines)
    late = select(OrderLine.id).where(among, queries.is_late_line(clock.today()))
    unallocated = select(OrderLine.id).where(among, queries.is_unallocated())
    allocations = bounded_count(select(PurchaseAllocation.id).where(PurchaseAllocation.is_open))
    return select(_count(lines), _count(late), _count(unallocated), allocations)


def _numbers(_session: Session) -> Sequence[tuple[str, Any, str]]:
    ((open_lines, late_lines, unallocated_lines, allocated),) = read_kept_select("preorder.card", _counts)
    return (
        ("Late lines", _shown(late_lines, open_lines), url_for("preorder_late.index_view")),
        (
            "Unallocated lines",
            _shown(unallocated_lines, open_lines),
            url_for("preorder_unallocated.index_view"),
        ),
        ("Purchase allocations", counted(allocated), ""),
    )


CARD = Card("Preorder", "preorder.view", _numbers)
