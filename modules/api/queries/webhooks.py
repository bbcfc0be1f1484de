"""The events that webhooks can receive."""

from __future__ import annotations

import json

from sqlalchemy.orm import Session

from erp.api import announcements
from modules.api.models import Delivery


def event_titles(session: Session) -> dict[str, str]:
    """Return what each event that a webhook can receive now means, by its name."""
    return {each.name: each.title for answer in announcements(session) for each in answer}


def still_holds(session: Session, delivery: Delivery) -> bool:
    """Say whether what a delivery tells still holds; where the module that knows is off, it is taken to."""
    known = {each.name: each for answer in announcements(session) for each in answer}
    announced = known.get(delivery.event)
    if announced is None or announced.still_holds is None:
        return True
    return announced.still_holds(session, json.loads(delivery.body)["data"])
