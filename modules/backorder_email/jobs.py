"""What backorder email does on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.backorder_email.delivery import send_on_schedule


def send_pending_emails(_session: Session) -> str:
    """Send what is old enough, a batch at a time."""
    return send_on_schedule()
