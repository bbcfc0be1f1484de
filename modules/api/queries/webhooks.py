"""The events that webhooks can receive."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.api import announcements


def event_titles(session: Session) -> dict[str, str]:
    """Return what each event that a webhook can receive now means, by its name."""
    return {each.name: each.title for answer in announcements(session) for each in answer}
