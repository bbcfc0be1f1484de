"""The log of sign-ins and of rights: a line for each once it is committed, in a form that fail2ban reads."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from sqlalchemy import event
from sqlalchemy.orm import Session

from erp.db import ErpSession, carried

log = logging.getLogger("erp.access")


@dataclass
class _Lines:
    """The lines of a transaction that is not committed yet, with their levels."""

    waiting: list[tuple[int, str]] = field(default_factory=list)


def signed_in(session: Session, username: str, place: str) -> None:
    """Note a sign-in."""
    _note(session, logging.INFO, f"sign-in from {place} as {username!r}")


def refused(session: Session, username: str, place: str, reason: str) -> None:
    """Note a sign-in that failed. The place comes first: nothing that a visitor typed can pass for it."""
    _note(session, logging.WARNING, f"sign-in refused from {place} ({reason}) as {username[:80]!r}")


def changed(session: Session, username: str, what: str) -> None:
    """Note a change of what a user or role may do."""
    _note(session, logging.WARNING, f"rights of {username!r}: {what}")


def _note(session: Session, level: int, line: str) -> None:
    carried(session, _Lines).waiting.append((level, line))


@event.listens_for(ErpSession, "after_commit")
def _write(session: Session) -> None:
    for level, line in carried(session, _Lines).waiting:
        log.log(level, "%s", line)
    _forget(session)


@event.listens_for(ErpSession, "after_rollback")
def _forget(session: Session) -> None:
    carried(session, _Lines).waiting.clear()
