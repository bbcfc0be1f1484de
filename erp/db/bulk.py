"""Statements for sets of rows, the same number whatever the number of rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from operator import itemgetter
from typing import Any, TypeVar, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    String,
    Table,
    Text,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import Subquery

from erp.db.driver import in_order, run
from erp.db.identity import key_columns, key_of, with_keys
from erp.db.session import Model, connection_of, is_postgresql
from erp.db.statistics import count_new_rows
from erp.db.waiting import NewId, Write, make_room, wait
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
    cursor = connection_of(session).execute(statement).cursor
    assert cursor is not None
    rows = list(cursor.fetchall())
    cursor.close()
    return rows


def rows_table(session: Session, types: Mapping[str, Any], rows: Sequence[tuple[Any, ...]]) -> Subquery:
    """Return given rows as a table to join with, in one statement whatever their number; `types` names its columns."""
    if is_postgresql(session):
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
    if is_postgresql(session):
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


def bulk_insert(
    session: Session,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    shared: Mapping[str, Any] | None = None,
) -> None:
    """Insert rows of raw database values (quantities × 10⁴, naive UTC instants) in one statement.

    `shared` are the values of columns that are the same in all rows; one may be the id of a row that still waits. On
    PostgreSQL arrays for a few rows, which wait for other writes, and COPY for many; one prepared statement on SQLite.
    Ids are given by the database and not returned. The keys of identifiers are added.
    """
    if not rows:
        return
    columns, rows = with_keys(table, columns, rows)
    shared = shared or {}
    on_postgresql = is_postgresql(session)
    if on_postgresql and len(rows) <= _FEW:
        _insert_arrays(session, table, tuple(columns), rows, shared)
        return
    session.flush()
    names, same = (*columns, *shared), tuple(map(_known, shared.values()))
    full = [(*row, *same) for row in rows] if same else rows
    if on_postgresql:
        driver = connection_of(session).connection.driver_connection
        assert driver is not None
        with driver.cursor().copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
            for row in full:
                copy.write_row(row)
    else:
        run(connection_of(session), _insert_one(table, names), full, for_each=True)
    count_new_rows(session, table, len(full))


def _known(value: Any) -> Any:
    return value.value if isinstance(value, NewId) else value


def _insert_arrays(
    session: Session,
    table: Table,
    columns: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    shared: Mapping[str, Any],
) -> None:
    make_room(session, table, is_insert=True)
    cells = tuple(each.sql if isinstance(each, NewId) and each.value is None else "%s" for each in shared.values())
    statement = _insert_from_arrays(table, columns, tuple(shared), cells)
    same = [_known(each) for each, cell in zip(shared.values(), cells, strict=True) if cell == "%s"]
    wait(session, Write(table, True, statement, (*same, *map(list, zip(*rows, strict=True)))))


@cache
def _insert_from_arrays(table: Table, columns: tuple[str, ...], shared: tuple[str, ...], cells: tuple[str, ...]) -> str:
    same = [f"{cell}::{_type(table, name)}" for name, cell in zip(shared, cells, strict=True)]
    arrays = ", ".join(f"%s::{_type(table, name)}[]" for name in columns)
    values = ", ".join([*same, *(f"v.{name}" for name in columns)])
    source = f"unnest({arrays}) AS v({', '.join(columns)})"
    return f"INSERT INTO {table.name} ({', '.join((*shared, *columns))}) SELECT {values} FROM {source}"


@cache
def _insert_one(table: Table, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


def _type(table: Table, name: str) -> str:
    """Return PostgreSQL's name of a column's type. Texts have no length, with which a cast would cut them off."""
    kind = table.c[name].type
    return "text" if isinstance(kind, String) else str(kind.compile(postgresql.dialect()))  # type: ignore[no-untyped-call]


def insert_new(session: Session, table: Table, values: Mapping[str, Any]) -> NewId:
    """Insert one row of raw database values; return its id, which other writes may name before it is known."""
    columns, rows = with_keys(table, tuple(values), [tuple(values.values())])
    new_id = NewId()
    if is_postgresql(session):
        make_room(session, table, is_insert=True)
        wait(session, Write(table, True, _insert_returning(table, tuple(columns)), rows[0], new_id))
    else:
        session.flush()
        result = connection_of(session).exec_driver_sql(_insert_one(table, tuple(columns)), rows[0])
        new_id.value = result.lastrowid
    return new_id


@cache
def _insert_returning(table: Table, columns: tuple[str, ...]) -> str:
    values = ", ".join(f"%s::{_type(table, name)}" for name in columns)
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({values}) RETURNING id"


def bulk_delete(session: Session, table: Table, ids: Collection[int]) -> None:
    """Delete rows by id in one statement, whatever their number."""
    if not ids:
        return
    if is_postgresql(session):
        make_room(session, table, is_delete=True)
        drop = f"DELETE FROM {table.name} WHERE id = ANY(%s::bigint[])"
        wait(session, Write(table, False, drop, (list(ids),), is_delete=True))
        return
    session.flush()
    drop = f"DELETE FROM {table.name} WHERE id IN (SELECT value FROM json_each(?))"
    run(connection_of(session), drop, (json.dumps(list(ids)),), gives_rows=False)


def new_ids(session: Session, table: Table, count: int) -> list[int]:
    """Return ids for rows that are about to be inserted, so that other rows can refer to them at once."""
    return new_ids_of(session, {table: count})[table]


def new_ids_of(session: Session, counts: Mapping[Table, int]) -> dict[Table, list[int]]:
    """Return ids for rows of several tables as `new_ids` does, in one statement.

    SQLite has one writer, so nothing else takes the next ids; PostgreSQL takes them from the tables' sequences.
    """
    session.flush()
    connection = connection_of(session)
    if connection.dialect.name == "postgresql":
        (found,) = run(connection, _next_ids(tuple(counts)), [list(range(count)) for count in counts.values()])
        return {table: list(ids or ()) for table, ids in zip(counts, found, strict=True)}
    (last,) = run(connection, _last_ids(tuple(counts)), ())
    return {table: list(range(end + 1, end + 1 + counts[table])) for table, end in zip(counts, last, strict=True)}


@cache
def _next_ids(tables: tuple[Table, ...]) -> str:
    return f"SELECT {', '.join(map(sql_of_next_ids, tables))}"


def sql_of_next_ids(table: Table) -> str:
    """Return PostgreSQL's array of new ids of a table, as many as the array has that is given in their place."""
    # A subquery, so that the sequence is looked up once and not for each id.
    sequence = f"(SELECT pg_get_serial_sequence('{table.name}', 'id')::regclass)"
    return f"(SELECT array_agg(nextval({sequence})) FROM unnest(%s::bigint[]))"


