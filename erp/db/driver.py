"""Statements of the hot path, sent to the driver as they are.

What SQLAlchemy does for each statement, to describe its result, takes longer than the driver for a few rows. Events,
errors and lost connections are those of SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import DataError
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper
from sqlalchemy import Connection
from typing_extensions import override

from erp.db.connections import keeps_plan

_CURSOR = "erp_cursor"
_MANY = 1000
# After these an answer may still be under way: the connection is given up.
_EXITS = (KeyboardInterrupt, GeneratorExit, SystemExit)


class _ListDumper(Dumper):
    """Sends a list as text: the statement casts it, so that its elements need not be looked at for their types."""

    def __init__(self, cls: type, context: AdaptContext | None = None) -> None:
        super().__init__(cls, context)
        self._encoding = self.connection.info.encoding if self.connection else "utf-8"

    @override
    def dump(self, obj: list[Any]) -> Buffer:
        text = ",".join(map(_element, obj))
        if "\0" in text:
            raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
        return f"{{{text}}}".encode(self._encoding)


def _element(value: Any) -> str:
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return int.__repr__(value)
    if value is None:
        return "NULL"
    text = value if isinstance(value, str) else str(value)
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


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
    driver: Any = connection.connection.driver_connection
    keeps = keeps_plan(connection, parameters if values is None else values)
    has_events = connection._has_events or connection.engine._has_events
    try:
        if has_events:
            for hear in connection.dispatch.before_cursor_execute:
                sql, parameters = hear(connection, cursor, sql, parameters, None, False)
        if keeps:
            driver.prepare_threshold = 1
        try:
            cursor.execute(sql, parameters)
        finally:
            if keeps:
                driver.prepare_threshold = None
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
            info[_CURSOR].adapters.register_dumper(list, _ListDumper)
    return info[_CURSOR]
