"""The base class of every table, the session and what it carries, and SQLite set up for many writers."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from flask import Flask, g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import BigInteger, Connection, Integer, MetaData, event
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, registry
from typing_extensions import override

from erp.db import connections, waiting
from erp.db.carried import carried

log = logging.getLogger(__name__)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# FULL: what was committed outlasts a loss of power, not only of the process.
# A cache of 8 MB: a run touches rows all over the book, and with the usual 2 MB it would read each page many times. For
# the same reason what is in the log goes into the file every 32 MB, not every 4: many pages are written once then.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=15000",
    "cache_size=-8000",
    "wal_autocheckpoint=8000",
    "temp_store=MEMORY",
)

# Password hashes are among the parameters that an error would show.
ENGINE_OPTIONS = {"hide_parameters": True}
# What is prepared is said where it is carried out: see `connections.prepared`.
POSTGRES_OPTIONS = {"prepare_threshold": None}

BigId = BigInteger().with_variant(Integer, "sqlite")


_REGISTRIES: dict[str, registry] = {}


class Model(DeclarativeBase):
    """Base of every table.

    The models of each module have names of their own: two modules may both have a class `Order`. A relationship that
    names a class finds the one that its file has or imports, else that of its module. Tables are named in one metadata.
    """

    metadata = MetaData(naming_convention=NAMING)

    def __init_subclass__(cls, **more: Any) -> None:
        # There is no public way to give the subclasses of one base different registries.
        cls._sa_registry = model_registries().setdefault(_home(cls.__module__), registry(metadata=Model.metadata))
        super().__init_subclass__(**more)
        mapper = cls.__dict__.get("__mapper__")
        for relation in mapper._props.values() if mapper is not None else ():
            name = getattr(relation, "argument", None)
            if isinstance(name, str) and name.isidentifier():
                relation.argument = _finding(cls, name)


def _finding(model: type[Model], name: str) -> Callable[[], type[Any]]:
    """Return a plain function, as Flask-Admin calls it too, that finds the class which a relationship names."""
    return lambda: _class_named(model, name)


def _class_named(model: type[Model], name: str) -> type[Any]:
    """Return the class that a relationship names: one that its file has, else one of its module, else of another."""
    here = vars(sys.modules[model.__module__]).get(name)
    if isinstance(here, type) and issubclass(here, Model):
        return here
    own = model_registries()[_home(model.__module__)]
    for models in (own, *model_registries().values()):
        for manager in list(models._managers):
            if manager.is_mapped and manager.class_.__name__ == name:
                return manager.class_
    raise InvalidRequestError(f"{model.__name__} names {name!r}, which is no model that is there")


def model_registries() -> dict[str, registry]:
    """Return the registry of the models of the core and of each module, by its Python package."""
    return _REGISTRIES


def _home(python_module: str) -> str:
    """Return the package whose models share their names with those of a Python module."""
    parts = python_module.split(".")
    if "models" in parts:
        return ".".join(parts[: parts.index("models")])
    return ".".join(parts[:2] if parts[0] == "modules" else parts[:1])


class ErpSession(FlaskSession):
    """The session of one request, command or job batch."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **more: Any) -> Any:
        """Return the engine that this work reads from: the replica where it was chosen, else the primary."""
        chosen = g.get("erp_engine") if has_app_context() else None
        return super().get_bind(mapper, clause, chosen if bind is None else bind, **more)

    @override
    def flush(self, objects: Any = None) -> None:
        """Send what waits, then what was changed on rows of the session."""
        waiting.send(self)
        super().flush(objects)

    @override
    def expire_all(self) -> None:
        """Forget what is loaded, as statements for sets ask for one after the other: what was forgotten is skipped."""
        for state in self.identity_map.all_states():
            loaded = state.dict
            if len(loaded) > 1 or not state.expired:  # an object holds its state in any case
                state._expire(loaded, self.identity_map._modified)


_DIALECT = "erp_dialect"


def is_postgresql(session: Session) -> bool:
    """Say whether a session works on PostgreSQL; otherwise on SQLite."""
    if _DIALECT not in session.info:
        session.info[_DIALECT] = session.get_bind().dialect.name
    return bool(session.info[_DIALECT] == "postgresql")


@dataclass
class _Used:
    """The connection of a session's transaction, and the engine that was chosen for it."""

    connection: Connection | None = None
    chosen: Any = None


def connection_of(session: Session) -> Connection:
    """Return the connection of a session's transaction, which begins with it; asking the session takes longer."""
    used, chosen = carried(session, _Used), g.get("erp_engine") if has_app_context() else None
    if used.connection is None or used.chosen is not chosen:
        used.connection, used.chosen = session.connection(), chosen
    return used.connection


@event.listens_for(ErpSession, "do_orm_execute")
def _send_before_reading(state: ORMExecuteState) -> None:
    waiting.send(state.session)
    if state.is_insert or state.is_update or state.is_delete:
        _refuse_to_write(state.session)


@event.listens_for(ErpSession, "before_flush")
def _refuse_to_flush(session: Session, _context: Any, _instances: Any) -> None:
    if session.new or session.dirty or session.deleted:
        _refuse_to_write(session)


@dataclass
class _OnlyReads:
    """Whether what a session does now may only read."""

    now: bool = False


@contextmanager
def refusing_writes(session: Session) -> Iterator[None]:
    """Raise RuntimeError where the code inside writes, or leaves something that would be written."""
    session.flush()
    only_reads = carried(session, _OnlyReads)
    before, only_reads.now = only_reads.now, True
    try:
        yield
        if session.new or session.dirty or session.deleted:
            _refuse_to_write(session)
    finally:
        only_reads.now = before


def _refuse_to_write(session: Session) -> None:
    if carried(session, _OnlyReads).now:
        raise RuntimeError("it writes, and it may only read")


@event.listens_for(ErpSession, "before_commit")
def _send_before_committing(session: ErpSession) -> None:
    waiting.send(session)


@event.listens_for(ErpSession, "after_transaction_end")
def _forget_transaction(session: ErpSession, transaction: Any) -> None:
    carried(session, _Used).connection = None
    if transaction.parent is None or transaction.nested:
        waiting.forget(session)


class Database(SQLAlchemy):
    """The sessions of an application, each put away at the end of its request, command or job."""

    def _teardown_session(self, exc: BaseException | None) -> None:
        """Put the session away; a server that is gone has undone what was open, and the answer is made already."""
        try:
            super()._teardown_session(exc)
        except DBAPIError as error:
            log.warning("a connection was lost when its work was done: %s", str(error.orig).strip())
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
            connections.watch(db.engine)


def _make_private(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:
    """Make a new SQLite file its owner's alone; the files beside it follow.

    A file that is there is not opened: closing it again would release every lock that this process has on it, as POSIX
    wants it. Another process that closes the database would then delete the journal into which this one still writes.
    """
    path = str(arguments[0])
    if path != ":memory:" and not path.startswith("file:"):
        with suppress(OSError):  # SQLite says what is wrong with the path
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))


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
