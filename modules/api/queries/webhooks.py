"""What webhooks can be told of."""

from __future__ import annotations

from sqlalchemy.orm import Session

from erp.api import announcements


def event_names(session: Session) -> list[str]:
    """Return the names of the events of which programs can be told now."""
    return sorted(each.name for answer in announcements(session) for each in answer)
