"""How often a token may ask, counted in the database over all processes."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

from sqlalchemy.orm import Session

from erp import clock
from erp.db import connection_of, is_postgresql, raw_instant, run
from erp.options import options
from modules.api.errors import TooManyRequests

_COUNT = """
INSERT INTO api_request_count AS counted (token_id, minute_at, requests) VALUES ({place}, {place}, 1)
ON CONFLICT (token_id) DO UPDATE SET minute_at = excluded.minute_at,
  requests = CASE WHEN counted.minute_at = excluded.minute_at THEN counted.requests + 1 ELSE 1 END
RETURNING requests
"""
# Requests of one token wait for one another at this row: not also for a disk, for a count that is of one minute.
_WITHOUT_DISK = ", set_config('synchronous_commit', 'off', true)"


def count_request(session: Session, token_id: int) -> None:
    """Count a request of a token in this minute, in one statement; raise TooManyRequests above the limit.

    The caller commits in either case, and nothing with it that has to be there after a power cut.
    """
    now = clock.now()
    minute = now.replace(second=0, microsecond=0)
    statement = _counting(on_postgresql=is_postgresql(session))
    ((count, *_),) = run(connection_of(session), statement, (token_id, raw_instant(minute)))
    if count > options.api.requests_per_minute:
        left = minute + timedelta(minutes=1) - now
        raise TooManyRequests(limit=options.api.requests_per_minute, seconds=max(1, int(left.total_seconds())))


@cache
def _counting(*, on_postgresql: bool) -> str:
    return _COUNT.format(place="%s") + _WITHOUT_DISK if on_postgresql else _COUNT.format(place="?")
