"""Numbers of documents: in order, never twice, skipping what an import brought along.

A sequence is named after its document, `<module>.<noun>`, such as `sales.order`: uninstalling the module forgets it.
PostgreSQL counts with a sequence of its own, so that nobody waits for a number: one that is given to a transaction that
is undone is not given again, except to what is only `trying`. SQLite, which has one writer, counts in a row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Table, delete, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from erp.db import carried, connection_of, is_postgresql, key_of, new_ids, run, sql_of_last_id, sql_of_next_ids
from erp.identity import identity_key
from erp.models import Sequence


def next_number(session: Session, name: str, prefix: str, taken: Any) -> str:
    """Return the next free number of sequence `name`, such as SO00042; `taken` is the column of numbers in use.

    Take it last: a number that PostgreSQL gave is left out where the transaction is undone.
    """
    return next_numbers(session, name, prefix, taken, count=1)[0]


def next_numbers(session: Session, name: str, prefix: str, taken: Any, *, count: int) -> list[str]:
    """Return the next `count` free numbers, in order, as `next_number` does."""
    return _advance(session, name, prefix, taken, count)[0]


def next_documents(session: Session, name: str, prefix: str, taken: Any, *, count: int) -> list[tuple[int, str]]:
    """Return the ids and numbers of the next `count` documents, of the table of `taken`, in one statement for both.

    The numbers are those of `next_numbers`.
    """
    numbers, ids = _advance(session, name, prefix, taken, count, with_ids=True)
    return list(zip(ids, numbers, strict=True))


@dataclass
class _Trying:
    """Whether what a session does is going to be undone, and the last number of each sequence in it."""

    now: bool = False
    last: dict[str, int] = field(default_factory=dict)


@contextmanager
def trying(session: Session) -> Iterator[None]:
    """Give the numbers that come next without using them up: what is done inside, the caller undoes."""
    tried = carried(session, _Trying)
    tried.now, tried.last = True, {}
    try:
        yield
    finally:
        tried.now = False


def forget_sequences(session: Session, module: str) -> None:
    """Delete the sequences of a module's documents."""
    mine = Sequence.name.startswith(f"{module}.", autoescape=True)
    if is_postgresql(session):
        for name in session.scalars(select(Sequence.name).where(mine)):
            session.execute(text(f"DROP SEQUENCE IF EXISTS {_counter(name)}"))
    session.execute(delete(Sequence).where(mine))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """How many numbers, of which sequence, and the column of a table in which those in use begin with `start`."""

    name: str
    table: Table
    column: str
    start: str
    count: int
    with_ids: bool


def _advance(
    session: Session, name: str, prefix: str, taken: Any, count: int, *, with_ids: bool = False
) -> tuple[list[str], list[int]]:
    """Move a sequence on to the next free numbers; return them, and new ids if wanted."""
    key = key_of(taken)
    column = taken.expression if key is None else key
    start = prefix if key is None else identity_key(prefix)
    session.flush()
    of_postgresql = _peek if carried(session, _Trying).now else _draw
    find = of_postgresql if is_postgresql(session) else _count
    found, ids = find(session, _Wanted(name, column.table, column.name, start, count, with_ids))
    return [f"{prefix}{number:05d}" for number in found], ids


def _draw(session: Session, wanted: _Wanted) -> tuple[list[int], list[int]]:
    """Draw numbers from PostgreSQL's sequence."""
    statement, new = _drawing(wanted.table, wanted.column, with_ids=wanted.with_ids), [None] * wanted.count
    values = (wanted.count, wanted.start, _counter(wanted.name), *([new] if wanted.with_ids else []))
    ((found, ids),) = run(connection_of(session), statement, values)
    if found[0] is None:
        _make_counter(session, wanted.name)
        ((found, ids),) = run(connection_of(session), statement, values)
    return found, ids


def _counter(name: str) -> str:
    """Return the name of PostgreSQL's sequence, quoted."""
    return f'"erp_number_{name}"'


def _make_counter(session: Session, name: str) -> None:
    """Make PostgreSQL's sequence, which goes on where the row stands. Others who need it wait for the row."""
    row = insert(Sequence).values(name=name)
    row = row.on_conflict_do_update(index_elements=[Sequence.name], set_={"next_number": Sequence.next_number})
    following = session.scalar(row.returning(Sequence.next_number))
    session.execute(text(f"CREATE SEQUENCE IF NOT EXISTS {_counter(name)} START WITH {following}"))


