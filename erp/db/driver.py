"""Statements of the hot path, sent to the driver as they are.

What SQLAlchemy does for each statement, to describe its result, takes longer than the driver for a few rows. Events,
errors and lost connections are those of SQLAlchemy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from erp.db.connections import prepared

_CURSORS = "erp_cursors"
_MOST_CURSORS = 100
_MANY_ROWS = 100
_NAMED = re.compile(r"(?<!:):([a-z_]+)")
_PLACE = re.compile(r"%(?:s|%|\(([^)]+)\)s)")
# After these an answer may still be under way: the connection is given up.
_EXITS = (KeyboardInterrupt, GeneratorExit, SystemExit)


def run(
    connection: Connection, sql: str, parameters: Any, *, gives_rows: bool = True, for_each: bool = False
) -> list[tuple[Any, ...]]:
    """Carry a statement out and return its rows, if it `gives_rows`; PostgreSQL keeps its plan as by `prepared`.

    `parameters` are by name where the statement names them. Lists are cast to their type by the statement. On SQLite
    one that is carried out `for_each` of many parameters gives no rows.
    """
    statement, cursor = sql, _cursor(connection, sql)
    has_events = connection._has_events or connection.engine._has_events
    try:
        if has_events:
            for hear in connection.dispatch.before_cursor_execute:
                sql, parameters = hear(connection, cursor, sql, parameters, None, for_each)
        if connection.dialect.name == "postgresql":
            text, values = _numbered(sql, parameters)
            with prepared(connection, values):
                cursor.execute(text, values)
        elif for_each:
            cursor.executemany(sql, parameters)
        else:
            cursor.execute(sql, parameters)
        rows = cursor.fetchall() if gives_rows and not for_each else []
        if has_events:
            connection.dispatch.after_cursor_execute(connection, cursor, sql, parameters, None, for_each)
    except (connection.dialect.loaded_dbapi.Error, *_EXITS) as error:
        connection._handle_dbapi_exception(error, sql, parameters, cursor, None)
    if len(rows) > _MANY_ROWS:  # the cursor holds them as the server sent them
        connection.info[_CURSORS].pop(statement).close()
    return rows


def _numbered(sql: str, parameters: Any) -> tuple[str, Sequence[Any]]:
    """Return a statement with the numbered places that PostgreSQL wants, and its values in their order."""
    text, names = _places(sql)
    return text, [parameters[name] for name in names] if isinstance(parameters, dict) else parameters


@lru_cache(maxsize=1000)
def _places(sql: str) -> tuple[str, tuple[str, ...]]:
    """Return a statement with numbered places, and the names of its parameters in their order, if it has names."""
    names: dict[str | int, int] = {}

    def number(place: re.Match[str]) -> str:
        if place[0] == "%%":
            return "%"
        return f"${names.setdefault(place[1] or len(names), len(names) + 1)}"

    text = _PLACE.sub(number, sql)
    return text, tuple(name for name in names if isinstance(name, str))


@lru_cache(maxsize=1000)
def in_order(sql: str, names: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """Return a statement of SQLite with a place for each value that it names, and which of the values comes there.

    To find values by name takes SQLite longer than to change a row.
    """
    places = tuple(names.index(found[1]) for found in _NAMED.finditer(sql))
    return _NAMED.sub("?", sql), places


def _cursor(connection: Connection, sql: str) -> Any:
    """Return the cursor that a connection keeps for a statement: it remembers how values are sent and read."""
    cursors = connection.info.setdefault(_CURSORS, {})
    if sql not in cursors:
        if len(cursors) >= _MOST_CURSORS:
            cursors.pop(next(iter(cursors))).close()
        driver: Any = connection.connection.driver_connection
        if connection.dialect.name == "postgresql":
            from erp.db.sent_lists import NumberedCursor  # SQLite needs no driver of PostgreSQL

            cursors[sql] = NumberedCursor(driver)
        else:
            cursors[sql] = driver.cursor()
    return cursors[sql]
