"""What waits, for the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bounded_count
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries.lines import join_orders
from modules.procurement.states import PurchaseState


@dataclass(frozen=True)
class WaitingWork:
    """How many orders of each state wait, and how many lines are overdue; each a bounded count."""

    drafts: int
    ordered: int
    partly_received: int
    overdue_lines: int


def waiting_work(session: Session) -> WaitingWork:
    """Count the orders that wait and the lines that were expected before today."""
    line, states = PurchaseOrderLine, (PurchaseState.draft, PurchaseState.ordered, PurchaseState.partly_received)
    orders = (select(PurchaseOrder.id).where(PurchaseOrder.state == state) for state in states)
    overdue = join_orders(select(line.id)).where(line.is_open, line.expected_on < clock.today())
    counts = (bounded_count(rows) for rows in (*orders, overdue))
    return WaitingWork(*session.execute(select(*counts)).one())
