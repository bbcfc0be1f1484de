"""Locks that belong to a process and end with it, however it ends: who leads, and who runs which job.

PostgreSQL keeps them for a transaction that stays open, which a pooler does not take away; SQLite's are files next to
the database, since all its processes are on one machine.
"""

from __future__ import annotations

import fcntl
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from erp.db import POSTGRES_OPTIONS, db

LEADER = "worker"

# A dead machine is noticed after half a minute at most; its locks are free then.
_KEEPALIVES = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}

_HELD = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND ((classid::bigint << 32) | objid::bigint) = :key"
)


class Lock(Protocol):
    """Held by at most one process of the installation."""

    def take(self) -> bool:
        """Take the lock without waiting; say whether that succeeded."""

    def is_held(self) -> bool:
        """Say whether this process still holds the lock."""

    def release(self) -> None:
        """Release the lock; do nothing where it is not held."""


class PostgresLock:
    """An advisory lock of a transaction that stays open on a connection of its own, and holds nothing else."""

    def __init__(self, url: URL, name: str) -> None:
        arguments = {**_KEEPALIVES, **POSTGRES_OPTIONS, "connect_timeout": 10}
        self._engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
        self._key = _key(name)
        self._connection: Connection | None = None

    def take(self) -> bool:
        """Take the lock without waiting."""
        if self._connection is None:
            self._connection = self._engine.connect()
        self._connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        is_taken = bool(self._connection.scalar(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": self._key}))
        if not is_taken:
            self._connection.rollback()
        return is_taken

    def is_held(self) -> bool:
        """Say whether the connection, and so the lock, is still there."""
        if self._connection is None:
            return False
        try:
            held = text("SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'")
            return bool(self._connection.scalar(held))
        except DBAPIError:
            return False

    def release(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(DBAPIError):  # a server that is gone has released the lock
                self._connection.close()
            self._connection = None


class FileLock:
    """An advisory lock on a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """Take the lock without waiting."""
        self._file = self._file or self._path.open("a")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_held(self) -> bool:
        """Say whether this process has locked the file."""
        return self._file is not None

    def release(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def lock(name: str) -> Lock:
    """Return the lock of that name on the application's database."""
    url = db.engine.url
    if db.engine.dialect.name == "postgresql":
        return PostgresLock(url, name)
    return FileLock(Path(f"{url.database}.{name}.lock"))


def is_free(name: str) -> bool:
    """Say whether no process holds the lock of that name."""
    if db.engine.dialect.name == "postgresql":
        return not db.session.scalar(_HELD, {"key": _key(name)})
    probe = lock(name)
    try:
        return probe.take()
    finally:
        probe.release()


def is_led() -> bool:
    """Say whether a worker runs that starts what is due."""
    return not is_free(LEADER)


def _key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") >> 2
