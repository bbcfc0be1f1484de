"""The database: base class, exact column types, transactions, row locks and bulk statements.

Everything here behaves alike on SQLite and PostgreSQL; the differences end in this file.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from flask import Flask, g, has_app_context
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import (
    ARRAY,
    BigInteger,
    DateTime,
    Integer,
    MetaData,
    Table,
    cast,
    event,
    func,
    insert,
    inspect,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.orm.exc import StaleDataError
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.selectable import Subquery
from sqlalchemy.types import TypeDecorator

from erp.errors import DatabaseBusy, DatabaseFailed, DatabaseUnreachable, ErpError, NotInitialized, StaleRecord

# Who works with the database finds its exact numbers here too.
from erp.numbers import LIMIT as LIMIT
from erp.numbers import PLACES as PLACES
from erp.numbers import SCALE as SCALE
from erp.numbers import format_quantity as format_quantity
from erp.numbers import from_raw as from_raw
from erp.numbers import to_raw as to_raw

T = TypeVar("T")

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = BigInteger().with_variant(Integer, "sqlite")


class Model(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class ErpSession(FlaskSession):
    """The session of one request, command or job batch."""


db = SQLAlchemy(model_class=Model, session_options={"class_": ErpSession})


class Scaled(TypeDecorator[Decimal]):
    """An exact number with four decimals: Decimal in Python, BIGINT × 10⁴ in every database.

    SQLite's NUMERIC is a float (10 × 0.1 ≠ 1); integers keep `sum`, `+`, `-` and comparisons exact on both.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        """Python to database."""
        return None if value is None else to_raw(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Database to Python."""
        return None if value is None else from_raw(value)

    class Comparator(TypeDecorator.Comparator[Decimal]):
        """Refuses multiplication and division in SQL, where the scale would be lost."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Apply `op`."""
            if op in (operators.mul, operators.truediv, operators.floordiv, operators.mod):
                raise TypeError("multiply and divide quantities in Python, not in SQL")
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator


class Quantity(Scaled):
    """A quantity in the product's unit."""

    cache_ok = True


class Money(Scaled):
    """An amount of money."""

    cache_ok = True


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, naive UTC in the database."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        """Python to database; an instant without a zone is a bug."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant needs its zone")
        return value.astimezone(UTC).replace(tzinfo=None)  # type: ignore[no-any-return]

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Database to Python."""
        return None if value is None else value.replace(tzinfo=UTC)


def raw_instant(instant: datetime) -> datetime:
    """Return an instant as bulk statements write it: naive UTC."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def raw(column: Any) -> ColumnElement[int]:
    """Select a quantity as the bare integer, for planning over many rows."""
    return type_coerce(column, BigInteger)


def total(column: Any) -> ColumnElement[Decimal]:
    """Return the SQL sum of a column, 0 where there is no row.

    PostgreSQL sums BIGINT to NUMERIC; the cast keeps raw sums integers on both databases.
    """
    summed = cast(func.coalesce(func.sum(type_coerce(column, BigInteger)), 0), BigInteger)
    return type_coerce(summed, column.type)


def _instant_text(value: datetime) -> str:
    return value.isoformat(sep=" ", timespec="microseconds")


# SQLite keeps days and instants as text, as SQLAlchemy writes them; bulk statements pass it by.
sqlite3.register_adapter(date, date.isoformat)
sqlite3.register_adapter(datetime, _instant_text)


def init_app(app: Flask) -> None:
    """Attach the database to the application and set SQLite up for many writers."""
    db.init_app(app)
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            event.listen(db.engine, "connect", _prepare_sqlite)
            event.listen(db.engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=15000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Any) -> None:
    # A writer that begins DEFERRED reads a snapshot that another writer may overtake; IMMEDIATE waits instead.
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


