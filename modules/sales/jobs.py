"""Jobs of sales: what it does on a schedule."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.errors import SomeFailed
from erp.text import plural, say
from modules.inventory_lots.services import commit_by_products
from modules.sales import services


def allocate_backorders(session: Session) -> str:
    """Serve all open demand in order of service, a batch of products at a time."""
    return services.allocate_book(session)


def delete_past_quotes(session: Session) -> str:
    """Delete quotes that no order used, a day after they ended."""
    return say("{quotes} deleted.", quotes=plural(services.delete_past_quotes(session), "quote"))


def cancel_overdue_backorders(session: Session) -> str:
    """Cancel backorders that have waited longer than the cancellation days allow."""
    overdue = services.overdue_products(session)
    counts, failed = commit_by_products(session, overdue, services.cancel_overdue_backorders)
    message = say("{backorders} cancelled.", backorders=plural(sum(counts), "backorder"))
    if failed:
        raise SomeFailed(message, "product", failed)
    return message
