"""The dashboard's card and work queues of returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Card, WorkQueue
from modules.returns import queries
from modules.returns.states import ReturnState


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    counts = queries.counts_by_state(session)
    return (
        ("Expected returns", counts.get(ReturnState.draft, 0), "/returns/?flt0_state_is=draft"),
        ("Returns to inspect", counts.get(ReturnState.received, 0), "/returns/?flt0_state_is=received"),
    )


CARD = Card("Returns", "returns.view", _numbers)
QUEUES = (
    WorkQueue("Returns to inspect", "returns.return", "returns.inspect", "state_is", "received"),
    WorkQueue("Returns that wait too long", "returns.return", "returns.edit", "waits_too_long_is", "yes"),
)
