"""Connections to PostgreSQL: one that was cut is replaced before it is used, and short statements keep their plan."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import InvalidatePoolError

# Nothing tells a client of a network that loses what is sent.
_PING_AFTER_SECONDS = 10.0
# With a longer list another plan may be better than the one that is kept.
_SHORT = 50
_IS_DIRECT, _USED_AT = "erp_is_direct", "erp_used_at"


def watch(engine: Engine) -> None:
    """Look at each connection to PostgreSQL before it is used, and replace it where it was cut.

    A server that cuts a connection says so on it: nothing has to be asked. One that was idle for long is asked.
    """

    @event.listens_for(engine, "connect")
    def know(driver: Any, record: Any) -> None:
        # A pooler, which may give each transaction another connection of the server, has a number of its own.
        found = driver.execute("SELECT pg_backend_pid()").fetchone()
        driver.rollback()
        record.info[_IS_DIRECT] = found[0] == driver.info.backend_pid
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkin")
    def note(_driver: Any, record: Any) -> None:
        record.info[_USED_AT] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def check(driver: Any, record: Any, _proxy: Any) -> None:
        is_fresh = time.monotonic() - record.info[_USED_AT] < _PING_AFTER_SECONDS
        if not (is_fresh and _is_quiet(driver)) and not engine.dialect._do_ping_w_event(driver):
            raise InvalidatePoolError

    @event.listens_for(engine, "rollback")
    def undo(connection: Connection) -> None:
        # Where the driver undoes a transaction it lets the server forget all plans, and most pages end with that.
        driver: Any = None if connection.closed or connection.invalidated else connection.connection.driver_connection
        if driver is not None and driver.info.transaction_status.name == "INTRANS":
            driver.pgconn.exec_(b"ROLLBACK")


def _is_quiet(driver: Any) -> bool:
    """Say whether a connection is open and the server has said nothing on it since it was used."""
    if driver.closed:
        return False
    waiting = poll()
    waiting.register(driver.fileno(), POLLIN)
    return not waiting.poll(0)


def _keeps_plan(connection: Connection, values: Iterable[Any]) -> bool:
    """Say whether PostgreSQL may keep the plan of a statement that is sent with these values."""
    if not connection.info.get(_IS_DIRECT):
        return False
    return all(len(each) <= _SHORT for each in values if type(each) is list)


@contextmanager
def prepared(connection: Connection, values: Iterable[Any]) -> Iterator[None]:
    """Let PostgreSQL keep the plan of the statement that is carried out inside, except behind a pooler.

    `values` are those that are sent: with a long list among them, the statement is planned for it.
    """
    if not _keeps_plan(connection, values):
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.prepare_threshold = 1  # the first time it may be a statement that does not come again
    try:
        yield
    finally:
        driver.prepare_threshold = None
