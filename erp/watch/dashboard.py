"""The card of the dashboard on which administrators see what needs them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from erp.admin import Card
from erp.watch.troubles import KINDS, troubles


def _numbers(session: Session) -> list[tuple[str, Any, str]]:
    counted = Counter(trouble.kind for trouble in troubles(session))
    return [(kind, counted[kind], url_for("erp_job.index_view")) for kind in KINDS]


CARD = Card("Installation", "erp.jobs", _numbers)
