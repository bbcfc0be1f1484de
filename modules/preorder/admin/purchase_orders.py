"""What preorder shows on purchase orders: for whom each line is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Panel
from modules.preorder import queries
from modules.preorder.admin.purchase_lines import line_bar
from modules.preorder.models import Link
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PurchaseState


def _linked_orders(session: Session, order: PurchaseOrder) -> Mapping[str, Any] | None:
    if order.state == PurchaseState.draft:
        return None
    of_order = Link.purchase_line_id.in_([line.id for line in order.lines])
    links = queries.links_to(session, of_order, limit=queries.MOST_SHOWN)
    by_line: dict[int, list[Any]] = {}
    for row in links:
        by_line.setdefault(row.purchase_line_id, []).append(row)
    coverage = [(line, line_bar(line, by_line.get(line.id, []))) for line in order.lines]
    return {"links": links, "coverage": coverage, "most": queries.MOST_SHOWN}


PANELS = (Panel("Sales orders", "preorder/linked_orders.html", _linked_orders, "preorder.view"),)
