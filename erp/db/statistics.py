"""PostgreSQL's planner gets statistics of the tables that grew much, before anybody asks about their new rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, event
from sqlalchemy.orm import Session

from erp.db.carried import carried
from erp.db.session import ErpSession

# From so many new rows in one transaction on, and this part of the table. Fewer are left to autovacuum, which comes
# within a minute or so.
MANY, PART = 2_000, 0.1


@dataclass
class _Grown:
    """How many rows each table got in the transaction that is open."""

    rows: Counter[str] = field(default_factory=Counter)


def count_new_rows(session: Session, table: Table, count: int) -> None:
    """Note that a table of a PostgreSQL database gets rows in this transaction."""
    carried(session, _Grown).rows[table.name] += count


@event.listens_for(ErpSession, "before_commit")
def _analyze(session: ErpSession) -> None:
    if session.in_nested_transaction():
        return
    grown = {name: count for name, count in carried(session, _Grown).rows.items() if count >= MANY}
    if not grown:
        return
    connection = session.connection()
    known = "SELECT relname, reltuples FROM pg_class WHERE oid = ANY(%s::text[]::regclass[])"
    sizes: dict[str, float] = dict(connection.exec_driver_sql(known, (list(grown),)).all())
    # By name, so that two who end at once wait for each other and not in a ring.
    if names := sorted(name for name, count in grown.items() if count >= PART * sizes[name]):
        connection.exec_driver_sql(f"ANALYZE {', '.join(names)}")


@event.listens_for(ErpSession, "after_transaction_end")
def _forget(session: ErpSession, transaction: Any) -> None:
    if transaction.parent is None:
        carried(session, _Grown).rows.clear()
