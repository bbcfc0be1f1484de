"""A worker's marks: between two messages, one statement writes that the last was sent and that the next begins.

They go over a connection of their own, each committed at once. On PostgreSQL the worker does not wait until the disk
has them: a worker that is killed loses none, for the server has them. A server that loses its power may lose those of
the last moments. That is why a worker's name ends with the life of the database that it works on: `recover` puts in
doubt whatever was claimed in an earlier life.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, and_, bindparam, case, or_, text, update
from sqlalchemy.orm import Session

from erp import clock
from modules.backorder_email.models import Message
from modules.backorder_email.states import MESSAGE, MessageState

_TABLE = Message.__table__
_SENDING = MessageState.sending
_SENT = MESSAGE.next(_SENDING, "deliver")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
NOBODY = 0

_is_ended = _TABLE.c.id == bindparam("ended")
_is_begun = _TABLE.c.id == bindparam("begun")
_MARK = (
    update(_TABLE)  # type: ignore[arg-type]
    .where(
        _TABLE.c.claimed_by == bindparam("worker"),
        or_(
            and_(_is_begun, _TABLE.c.state == _SENDING),
            and_(_is_ended, or_(_TABLE.c.state == _SENDING, _TABLE.c.state == MessageState.uncertain)),
        ),
    )
    .values(
        state=case((_is_ended, _SENT), else_=_TABLE.c.state),
        sent_at=case((_is_ended, bindparam("now", type_=_TABLE.c.sent_at.type)), else_=_TABLE.c.sent_at),
        attempts=case((and_(_is_ended, _TABLE.c.state == _SENDING), _TABLE.c.attempts + 1), else_=_TABLE.c.attempts),
        last_error=case((_is_ended, ""), else_=_TABLE.c.last_error),
        next_attempt_at=None,
        begun_at=case((_is_begun, bindparam("now", type_=_TABLE.c.begun_at.type)), else_=_TABLE.c.begun_at),
    )
    .returning(_TABLE.c.id)
)


def life_of_database(session: Session) -> str:
    """Return what differs after the database, or the machine of its file, has started anew."""
    if session.get_bind().dialect.name == "postgresql":
        started = session.scalar(text("SELECT extract(epoch FROM pg_postmaster_start_time())::bigint"))
        return f"{started:x}"
    return _boot()


@cache
def _boot() -> str:
    return _BOOT.read_text()[:8] if _BOOT.exists() else "one"


class Marks:
    """The connection that a worker's marks go over."""

    def __init__(self, engine: Engine, worker: str) -> None:
        self._worker = worker
        self._connection = self._open(engine)

    def _open(self, engine: Engine) -> Connection:
        connection = engine.connect()
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.execute(text("SET synchronous_commit TO off"))
            connection.commit()
        # It is closed when the worker is done, and not lent to anybody with these settings.
        connection.detach()
        return connection

    def turn(self, sent: int, next_: int) -> bool:
        """Write that `sent` (NOBODY: none) was taken and that `next_` begins; false when that was taken back."""
        values = {"ended": sent, "begun": next_, "worker": self._worker, "now": clock.now()}
        with self._connection.begin():
            marked = self._connection.execute(_MARK, values).scalars().all()
        return next_ in marked

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()
