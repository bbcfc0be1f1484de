"""Scheduled lines: requested so far ahead that automatic runs leave what nothing covers of them for later."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from erp.text import say
from modules.sales.models import Order, OrderLine
from modules.sales.queries.lines import select_lines
from modules.sales.queries.purchase_allocations import purchase_allocated_quantities
from modules.sales.queries.queue import due_on, is_scheduled, is_scheduled_day, last_served_day


def due_day(line: OrderLine) -> date | None:
    """Return the day from which runs serve a line that is scheduled; None for one that is not."""
    return due_on(line.requested_on) if line.requested_on and is_scheduled_day(line.requested_on) else None


def why_scheduled(line: OrderLine) -> str:
    """Return in words until when a line is scheduled; empty for one that is not."""
    due = due_day(line)
    if due is None:
        return ""
    return say(
        "It is scheduled: requested on {requested_on:%d %b %Y}, it is served from {due:%d %b %Y} on.",
        requested_on=line.requested_on,
        due=due,
    )


def scheduled_quantities(session: Session, condition: ColumnElement[bool]) -> dict[int, tuple[int, Decimal]]:
    """Return (order id, quantity) by id of the lines of confirmed orders that meet a condition and are scheduled.

    The quantity is what neither stock nor purchase orders cover; lines that are covered are left out.
    """
    if last_served_day() is None:
        return {}
    rows = select_lines(OrderLine.id, OrderLine.order_id, OrderLine.need)
    rows = rows.where(condition, Order.is_confirmed, OrderLine.has_need, is_scheduled())
    found = session.execute(rows).all()
    covered = purchase_allocated_quantities(session, [line_id for line_id, *_ in found])
    return {
        line_id: (order_id, remainder)
        for line_id, order_id, need in found
        if (remainder := need - covered.get(line_id, Decimal(0))) > 0
    }