def _digits(number: str) -> str:
    """Return PostgreSQL's text of a number, with five digits at least."""
    return f"lpad({number}::text, greatest(5, length({number}::text)), '0')"


@cache
def _drawing(table: Table, column: str, *, with_ids: bool) -> str:
    """Return the statement that draws numbers until enough of them are free: a null where there is no sequence yet."""
    ids = sql_of_next_ids(table) if with_ids else "NULL"
    # OFFSET 0 keeps PostgreSQL from drawing once for each use of the number.
    return (
        "WITH RECURSIVE drawn(n, is_free, wanted) AS ("
        " SELECT 0::bigint, 0, %s::bigint"
        " UNION ALL SELECT each.n, each.is_free, wanted - drawn.is_free FROM drawn, LATERAL ("
        f"SELECT n, (NOT EXISTS (SELECT 1 FROM {table.name} WHERE {column} = %s || {_digits('n')}))::int AS is_free"
        " FROM (SELECT nextval(to_regclass(%s)) AS n WHERE drawn.wanted > drawn.is_free OFFSET 0) AS next"
        ") AS each WHERE drawn.n IS NOT NULL)"
        f" SELECT array_agg(n ORDER BY n) FILTER (WHERE is_free = 1), CASE WHEN max(n) > 0 THEN {ids} END FROM drawn"
    )


def _peek(session: Session, wanted: _Wanted) -> tuple[list[int], list[int]]:
    """Find the numbers that PostgreSQL's sequence would give next, after those that were found while trying."""
    last = carried(session, _Trying).last
    name, values = wanted.name, (last.get(wanted.name, 0), wanted.count, wanted.start)
    rows = run(connection_of(session), _peeking(wanted.table, wanted.column), (_counter(name), name, *values))
    found = [number for (number,) in rows]
    last[name] = found[-1]
    return found, new_ids(session, wanted.table, wanted.count) if wanted.with_ids else []


@cache
def _peeking(table: Table, column: str) -> str:
    row = "(SELECT next_number - 1 FROM erp_sequence WHERE name = %s)"
    given = f"greatest(coalesce(pg_sequence_last_value(to_regclass(%s)), {row}, 0), %s::bigint)"
    used = f"EXISTS (SELECT 1 FROM {table.name} WHERE {column} = %s || {_digits('(n + 1)')})"
    return f"{_walk(given, '%s::bigint', 'n + 1', used)} SELECT n FROM drawn WHERE is_free = 1 ORDER BY n"


def _count(session: Session, wanted: _Wanted) -> tuple[list[int], list[int]]:
    """Count on in SQLite's row."""
    statement = _counting(wanted.table, wanted.column, with_ids=wanted.with_ids)
    walk = (wanted.count, wanted.start)
    ((found, last),) = run(connection_of(session), statement, (wanted.name, wanted.name, *walk, *walk))
    return sorted(json.loads(found)), [last + place for place in range(1, 1 + wanted.count)] if wanted.with_ids else []


@cache
def _counting(table: Table, column: str, *, with_ids: bool) -> str:
    """Return the statement that lets the row go on after the next free numbers, and looks back for them."""
    given = "coalesce((SELECT next_number FROM erp_sequence WHERE name = ?), 1) - 1"
    on, back = (
        _walk(
            start,
            "?",
            following,
            f"EXISTS (SELECT 1 FROM {table.name} WHERE {column} = ? || printf('%05d', {following}))",
        )
        for start, following in ((given, "n + 1"), ("next_number", "n - 1"))
    )
    return (
        f"INSERT INTO erp_sequence (name, next_number) SELECT ?, max(n) + 1 FROM ({on} SELECT n FROM drawn) WHERE true"
        " ON CONFLICT (name) DO UPDATE SET next_number = excluded.next_number"
        f" RETURNING ({back} SELECT json_group_array(n) FROM drawn WHERE is_free = 1),"
        f" {sql_of_last_id(table) if with_ids else '0'}"
    )


def _walk(given: str, count: str, following: str, used: str) -> str:
    """Return the CTE `drawn`, which goes from a number to those that follow until enough of them are free."""
    return (
        f"WITH RECURSIVE drawn(n, is_free, wanted) AS (SELECT {given}, 0, {count}"
        f" UNION ALL SELECT {following}, CASE WHEN {used} THEN 0 ELSE 1 END, wanted - is_free"
        " FROM drawn WHERE wanted > is_free)"
    )
