"""A worker's send log: between two messages, one statement writes that the last was sent and that the next begins.

The statements go over a connection of their own, each committed at once. The worker does not wait until they are on the
disk: when a worker is killed, the server, or the system that has the file, still has them; when that loses its power,
those of the last moments may be lost. That is why a worker's name ends with an id of the start of its database:
`recover` makes uncertain what was taken before the last start.
"""

from __future__ import annotations

from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from erp import clock
from erp.db import as_refusal, is_postgresql
from modules.backorder_email.states import MESSAGE, MessageState

NO_MESSAGE = 0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

# A slow worker may learn that the server took an uncertain message; its attempt is counted already.
_LOG_STATEMENT = """
UPDATE backorder_email_message SET
  state = CASE WHEN id = {ended} THEN {sent} ELSE state END,
  sent_at = CASE WHEN id = {ended} THEN {now} ELSE sent_at END,
  attempts = CASE WHEN id = {ended} AND state = {sending} THEN attempts + 1 ELSE attempts END,
  last_error = CASE WHEN id = {ended} THEN '' ELSE last_error END,
  begun_at = CASE WHEN id = {begun} THEN {now} ELSE begun_at END,
  next_attempt_at = NULL
WHERE taken_by = {worker}
  AND (id = {begun} AND state = {sending} OR id = {ended} AND (state = {sending} OR state = {uncertain})) {lazy}
RETURNING id
"""


def database_start_id(session: Session) -> str:
    """Return an id of the last start of the database server, or of the machine on which the database file is."""
    if is_postgresql(session):
        started = session.scalar(text("SELECT extract(epoch FROM pg_postmaster_start_time())::bigint"))
        return f"{started:x}"
    return _boot_id()


@cache
def _boot_id() -> str:
    return _BOOT_ID.read_text()[:8] if _BOOT_ID.exists() else "one"


class SendLog:
    """The connection of a worker's send log; it is the driver's own, because it is used once for each message."""

    def __init__(self, engine: Engine, worker: str) -> None:
        self._worker = worker
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._connection = engine.raw_connection()
        driver: Any = self._connection.driver_connection
        # The pool must not lend it to others with these settings.
        self._connection.detach()
        if self._is_postgresql:
            driver.autocommit = True
        elif _BOOT_ID.exists():  # else a loss of power is not noticed
            driver.execute("PRAGMA synchronous=NORMAL")
        self._cursor = driver.cursor()
        self._refusal = engine.dialect.loaded_dbapi.Error
        placeholder = "%({})s::{}" if self._is_postgresql else ":{}"
        types = {"ended": "bigint", "begun": "bigint", "worker": "text", "now": "timestamp"}
        states = {
            "sent": MESSAGE.next(MessageState.sending, "deliver"),
            "sending": MessageState.sending,
            "uncertain": MessageState.uncertain,
        }
        # Of this transaction alone: behind a pooler the next one of this connection may be somebody else's.
        lazy = "AND set_config('synchronous_commit', 'off', true) = 'off'" if self._is_postgresql else ""
        self._sql = _LOG_STATEMENT.format(
            lazy=lazy,
            **{name: placeholder.format(name, kind) for name, kind in types.items()},
            **{name: f"'{state.value}'" for name, state in states.items()},
        )

    def advance(self, sent: int, next_: int) -> bool:
        """Write that `sent` (NO_MESSAGE: none) was sent and that `next_` begins.

        Returns false where `next_` is no longer this worker's. Raises DatabaseBusy and DatabaseFailed.
        """
        values = {"ended": sent, "begun": next_, "worker": self._worker, "now": self._now()}
        try:
            written = self._cursor.execute(self._sql, values).fetchall()
        except self._refusal as error:
            raise as_refusal(DBAPIError(self._sql, values, error)) from None
        return (next_,) in written

    def _now(self) -> Any:
        now = clock.now().astimezone(UTC).replace(tzinfo=None)
        return now if self._is_postgresql else now.isoformat(sep=" ", timespec="microseconds")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
