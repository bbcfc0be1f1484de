"""What sales does by the clock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.sales import services


def allocate_backorders(session: Session) -> str:
    """Serve all open demand in order of service, a batch of products at a time."""
    return services.allocate_book(session)


def cancel_overdue_backorders(session: Session) -> str:
    """Give up backorders that have waited longer than the cancellation days allow."""
    count = services.cancel_overdue_backorders(session)
    return f"{count} {'backorder' if count == 1 else 'backorders'} cancelled."