@cache
def _last_ids(tables: tuple[Table, ...]) -> str:
    return f"SELECT {', '.join(map(sql_of_last_id, tables))}"


def sql_of_last_id(table: Table) -> str:
    """Return SQLite's last id of a table."""
    last = f"(SELECT coalesce(max(id), 0) FROM {table.name})"
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return last
    # Such a table never uses the id of a deleted row again.
    ever = f"(SELECT seq FROM sqlite_sequence WHERE name = '{table.name}')"
    return f"max({last}, coalesce({ever}, 0))"


def insert_rows(
    session: Session, model: type[Model], rows: Sequence[Mapping[str, Any]], *, ids: Sequence[int] = ()
) -> list[int]:
    """Insert many rows of typed values, all of the same columns, and return their ids, in the order of the rows.

    Column defaults apply. `ids` are free ids, one for each row, where the caller has taken them with others.
    """
    if not rows:
        return []
    table = cast(Table, model.__table__)
    names, dialect = tuple(rows[0]), session.get_bind().dialect
    known = {*names, *key_columns(table)}
    others = [each for each in table.columns if each.name not in known and each.default is not None]
    ids = list(ids) or new_ids(session, table, len(rows))
    columns = (_raw(table, name, [row[name] for row in rows], dialect) for name in names)
    same = {each.name: _raw(table, each.name, [_default(each)], dialect)[0] for each in others}
    bulk_insert(session, table, ("id", *names), list(zip(ids, *columns, strict=True)), shared=same)
    return ids


def _default(column: Column[Any]) -> Any:
    default: Any = column.default
    return default.arg(None) if default.is_callable else default.arg


def _raw(table: Table, name: str, values: list[Any], dialect: Dialect) -> list[Any]:
    """Return the values of a column as the driver wants them."""
    process = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
    return values if process is None else list(map(process, values))


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
    statement = partial(_update, table.name, tuple(sets.items()), tuple(types.items()))
    if is_postgresql(session):
        make_room(session, table)
        arrays = tuple(map(list, zip(*rows, strict=True)))
        wait(session, Write(table, False, statement(on_postgresql=True), arrays))
    else:
        session.flush()
        sql, places = in_order(statement(on_postgresql=False), ("row_id", *types))
        cells = rows if places == (0,) else list(map(itemgetter(*places), rows))
        run(connection_of(session), sql, cells, for_each=True)


@cache
def _update(
    table: str, sets: tuple[tuple[str, str], ...], types: tuple[tuple[str, str], ...], *, on_postgresql: bool
) -> str:
    names = [name for name, _ in types]
    if on_postgresql:
        values = {name: f"v.{name}" for name in names}
        arrays = ", ".join(f"%s::{kind}[]" for kind in ("bigint", *(kind for _, kind in types)))
        source = f"FROM unnest({arrays}) AS v({', '.join(['row_id', *names])}) WHERE {table}.id = v.row_id"
    else:
        values = {name: f":{name}" for name in names}
        source = "WHERE id = :row_id"
    assignments = ", ".join(f"{column} = {sql.format(**values)}" for column, sql in sets)
    return f"UPDATE {table} SET {assignments} {source}"


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
    dialect = postgresql if is_postgresql(session) else sqlite
    statement = dialect.insert(model).on_conflict_do_nothing()
    inserted: list[Any] = []
    for part in chunks(rows, 5000):
        if returning is None:
            session.execute(statement, list(part))
        else:
            inserted += session.scalars(statement.returning(returning), list(part))
    return inserted
