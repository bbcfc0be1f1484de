"""Scheduled jobs of the sample."""

from __future__ import annotations

from sqlalchemy.orm import Session

from modules.sample_module import queries, services


def grant_old_wishes(session: Session) -> str:
    """Grant every wish that is not granted yet."""
    return f"{services.grant(session, queries.waiting(session))} wishes granted."
