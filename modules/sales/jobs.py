"""What sales does by the clock."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.errors import SomeFailed
from modules.inventory_lots.services import commit_by_products
from modules.sales import services


def allocate_backorders(session: Session) -> str:
    """Serve all open demand in order of service, a batch of products at a time."""
    return services.allocate_book(session)


def cancel_overdue_backorders(session: Session) -> str:
    """Give up backorders that have waited longer than the cancellation days allow."""
    overdue = services.overdue_products(session)
    counts, failed = commit_by_products(session, overdue, services.cancel_overdue_backorders)
    count = sum(counts)
    message = "1 backorder cancelled." if count == 1 else f"{count} backorders cancelled."
    if failed:
        raise SomeFailed(message, "product", failed)
    return message
