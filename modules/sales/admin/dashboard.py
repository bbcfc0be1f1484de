"""What of sales waits, on the dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Card
from modules.sales.queries.screens import waiting_work


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    work = waiting_work(session)
    return (
        ("Drafts to confirm", work.drafts, "/sales/orders/?flt0_state_is=draft"),
        ("Confirmed orders", work.confirmed, "/sales/orders/?flt0_state_is=confirmed"),
        ("Open backorders", work.open_backorders, "/sales/backorders/?flt0_state_is=open"),
    )


CARD = Card("Sales", "sales.view", _numbers)
