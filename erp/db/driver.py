"""Statements of the hot path, sent to the driver as they are.

What SQLAlchemy does for each statement, to describe its result, takes longer than the driver for a few rows. Events,
errors and lost connections are those of SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from erp.db.connections import prepared

_CURSOR = "erp_cursor"
_MANY = 1000
# After these an answer may still be under way: the connection is given up.
_EXITS = (KeyboardInterrupt, GeneratorExit, SystemExit)


def run(
    connection: Connection,
    sql: str,
    parameters: Any,
    values: Iterable[Any] | None = None,
    *,
    gives_rows: bool = True,
) -> list[tuple[Any, ...]]:
    """Carry a statement out and return its rows, if it `gives_rows`; PostgreSQL keeps its plan as by `prepared`.

    `values` are those of the parameters where these have names. Lists are cast to their type by the statement.
    """
    cursor = _cursor(connection)
    sent = parameters if values is None else values
    has_events = connection._has_events or connection.engine._has_events
    try:
        if has_events:
            for hear in connection.dispatch.before_cursor_execute:
                sql, parameters = hear(connection, cursor, sql, parameters, None, False)
        with prepared(connection, sent):
            cursor.execute(sql, parameters)
        rows = cursor.fetchall() if gives_rows else []
        if has_events:
            connection.dispatch.after_cursor_execute(connection, cursor, sql, parameters, None, False)
    except (connection.dialect.loaded_dbapi.Error, *_EXITS) as error:
        connection._handle_dbapi_exception(error, sql, parameters, cursor, None)
    if len(rows) > _MANY:  # the cursor holds them as the server sent them
        connection.info.pop(_CURSOR).close()
    return rows


def _cursor(connection: Connection) -> Any:
    """Return the cursor that a connection keeps for `run`."""
    info = connection.info
    if _CURSOR not in info:
        driver: Any = connection.connection.driver_connection
        info[_CURSOR] = driver.cursor()
        if connection.dialect.name == "postgresql":
            from erp.db.sent_lists import ListDumper  # SQLite needs no driver of PostgreSQL

            info[_CURSOR].adapters.register_dumper(list, ListDumper)
    return info[_CURSOR]
