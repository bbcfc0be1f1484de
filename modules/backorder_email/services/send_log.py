"""A worker's marks: between two messages, one statement writes that the last was sent and that the next begins.

They go over a connection of their own, each committed at once. On PostgreSQL the worker does not wait until the disk
has them: a worker that is killed loses none, for the server has them. A server that loses its power may lose those of
the last moments. That is why a worker's name ends with the life of the database that it works on: `recover` puts in
doubt whatever was claimed in an earlier life.
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
from erp.db import as_refusal
from modules.backorder_email.states import MESSAGE, MessageState

NOBODY = 0
_BOOT = Path("/proc/sys/kernel/random/boot_id")

# A slow worker may learn that a message in doubt was taken; its attempt is counted already.
_LOG_STATEMENT = """
UPDATE backorder_email_message SET
  state = CASE WHEN id = {ended} THEN {sent} ELSE state END,
  sent_at = CASE WHEN id = {ended} THEN {now} ELSE sent_at END,
  attempts = CASE WHEN id = {ended} AND state = {sending} THEN attempts + 1 ELSE attempts END,
  last_error = CASE WHEN id = {ended} THEN '' ELSE last_error END,
  begun_at = CASE WHEN id = {begun} THEN {now} ELSE begun_at END,
  next_attempt_at = NULL
WHERE taken_by = {worker}
  AND (id = {begun} AND state = {sending} OR id = {ended} AND (state = {sending} OR state = {uncertain}))
RETURNING id
"""


def life_of_database(session: Session) -> str:
    """Return what differs after the database, or the machine of its file, has started anew."""
    if session.get_bind().dialect.name == "postgresql":
        started = session.scalar(text("SELECT extract(epoch FROM pg_postmaster_start_time())::bigint"))
        return f"{started:x}"
    return _boot()


@cache
def _boot() -> str:
    return _BOOT.read_text()[:8] if _BOOT.exists() else "one"


class SendLog:
    """The connection that a worker's marks go over: the driver's own, for this is done once for each message."""

    def __init__(self, engine: Engine, worker: str) -> None:
        self._worker = worker
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._lent = engine.raw_connection()
        driver: Any = self._lent.driver_connection
        # It is closed when the worker is done, and not lent to anybody with these settings.
        self._lent.detach()
        if self._is_postgresql:
            driver.autocommit = True
            driver.execute("SET synchronous_commit TO off")
        self._cursor = driver.cursor()
        self._refusal = engine.dialect.loaded_dbapi.Error
        mark = "%({})s::{}" if self._is_postgresql else ":{}"
        types = {"ended": "bigint", "begun": "bigint", "worker": "text", "now": "timestamp"}
        states = {
            "sent": MESSAGE.next(MessageState.sending, "deliver"),
            "sending": MessageState.sending,
            "uncertain": MessageState.uncertain,
        }
        self._sql = _LOG_STATEMENT.format(
            **{name: mark.format(name, kind) for name, kind in types.items()},
            **{name: f"'{state.value}'" for name, state in states.items()},
        )

    def turn(self, sent: int, next_: int) -> bool:
        """Write that `sent` (NOBODY: none) was taken and that `next_` begins; false when that was taken back.

        Raises DatabaseBusy and DatabaseFailed.
        """
        values = {"ended": sent, "begun": next_, "worker": self._worker, "now": self._now()}
        try:
            marked = self._cursor.execute(self._sql, values).fetchall()
        except self._refusal as error:
            raise as_refusal(DBAPIError(self._sql, values, error)) from None
        return (next_,) in marked

    def _now(self) -> Any:
        now = clock.now().astimezone(UTC).replace(tzinfo=None)
        return now if self._is_postgresql else now.isoformat(sep=" ", timespec="microseconds")

    def close(self) -> None:
        """Let the connection go."""
        self._lent.close()
