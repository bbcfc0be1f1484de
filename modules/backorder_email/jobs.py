"""What backorder email does on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.backorder_email.delivery import send_pending


def send_pending_emails(_session: Session) -> str:
    """Send what is due, a batch at a time."""
    return str(send_pending())
