"""Composing the news of runs, a part at a time, each in a transaction of its own."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from sqlalchemy.orm import Session

from erp.db import commit, db, reading
from erp.events import RunEnded, current_run
from modules.backorder_email import queries, services


def compose_run(session: Session, event: RunEnded) -> None:
    """Compose the news of a run that has ended, where it wrote any."""
    if current_run(session).is_awaited:
        _compose([event.run_id])


def compose_lost_runs() -> int:
    """Compose the news of runs that died before they could; return the number of messages."""
    with reading():
        run_ids = queries.runs_to_compose(db.session())
        db.session.rollback()
    return _compose(run_ids)


def _compose(run_ids: Collection[int]) -> int:
    with reading():
        parts = services.parts_of_runs(db.session(), run_ids)
        db.session.rollback()
    return sum([commit(partial(services.compose_part, news_ids=part)) for part in parts])
