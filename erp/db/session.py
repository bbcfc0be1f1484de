"""The base class of every table, the session and what it carries, and SQLite set up for many writers."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from flask import Flask, g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import BigInteger, Integer, MetaData, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Session

T = TypeVar("T")

log = logging.getLogger(__name__)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# A cache of 8 MB: a run touches rows all over the book, and with the usual 2 MB it would read each page many times.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "busy_timeout=15000",
    "cache_size=-8000",
    "temp_store=MEMORY",
)

# A connection that the server or a proxy has closed is replaced before it is used. Password hashes are among the
# parameters that an error would show.
ENGINE_OPTIONS = {"hide_parameters": True, "pool_pre_ping": True}
# A pooler may give each transaction another connection of the server, which does not know what was prepared.
POSTGRES_OPTIONS = {"prepare_threshold": None}

BigId = BigInteger().with_variant(Integer, "sqlite")


class Model(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class ErpSession(FlaskSession):
    """The session of one request, command or job batch."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **more: Any) -> Any:
        """Return the engine that this work reads from: the replica where it was chosen, else the primary."""
        chosen = g.get("erp_engine") if has_app_context() else None
        return super().get_bind(mapper, clause, chosen if bind is None else bind, **more)


def carried(session: Session, kind: type[T]) -> T:
    """Return the one `kind` that the session carries along, made without arguments when it is first asked for.

    Let `kind` be a dataclass of your own whose fields have defaults: nobody else has it, and its fields are typed.
    """
    if kind not in session.info:
        session.info[kind] = kind()
    value: T = session.info[kind]
    return value


class Database(SQLAlchemy):
    """The database of the application."""

    def _teardown_session(self, exc: BaseException | None) -> None:
        """End the session of a request, whose answer stands: what it changed is committed before it is answered.

        A connection that has died since is dropped by the pool, and the next request gets another.
        """
        try:
            super()._teardown_session(exc)
        except DBAPIError as error:
            log.warning("a connection ended with its request: %s", error.orig)
            self.session.registry.clear()


db = Database(model_class=Model, session_options={"class_": ErpSession})


def init_app(app: Flask) -> None:
    """Attach the database to the application and set SQLite up for many writers."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "do_connect", _make_private)
            event.listen(db.engine, "connect", _prepare_sqlite)
            event.listen(db.engine, "begin", _begin_sqlite)
        else:
            event.listen(db.engine, "do_connect", _prepare_nothing)


def _make_private(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
    """Let a new SQLite file be its owner's alone; the files beside it follow."""
    path = str(arguments[0])
    if path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # SQLite says what is wrong with the path
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _prepare_nothing(_dialect: Any, _record: Any, _arguments: list[Any], options: dict[str, Any]) -> None:
    options.update(POSTGRES_OPTIONS)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A writer that begins DEFERRED reads a snapshot that another writer may outdate; IMMEDIATE waits instead.
    connection.exec_driver_sql("BEGIN DEFERRED" if is_reading() else "BEGIN IMMEDIATE")


def is_reading() -> bool:
    """Say whether the current work only reads."""
    return bool(has_app_context() and g.get("erp_reading"))


@contextmanager
def reading() -> Iterator[None]:
    """Mark the work inside as read-only, so that on SQLite it waits for no writer."""
    before = g.get("erp_reading", False)
    g.erp_reading = True
    try:
        yield
    finally:
        g.erp_reading = before
