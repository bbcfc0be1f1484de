"""The dashboard's card of sales: what waits for a clerk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Card
from erp.admin.formatting import counted
from modules.sales import queries


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    work = queries.waiting_work(session)
    return (
        ("Drafts to confirm", counted(work.drafts), "/sales/orders/?flt0_state_is=draft"),
        ("Confirmed orders", counted(work.confirmed), "/sales/orders/?flt0_state_is=confirmed"),
        ("Open lines in the work lists", counted(work.open_lines), "/sales/work-lists/"),
        ("Open backorders", counted(work.open_backorders), "/sales/backorders/?flt0_state_is=open"),
    )


CARD = Card("Sales", "sales.view", _numbers)
