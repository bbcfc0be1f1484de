"""Purchase line statuses."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import rows_named
from erp.identity import ByKey
from modules.procurement.models import PurchaseLineStatus


def statuses(session: Session) -> list[PurchaseLineStatus]:
    """Return all line statuses in the order in which they are offered."""
    status = PurchaseLineStatus
    return list(session.scalars(select(status).order_by(status.position, status.name)))


def statuses_by_name(session: Session, names: Iterable[str]) -> ByKey[str, PurchaseLineStatus]:
    """Return the line statuses of these names; one that does not exist is left out."""
    return rows_named(session, PurchaseLineStatus, "name", names)


def status_by_name(session: Session, name: str) -> PurchaseLineStatus | None:
    """Return the line status of a name, or None."""
    return statuses_by_name(session, [name]).get(name)
