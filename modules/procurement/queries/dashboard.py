"""What waits, for the dashboard."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries.lines import join_orders
from modules.procurement.states import OPEN_STATES, PurchaseState


@dataclass(frozen=True)
class WaitingWork:
    """How many orders of each state wait, and how many lines are overdue."""

    drafts: int
    ordered: int
    partly_received: int
    overdue_lines: int


def waiting_work(session: Session) -> WaitingWork:
    """Count the orders that wait and the lines that were expected before today."""
    states = select(PurchaseOrder.state, func.count()).group_by(PurchaseOrder.state)
    waiting = states.where(PurchaseOrder.state.in_((PurchaseState.draft, *OPEN_STATES)))
    orders = {row.state: row[1] for row in session.execute(waiting)}
    line = PurchaseOrderLine
    overdue = join_orders(select(func.count())).where(line.is_open, line.expected_on < clock.today())
    return WaitingWork(
        drafts=orders.get(PurchaseState.draft, 0),
        ordered=orders.get(PurchaseState.ordered, 0),
        partly_received=orders.get(PurchaseState.partly_received, 0),
        overdue_lines=session.scalar(overdue) or 0,
    )
