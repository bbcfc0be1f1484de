"""The dashboard card of procurement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import Card
from erp.admin.formatting import counted
from modules.procurement.queries import waiting_work


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    work = waiting_work(session)
    yesterday = clock.today() - timedelta(days=1)
    return (
        ("Drafts to order", counted(work.drafts), "/procurement/purchase-orders/?flt0_state_is=draft"),
        ("Ordered purchase orders", counted(work.ordered), "/procurement/purchase-orders/?flt0_state_is=ordered"),
        (
            "Partly received",
            counted(work.partly_received),
            "/procurement/purchase-orders/?flt0_state_is=partly_received",
        ),
        ("Overdue lines", counted(work.overdue_lines), f"/procurement/incoming/?flt0_expected_to={yesterday}"),
    )


CARD = Card("Procurement", "procurement.view", _numbers)
