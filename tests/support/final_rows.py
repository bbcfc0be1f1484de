"""Rows that the database keeps as they are, changed nevertheless: a test empties its tables, or breaks an invariant."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import delete, text
from sqlalchemy.orm import Session

from erp.db import Model
from erp.search import forget_tables

SQLITE_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"


@contextmanager
def no_row_is_final(session: Session) -> Iterator[None]:
    """Switch the triggers off that refuse to change and delete rows, within one transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL session_replication_role = replica"))
        yield
        session.execute(text("SET LOCAL session_replication_role = DEFAULT"))
        return
    triggers = session.execute(text(SQLITE_TRIGGERS)).all()
    for name, _ in triggers:
        session.execute(text(f"DROP TRIGGER {name}"))
    yield
    for _, statement in triggers:
        session.execute(text(statement))


def empty_tables(session: Session, prefixes: tuple[str, ...]) -> None:
    """Empty the tables whose names begin so, with the words by which the search finds their rows, and commit."""
    session.rollback()
    tables = [table for table in reversed(Model.metadata.sorted_tables) if table.name.startswith(prefixes)]
    with no_row_is_final(session):
        for table in tables:
            session.execute(delete(table))
        forget_tables(session, [table.name for table in tables])
    session.commit()
