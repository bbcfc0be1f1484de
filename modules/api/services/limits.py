"""How often a token may ask, counted in the database over all processes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from sqlalchemy import Table, case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_postgresql
from erp.options import options
from modules.api.errors import TooManyRequests
from modules.api.models import RequestCount

COUNTS = cast(Table, RequestCount.__table__)


def count_request(session: Session, token_id: int) -> None:
    """Count a request of a token in this minute, in one statement; raise TooManyRequests above the limit.

    The caller commits in either case.
    """
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    insert: Any = postgresql.insert if is_postgresql(session) else sqlite.insert
    new = insert(COUNTS).values(token_id=token_id, minute_at=minute, requests=1)
    same = COUNTS.c.minute_at == minute
    changed = {"minute_at": minute, "requests": case((same, COUNTS.c.requests + 1), else_=1)}
    upsert = new.on_conflict_do_update(index_elements=[COUNTS.c.token_id], set_=changed)
    count = session.execute(upsert.returning(COUNTS.c.requests)).scalar_one()
    if count > options.api.requests_per_minute:
        left = minute + timedelta(minutes=1) - now
        raise TooManyRequests(limit=options.api.requests_per_minute, seconds=max(1, int(left.total_seconds())))
