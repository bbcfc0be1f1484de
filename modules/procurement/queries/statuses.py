"""Purchase line statuses."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.identity import ByKey, identity_key
from modules.procurement.models import PurchaseLineStatus


def statuses(session: Session) -> list[PurchaseLineStatus]:
    """Return all line statuses in the order in which they are offered."""
    status = PurchaseLineStatus
    return list(session.scalars(select(status).order_by(status.position, status.name)))


def statuses_by_name(session: Session, names: Iterable[str]) -> ByKey[str, PurchaseLineStatus]:
    """Return the line statuses of these names; one that does not exist is left out."""
    wanted = select(PurchaseLineStatus).where(PurchaseLineStatus.name_key.in_(set(map(identity_key, names))))
    return ByKey((status.name, status) for status in session.scalars(wanted))


def status_by_name(session: Session, name: str) -> PurchaseLineStatus | None:
    """Return the line status of a name, or None."""
    return statuses_by_name(session, [name]).get(name)
