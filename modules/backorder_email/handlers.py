"""What backorder email does when others announce something."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.events import RunEnded
from modules.backorder_email import services
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.procurement.events import LineStatusChanged
from modules.sales.events import BackorderCancelled, PromiseDateChanged

# A date that allocation sets for the first time is no change of what a customer was told.
CAUSES_OF_NEW_DATES = ("sync", "import", "edit")


def write_allocation_news(session: Session, event: PurchaseAllocated) -> None:
    """Tell customers that what they wait for is on its way."""
    services.write_allocation_news(session, event.purchase_allocation_ids)


def drop_news_of_purchase_allocations(session: Session, event: PurchaseAllocationRemoved) -> None:
    """Take back what has not left about links that were undone."""
    services.drop_news_of_purchase_allocations(session, event.pairs)


def write_status_news(session: Session, event: LineStatusChanged) -> None:
    """Tell customers that what is on its way for them got another status."""
    if not event.is_default:
        services.write_status_news(session, event.changes)


def write_date_news(session: Session, event: PromiseDateChanged) -> None:
    """Tell customers that the date they were promised has moved, unless the clerk said not to."""
    if event.notify and event.cause in CAUSES_OF_NEW_DATES:
        services.write_date_news(session, event.changes)


def write_cancellation_news(session: Session, event: BackorderCancelled) -> None:
    """Tell customers that a backorder was given up because it waited too long."""
    if event.cause == "sla":
        services.write_cancellation_news(session, event.changes)


def compose(session: Session, event: RunEnded) -> None:
    """Make messages of the news of a run that is over."""
    services.compose_run(session, event.run_id)
