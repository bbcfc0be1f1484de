"""What new arrival dates break, shown before they are saved."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256

from flask import g, request
from sqlalchemy.orm import Session

from modules.procurement.errors import ImpactUnseen
from modules.procurement.hooks import Impact, arrival_impact

SEEN = "impact_seen"


def show_impact_first(session: Session, dates: Mapping[int, date | None]) -> None:
    """Raise ImpactUnseen where these dates break promises and the form does not say that its sender has seen them.

    The page is shown again with them (`procurement/impact.html`), and with a field that says so.
    """
    impacts = [impact for answer in arrival_impact(session, dates) for impact in answer] if dates else []
    fingerprint = _fingerprint(dates, impacts)
    if impacts and request.form.get(SEEN) != fingerprint:
        g.procurement_impacts, g.procurement_impact_seen = impacts, fingerprint
        raise ImpactUnseen(promises=len(impacts))


def _fingerprint(dates: Mapping[int, date | None], impacts: list[Impact]) -> str:
    """What was shown: if the dates or what they break have changed since, it is shown again."""
    return sha256(repr((sorted(dates.items()), impacts)).encode()).hexdigest()[:24]
