"""A read replica: a PostgreSQL standby from which lists and exports may be read, so that the primary is left to work.

`ERP_REPLICA_URL` names it. It is read while it follows the primary closely enough (`[erp] replica_lag`); where it is
away, too far behind, or no standby any more, the primary is read. Nothing is ever written there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, current_app, g
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from erp.db.session import ENGINE_OPTIONS, POSTGRES_OPTIONS, db
from erp.db.transactions import end_reading
from erp.errors import ConfigError

T = TypeVar("T")

log = logging.getLogger(__name__)

URL = "ERP_REPLICA_URL"
EXTENSION = "erp_replica"
# After a failure the primary is read for so long: not every list shall wait for a server that is away.
_AWAY_SECONDS = 10.0
_CONNECT_SECONDS = 2

_PRIMARY = text("SELECT pg_current_wal_insert_lsn()::text")
_STANDBY = text(
    "SELECT pg_is_in_recovery(), pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn),"
    " EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp())"
)


class Replica:
    """The standby of one application, as this process finds it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._away_until = 0.0

    def is_usable(self, lag: timedelta) -> bool:
        """Say whether the standby answers and is at most `lag` behind the primary, which is asked what it has written.

        A standby that has replayed everything is up to date, however long ago that was written.
        """
        if time.monotonic() < self._away_until:
            return False
        written = db.session.scalar(_PRIMARY)
        try:
            with self.engine.connect() as connection:
                is_standby, has_all, seconds = connection.execute(_STANDBY, {"written": written}).one()
        except DBAPIError as error:
            self.leave(f"it does not answer: {str(error.orig).strip()}")
            return False
        if not is_standby:
            self.leave("it is no standby")
            return False
        return bool(has_all) or (seconds is not None and seconds <= lag.total_seconds())

    def leave(self, reason: str) -> None:
        """Read the primary for a while."""
        log.warning("the replica is not read for %d seconds: %s", _AWAY_SECONDS, reason)
        self._away_until = time.monotonic() + _AWAY_SECONDS


def init_app(app: Flask) -> None:
    """Attach the replica that the environment names; raise ConfigError for one that cannot be."""
    url = app.config["ENVIRONMENT"].get(URL, "")
    if not url:
        return
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError(f"{URL} is not a database URL such as postgresql://user@host/name.") from None
    with app.app_context():
        primary = db.engine.dialect.name
    if parsed.get_backend_name() not in ("postgresql", "postgres") or primary != "postgresql":
        raise ConfigError(f"{URL}: a replica is a standby of a PostgreSQL database.")
    arguments = {**POSTGRES_OPTIONS, "connect_timeout": _CONNECT_SECONDS}
    own: dict[str, Any] = {"connect_args": arguments, "pool_pre_ping": True, **ENGINE_OPTIONS}
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"), **own)
    event.listen(engine, "begin", _only_read)
    app.extensions[EXTENSION] = Replica(engine)


def _only_read(connection: Any) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")


def has_replica() -> bool:
    """Say whether the application has a replica."""
    return EXTENSION in current_app.extensions


def from_replica(lag: timedelta, read: Callable[[], T]) -> T:
    """Return `read()`, done on the replica where it is usable; where that fails there, on the primary."""
    with on_replica(lag) as is_used:
        try:
            return read()
        except OperationalError as error:
            if not is_used:
                raise
            # Away since, or the primary has removed rows that this query still needed.
            current_app.extensions[EXTENSION].leave(str(error.orig).strip())
            db.session.rollback()
    return read()


@contextmanager
def on_replica(lag: timedelta) -> Iterator[bool]:
    """Let what is read inside come from the replica where it is usable; yield whether it does."""
    if not has_replica():
        yield False
        return
    replica: Replica = current_app.extensions[EXTENSION]
    is_used = replica.is_usable(lag)
    end_reading(db.session())
    if is_used:
        g.erp_engine = replica.engine
    try:
        yield is_used
    finally:
        if g.pop("erp_engine", None) is not None:
            _end(replica)


def _end(replica: Replica) -> None:
    try:
        end_reading(db.session())
    except OperationalError as error:
        replica.leave(str(error.orig).strip())
        db.session.rollback()