def lock_rows(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Lock rows of `model` in id order until the transaction ends, then forget what was read before.

    Call it once a transaction, before deciding anything (domain: concurrency). A second call may only name
    rows that are locked already: a later lock could deadlock with another transaction's order.
    """
    wanted = set(ids)
    held = _locks(session).get(model)
    if held is not None and wanted <= held:
        return
    if held:
        raise RuntimeError(f"{model.__name__} rows are locked once a transaction, at its door")
    if is_reading():
        raise RuntimeError("a reading transaction cannot lock")
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        key = model.__mapper__.primary_key[0]
        for chunk in chunks(sorted(wanted), 5000):
            session.execute(select(key).where(key.in_(chunk)).order_by(key).with_for_update())
    else:
        session.connection()  # BEGIN IMMEDIATE has made this the only writer
    session.expire_all()
    _locks(session)[model] = wanted


def require_lock(session: Session, model: type[Model], ids: Iterable[int]) -> None:
    """Assert that the caller holds the locks that it promised; inner services never take them."""
    missing = set(ids) - _locks(session).get(model, set())
    if missing:
        raise RuntimeError(f"{model.__name__} {sorted(missing)} must be locked at the door of the transaction")


def _locks(session: Session) -> dict[type[Model], set[int]]:
    locks: dict[type[Model], set[int]] = session.info.setdefault("erp_locks", {})
    return locks


@event.listens_for(ErpSession, "after_transaction_end")
def _forget_locks(session: Session, transaction: Any) -> None:
    if transaction.parent is None:
        session.info.pop("erp_locks", None)


LOST_RACES = {"40001", "40P01", "55P03"}


def is_lost_race(error: DBAPIError) -> bool:
    """Say whether another try may succeed: a deadlock, a serialization failure or a busy SQLite file."""
    state = getattr(error.orig, "sqlstate", None)
    return state in LOST_RACES or "database is locked" in str(error.orig)


def unusable_database(error: DBAPIError) -> Exception:
    """Return the refusal that says why the first question to the database failed, or `error` if it is neither."""
    if error.statement is None:
        return as_refusal(error)
    return error if inspect(db.engine).has_table("erp_revision") else NotInitialized()


def as_refusal(error: DBAPIError) -> ErpError:
    """Return what a person is told of a database that cannot be reached, is busy or fails."""
    reason = str(error.orig).strip().splitlines()[0]
    if is_lost_race(error):
        return DatabaseBusy(1)
    if error.statement is not None:
        return DatabaseFailed(reason)
    return DatabaseUnreachable(db.engine.url.render_as_string(hide_password=True), reason)


def commit(work: Callable[[Session], T], *, attempts: int = 5) -> T:
    """Run `work(session)` and commit it as one transaction; a lost race is tried again from the start.

    Raises DatabaseBusy after `attempts` lost races and StaleRecord where a record was saved by somebody else since
    it was read; whatever `work` raises undoes all of it.
    """
    session = db.session()
    for attempt in range(attempts):
        try:
            result = work(session)
            session.commit()
            return result
        except OperationalError as error:
            session.rollback()
            if not is_lost_race(error):
                raise
            time.sleep(0.05 * 2**attempt)
        except StaleDataError:
            session.rollback()
            raise StaleRecord from None
        except BaseException:
            session.rollback()
            raise
    raise DatabaseBusy(attempts)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut `items` into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def rows_table(session: Session, types: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> Subquery:
    """Return given rows as a table to join with, in one statement whatever their number; `types` names its columns."""
    if session.get_bind().dialect.name == "postgresql":
        columns = zip(*rows, strict=True) if rows else [()] * len(types)
        arrays = [literal(list(column), ARRAY(kind)) for column, kind in zip(columns, types.values(), strict=True)]
        return select(func.unnest(*arrays).table_valued(*types).render_derived()).subquery()
    each = func.json_each(json.dumps(rows)).table_valued("value")
    cells = (func.json_extract(each.c.value, f"$[{place}]") for place in range(len(types)))
    named = [type_coerce(cell, kind).label(name) for cell, (name, kind) in zip(cells, types.items(), strict=True)]
    return select(*named).select_from(each).subquery()


def bulk_insert(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of raw database values (quantities × 10⁴, naive UTC instants) in one statement.

    COPY on PostgreSQL, one prepared statement on SQLite. Ids are given by the database and not returned.
    """
    if not rows:
        return
    session.flush()
    names = ", ".join(columns)
    if session.get_bind().dialect.name == "postgresql":
        driver = session.connection().connection.driver_connection
        assert driver is not None
        with driver.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        marks = ", ".join("?" * len(columns))
        session.connection().exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", list(rows))


def new_ids(session: Session, table: Table, count: int) -> list[int]:
    """Return ids for rows that are about to be inserted with them, so that many can be written and named at once.

    SQLite has one writer, so the next ids are its own; PostgreSQL takes them from the table's sequence.
    """
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        sequence = func.pg_get_serial_sequence(table.name, "id")
        return list(session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))))
    last: int = session.scalars(select(func.coalesce(func.max(table.c.id), 0))).one()
    return list(range(last + 1, last + 1 + count))


def insert_rows(session: Session, model: type[Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert many rows of typed values and return their ids, in the order of the rows.

    Column defaults apply. SQLite promises no order of RETURNING, but it has one writer and counts up: what was
    inserted last bears the highest ids, one after the other.
    """
    if not rows:
        return []
    session.flush()
    key: Any = model.__mapper__.primary_key[0]
    if session.get_bind().dialect.name == "postgresql":
        return list(session.scalars(insert(model).returning(key, sort_by_parameter_order=True), rows))
    session.execute(insert(model), rows)
    last: int = session.scalars(select(func.max(key))).one()
    return list(range(last - len(rows) + 1, last + 1))


def bulk_update(
    session: Session,
    table: Table,
    sets: Mapping[str, str],
    types: Mapping[str, str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Change rows by id in one statement, whatever their number.

    `types` names the values that follow the id in each row, with their PostgreSQL types; `sets` gives each column's
    new value as SQL in which `{name}` stands for such a value. Value names must not be column names of the table.
    """
    if not rows:
        return
    session.flush()
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        values = {name: f"v.{name}" for name in types}
        arrays = ", ".join(f"%s::{kind}[]" for kind in ("bigint", *types.values()))
        source = f"FROM unnest({arrays}) AS v({', '.join(['row_id', *types])}) WHERE {table.name}.id = v.row_id"
        parameters: Any = tuple(list(column) for column in zip(*rows, strict=True))
    else:
        values = {name: f"?{place}" for place, name in enumerate(types, start=2)}
        source = "WHERE id = ?1"
        parameters = list(rows)
    assignments = ", ".join(f"{column} = {sql.format(**values)}" for column, sql in sets.items())
    connection.exec_driver_sql(f"UPDATE {table.name} SET {assignments} {source}", parameters)


def bulk_add(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[int, ...]]) -> None:
    """Add to counters: each row is an id and one raw amount a column."""
    sets = {name: f"{table.name}.{name} + {{more_{name}}}" for name in columns}
    bulk_update(session, table, sets, {f"more_{name}": "bigint" for name in columns}, rows)
