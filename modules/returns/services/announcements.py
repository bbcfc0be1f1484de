"""Announcing to customers what happened to their returns."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from erp.events import publish
from erp.text import word
from modules.returns.models import Return
from modules.sales.events import Announcement, AnnouncementsMade


def announce(session: Session, kind: str, document: Return, **more: str) -> None:
    """Let the customer be told what happened to a return; its lines are read already."""
    quantities: dict[int, Decimal] = {}
    for line in document.lines:
        if line.received:
            ordered = line.pack_line.line_id
            quantities[ordered] = quantities.get(ordered, Decimal(0)) + line.received
    values = {"number": document.number, "reason": document.reason, "cause": word(document.cause.value), **more}
    publish(session, AnnouncementsMade((Announcement(kind, document.id, document.order_id, quantities, values),)))
