"""Backorder rows of scheduled lines: from which day they count."""

from __future__ import annotations

from sqlalchemy import ColumnElement, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_update
from modules.sales import queries
from modules.sales.models import Backorder


def date_scheduled_backorders(session: Session, condition: ColumnElement[bool]) -> None:
    """Let the open rows of scheduled lines that meet a condition count from the day on which their lines fall due."""
    days = [(row.backorder_id, row.due) for row in queries.days_to_correct(session, condition)]
    bulk_update(session, Backorder.__table__, {"counts_from": "{due}"}, {"due": "date"}, days)  # type: ignore[arg-type]
    if days:
        session.expire_all()


def follow_requested_date(session: Session, line_id: int) -> None:
    """Let a line's open backorder row count from the day on which the line falls due, or from today if that is over."""
    of_line = Backorder.line_id == line_id
    over = update(Backorder).where(of_line, Backorder.is_open, Backorder.counts_from > clock.today())
    session.execute(over.values(counts_from=clock.today()).execution_options(synchronize_session=False))
    session.expire_all()
    date_scheduled_backorders(session, of_line)
