"""The planner gets statistics of the tables, so that it knows which index leaves few rows of a large book.

PostgreSQL collects them itself within a minute or so, and is asked for them where a table grew much, before anybody
asks about its new rows. SQLite never does unless it is asked: then, and every day by a job.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, event
from sqlalchemy.orm import Session

from erp.db.carried import carried
from erp.db.session import ErpSession, is_postgresql

# From so many new rows in one transaction on.
MANY = 2_000
# And from so many times the rows that the table had. SQLite reads whole tables: it waits for its job more often.
PART_ON_POSTGRESQL, PART_ON_SQLITE = 0.1, 3

_KNOWN_TO_POSTGRESQL = "SELECT relname, reltuples FROM pg_class WHERE oid = ANY(%s::text[]::regclass[])"
_KNOWN_TO_SQLITE = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl"
_HAS_STATISTICS = "SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_stat1'"
# ANALYZE says nothing of a partial index without rows, and the planner takes it for a large one.
_NOTE_EMPTY_INDEXES = """
INSERT INTO sqlite_stat1 (tbl, idx, stat)
SELECT tbl_name, name, '1 1' FROM sqlite_master WHERE type = 'index'
AND tbl_name IN (SELECT tbl FROM sqlite_stat1) AND name NOT IN (SELECT idx FROM sqlite_stat1 WHERE idx IS NOT NULL)
"""


@dataclass
class _Grown:
    """How many rows each table got in the transaction that is open."""

    rows: Counter[str] = field(default_factory=Counter)


def count_new_rows(session: Session, table: Table, count: int) -> None:
    """Note that a table gets rows in this transaction."""
    carried(session, _Grown).rows[table.name] += count


def refresh_statistics(session: Session) -> None:
    """Let SQLite count its rows, to find them by the best index; PostgreSQL does so itself."""
    if not is_postgresql(session):
        _analyze_on_sqlite(session.connection())


@event.listens_for(ErpSession, "before_commit")
def _analyze(session: ErpSession) -> None:
    if session.in_nested_transaction():
        return
    grown = {name: count for name, count in carried(session, _Grown).rows.items() if count >= MANY}
    if not grown:
        return
    connection, on_postgresql = session.connection(), is_postgresql(session)
    known = _sizes_on_postgresql(connection, grown) if on_postgresql else _sizes_on_sqlite(connection)
    part = PART_ON_POSTGRESQL if on_postgresql else PART_ON_SQLITE
    # By name, so that two who end at once wait for each other and not in a ring.
    names = sorted(name for name, count in grown.items() if count >= part * known.get(name, 0))
    if names and on_postgresql:
        connection.exec_driver_sql(f"ANALYZE {', '.join(names)}")
    elif names:
        _analyze_on_sqlite(connection)


def _sizes_on_postgresql(connection: Connection, names: Iterable[str]) -> dict[str, float]:
    return dict(connection.exec_driver_sql(_KNOWN_TO_POSTGRESQL, (list(names),)).all())


def _sizes_on_sqlite(connection: Connection) -> dict[str, float]:
    if not connection.exec_driver_sql(_HAS_STATISTICS).scalar():
        return {}
    return dict(connection.exec_driver_sql(_KNOWN_TO_SQLITE).all())


def _analyze_on_sqlite(connection: Connection) -> None:
    # All tables: one of which it knows nothing is taken for a very large one.
    connection.exec_driver_sql("ANALYZE")
    connection.exec_driver_sql(_NOTE_EMPTY_INDEXES)
    connection.exec_driver_sql("ANALYZE sqlite_master")  # this connection reads what was noted
    # The others read statistics with the schema, when it has changed. A table cannot be dropped while rows are read.
    connection.exec_driver_sql("CREATE VIEW erp_statistics_changed AS SELECT 1")
    connection.exec_driver_sql("DROP VIEW erp_statistics_changed")


@event.listens_for(ErpSession, "after_transaction_end")
def _forget(session: ErpSession, transaction: Any) -> None:
    if transaction.parent is None:
        carried(session, _Grown).rows.clear()
