"""Writes that wait, so that PostgreSQL gets those that follow one another in one statement.

A write of bulk.py waits until the session reads, flushes or commits. SQLite has no such statement and needs no round
trips: there every write is carried out at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp.db.carried import carried
from erp.db.driver import run


class NewId:
    """The id of a row whose insert may still wait: `value` is None until then, `sql` names it in the same statement."""

    __slots__ = ("sql", "value")

    def __init__(self, value: int | None = None) -> None:
        self.value = value
        self.sql = ""

    @property
    def id(self) -> int:
        """The id of a row that is written. Raises RuntimeError where it still waits."""
        if self.value is None:
            raise RuntimeError("the row still waits to be written")
        return self.value


class Write(NamedTuple):
    """A statement with positional parameters that changes one table; `makes` is the id that it returns."""

    table: Table
    is_insert: bool
    sql: str
    parameters: tuple[Any, ...]
    makes: NewId | None = None
    is_delete: bool = False


@dataclass
class _Waiting:
    """The writes of a session that were not sent yet, in order."""

    writes: list[Write] = field(default_factory=list)


def make_room(session: Session, table: Table, *, is_insert: bool = False, is_delete: bool = False) -> None:
    """Send what a write of a table must not share a statement with.

    That is one that changes the same rows, and one that deletes rows to which the others refer: PostgreSQL may check
    a row that refers before it takes the reference away.
    """
    if session.new or session.dirty or session.deleted:
        session.flush()
    for write in carried(session, _Waiting).writes:
        is_same = write.table is table and not (is_insert and write.is_insert)
        is_parent = write.is_delete and _refers(table, write.table)
        if is_same or is_parent or (is_delete and _refers(write.table, table)):
            send(session)
            return


def _refers(table: Table, other: Table) -> bool:
    return any(key.referred_table is other for key in table.foreign_key_constraints)


def wait(session: Session, write: Write) -> None:
    """Let a write wait for those that follow, after `make_room`."""
    writes = carried(session, _Waiting).writes
    if write.makes is not None:
        write.makes.sql = f"(SELECT id FROM written_{len(writes)})"
    writes.append(write)


def send(session: Session) -> None:
    """Carry out what waits, in one statement."""
    waiting = carried(session, _Waiting)
    if not waiting.writes:
        return
    writes, waiting.writes = waiting.writes, []
    made = [write.makes for write in writes if write.makes is not None]
    sql = writes[0].sql if len(writes) == 1 else _together(writes, made)
    values = tuple(value for each in writes for value in each.parameters)
    rows = run(session.connection(), sql, values, gives_rows=len(writes) > 1 or bool(made))
    if made:
        for new_id, value in zip(made, rows[0], strict=True):
            new_id.value = value


def _together(writes: Iterable[Write], made: Iterable[NewId]) -> str:
    parts = ", ".join(f"written_{place} AS ({write.sql})" for place, write in enumerate(writes))
    return f"WITH {parts} SELECT {', '.join(each.sql for each in made) or '1'}"


def forget(session: Session) -> None:
    """Drop what waits: it is undone."""
    carried(session, _Waiting).writes.clear()
