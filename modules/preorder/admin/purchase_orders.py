"""What preorder shows on purchase orders: the sales orders to which each line is allocated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Panel
from modules.preorder import queries
from modules.preorder.admin.purchase_lines import line_bar
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PurchaseState


def _sales_orders(session: Session, order: PurchaseOrder) -> Mapping[str, Any] | None:
    if order.state == PurchaseState.draft:
        return None
    of_order = PurchaseAllocation.purchase_line_id.in_([line.id for line in order.lines])
    allocations = queries.purchase_allocations_to(session, of_order, limit=queries.MOST_SHOWN)
    by_line: dict[int, list[Any]] = {}
    for row in allocations:
        by_line.setdefault(row.purchase_line_id, []).append(row)
    coverage = [(line, line_bar(line, by_line.get(line.id, []))) for line in order.lines]
    return {"purchase_allocations": allocations, "coverage": coverage, "most": queries.MOST_SHOWN}


PANELS = (Panel("Sales orders", "preorder/purchase_order.html", _sales_orders, "preorder.view"),)
