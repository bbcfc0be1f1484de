"""Statements for sets of rows, the same number whatever the number of rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    String,
    Table,
    Text,
    cast,
    func,
    insert,
    literal,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

from erp.db.identity import key_of, with_keys
from erp.db.session import Model
from erp.identity import ByKey, identity_key

T = TypeVar("T")

_FEW = 100
M = TypeVar("M", bound=Model)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Cut `items` into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def read_rows(session: Session, statement: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a select of ids and raw quantities, for planning over many of them.

    They come as the driver gives them: converting each row would cost more than the planning.
    """
    session.flush()
    cursor = session.connection().execute(statement).cursor
    assert cursor is not None
    rows = list(cursor.fetchall())
    cursor.close()
    return rows


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


def is_one_of(session: Session, column: Any, values: Iterable[Any]) -> ColumnElement[bool]:
    """Return the condition that an id or a text is one of many: one parameter, whatever their number."""
    kind = Text() if isinstance(column.type, String) else BigInteger()
    if session.get_bind().dialect.name == "postgresql":
        return column == func.any(literal(list(values), ARRAY(kind)))  # type: ignore[no-any-return]
    each = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(type_coerce(each.c.value, kind)))  # type: ignore[no-any-return]


def is_named(session: Session, column: Any, names: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that an identifier is one of many, however they are written."""
    return is_one_of(session, key_of(column), set(map(identity_key, names)))


def rows_named(session: Session, model: type[M], name: str, names: Iterable[str]) -> ByKey[str, M]:
    """Return the rows whose identifier, the column `name`, is one of these, by it; one that no row has is left out."""
    rows = session.scalars(select(model).where(is_named(session, getattr(model, name), names)))
    return ByKey((getattr(row, name), row) for row in rows)


def bulk_insert(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows of raw database values (quantities × 10⁴, naive UTC instants) in one statement.

    On PostgreSQL arrays for a few rows, which take one round trip, and COPY for many; one prepared statement on SQLite.
    Ids are given by the database and not returned. The keys of identifiers are added.
    """
    if not rows:
        return
    session.flush()
    columns, rows = with_keys(table, columns, rows)
    names = ", ".join(columns)
    if session.get_bind().dialect.name == "postgresql":
        if len(rows) <= _FEW:
            _insert_arrays(session, table, columns, rows)
            return
        driver = session.connection().connection.driver_connection
        assert driver is not None
        with driver.cursor().copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
    else:
        placeholders = ", ".join("?" * len(columns))
        session.connection().exec_driver_sql(f"INSERT INTO {table.name} ({names}) VALUES ({placeholders})", list(rows))


def _insert_arrays(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    dialect = session.get_bind().dialect
    arrays = ", ".join(f"%s::{table.c[name].type.compile(dialect)}[]" for name in columns)
    statement = f"INSERT INTO {table.name} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"
    session.connection().exec_driver_sql(statement, tuple(list(column) for column in zip(*rows, strict=True)))


def new_ids(session: Session, table: Table, count: int) -> list[int]:
    """Return ids for rows that are about to be inserted, so that other rows can refer to them at once.

    SQLite has one writer, so nothing else takes the next ids; PostgreSQL takes them from the table's sequence.
    """
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        # A subquery, so that the sequence is looked up once and not for each id.
        sequence = select(cast(func.pg_get_serial_sequence(table.name, "id"), REGCLASS)).scalar_subquery()
        return list(session.scalars(select(func.nextval(sequence)).select_from(func.generate_series(1, count))))
    last: int = session.scalars(select(func.coalesce(func.max(table.c.id), 0))).one()
    if table.dialect_options["sqlite"]["autoincrement"]:
        # Such a table never uses the id of a deleted row again.
        ever = session.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = :name"), {"name": table.name})
        last = max(last, ever or 0)
    return list(range(last + 1, last + 1 + count))


def insert_rows(session: Session, model: type[Model], rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Insert many rows of typed values and return their ids, in the order of the rows.

    Column defaults apply. SQLite promises no order of RETURNING, but it has one writer and counts up: the last
    rows have the highest ids, one after the other.
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
        # By name: some versions of Python warn of numbered places.
        names = ("row_id", *types)
        values = {name: f":{name}" for name in types}
        source = "WHERE id = :row_id"
        parameters = [dict(zip(names, row, strict=True)) for row in rows]
    assignments = ", ".join(f"{column} = {sql.format(**values)}" for column, sql in sets.items())
    connection.exec_driver_sql(f"UPDATE {table.name} SET {assignments} {source}", parameters)


def bulk_add(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[int, ...]]) -> None:
    """Add to counters: each row is an id and one raw amount a column."""
    sets = {name: f"{table.name}.{name} + {{more_{name}}}" for name in columns}
    bulk_update(session, table, sets, {f"more_{name}": "bigint" for name in columns}, rows)


def insert_missing(
    session: Session, model: type[Model], rows: Sequence[Mapping[str, Any]], *, returning: Any = None
) -> list[Any]:
    """Insert the rows that break no unique constraint and leave out the others.

    Two transactions that insert the same row at once both go on: the second finds the first one's. Returns the values
    of column `returning` of the rows that were inserted; an empty list without it.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(model).on_conflict_do_nothing()
    inserted: list[Any] = []
    for part in chunks(rows, 5000):
        if returning is None:
            session.execute(statement, list(part))
        else:
            inserted += session.scalars(statement.returning(returning), list(part))
    return inserted
