"""Ids of rows that are about to be inserted, read together with something else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

from erp.db.bulk import sql_of_last_id, sql_of_next_ids
from erp.db.driver import run
from erp.db.session import connection_of, is_postgresql

T = TypeVar("T")


def new_ids_and(
    session: Session, counts: Mapping[Table, int], also: Callable[[], ColumnElement[T]]
) -> tuple[dict[Table, list[int]], T]:
    """Return ids as `new_ids_of` does, with the value that the expression `also()`, built once, has in the database."""
    session.flush()
    connection, tables = connection_of(session), tuple(counts)
    if is_postgresql(session):
        (found,) = run(connection, _next_ids(tables, also), [list(range(count)) for count in counts.values()])
        return {table: list(ids or ()) for table, ids in zip(tables, found, strict=False)}, found[-1]
    (found,) = run(connection, _last_ids(tables, also), ())
    ids = {table: list(range(end + 1, end + 1 + counts[table])) for table, end in zip(tables, found, strict=False)}
    return ids, found[-1]


@cache
def _next_ids(tables: tuple[Table, ...], also: Callable[[], ColumnElement[Any]]) -> str:
    return f"SELECT {', '.join(map(sql_of_next_ids, tables))}, {_text(also(), postgresql.dialect())}"  # type: ignore[no-untyped-call]


@cache
def _last_ids(tables: tuple[Table, ...], also: Callable[[], ColumnElement[Any]]) -> str:
    return f"SELECT {', '.join(map(sql_of_last_id, tables))}, {_text(also(), sqlite.dialect())}"


def _text(expression: ColumnElement[Any], dialect: Dialect) -> str:
    return str(expression.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
