"""Reads that are built and compiled once, and sent with other values each time.

To build and to look up a large select costs more than to carry it out for a few rows.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Connection,
    Date,
    Select,
    String,
    Subquery,
    Text,
    bindparam,
    cast,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session
from sqlalchemy.sql.visitors import replacement_traverse
from sqlalchemy.types import NullType, TypeEngine

from erp import clock
from erp.db.driver import run
from erp.db.session import connection_of, is_postgresql
from erp.db.types import UtcDateTime

Rows = Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]
Build = Callable[..., Rows]


def given(name: str, kind: TypeEngine[Any] | None = None) -> ColumnElement[Any]:
    """Return the place of a value, a day unless a type is given, in a select that is built once."""
    return bindparam(name, type_=kind or Date())


def instant_now() -> ColumnElement[datetime]:
    """Return this instant in SQL; the clock is read each time that the statement is carried out."""
    return bindparam("now", callable_=lambda: clock.now(), type_=UtcDateTime(), unique=True)


def is_among(session: Session, column: Any, name: str, *, hides_number: bool = False) -> ColumnElement[bool]:
    """Return the condition that an id or a text is among those given under a name, in a select that is built once.

    Where it `hides_number`, PostgreSQL plans for few ids whatever their number, and so keeps the plan: otherwise it may
    find it cheaper to plan again each time for the number that comes.
    """
    if is_postgresql(session):
        kind = ARRAY(Text() if isinstance(column.type, String) else BigInteger())
        ids: Any = bindparam(name, type_=kind)
        if hides_number:
            ids = cast(select(ids).scalar_subquery(), kind)
        return column == func.any(ids)  # type: ignore[no-any-return]
    each = func.json_each(bindparam(name)).table_valued("value")
    return column.in_(select(each.c.value))  # type: ignore[no-any-return]


def is_found(session: Session, column: Any, ids: Rows) -> ColumnElement[bool]:
    """Return the condition that an id is one of those that a select finds.

    PostgreSQL finds these first and looks only their rows up, whatever it believes that other conditions cost.
    """
    if is_postgresql(session):
        return column == func.any(func.array(ids.scalar_subquery()))  # type: ignore[no-any-return]
    return column.in_(ids)  # type: ignore[no-any-return]


def given_table(session: Session, types: Mapping[str, TypeEngine[Any]], name: str) -> Subquery:
    """Return rows that are given under a name as a table to join with, in a select that is built once.

    `types` names its columns; `table_values` returns the values.
    """
    if is_postgresql(session):
        arrays = [bindparam(f"{name}_{column}", type_=ARRAY(kind)) for column, kind in types.items()]
        return select(func.unnest(*arrays).table_valued(*types).render_derived()).subquery()
    each = func.json_each(bindparam(name)).table_valued("value")
    cells = (func.json_extract(each.c.value, f"$[{place}]") for place in range(len(types)))
    named = [type_coerce(cell, kind).label(column) for cell, (column, kind) in zip(cells, types.items(), strict=True)]
    return select(*named).select_from(each).subquery()


def table_values(session: Session, names: Sequence[str], rows: Sequence[tuple[Any, ...]], name: str) -> dict[str, Any]:
    """Return rows as the values that `given_table` names."""
    if is_postgresql(session):
        return {f"{name}_{column}": [row[place] for row in rows] for place, column in enumerate(names)}
    return {name: rows}


class _Statement:
    """A compiled select: its text, in which the values stand that are always the same, and how rows are read.

    PostgreSQL finds partial indexes by such values.
    """

    def __init__(self, rows: Rows, dialect: Dialect) -> None:
        written_out: Any = replacement_traverse(rows, {}, partial(_written_out, dialect))
        compiled: Any = written_out.compile(dialect=dialect)
        self.sql = str(compiled)
        self.names: list[str] | None = getattr(compiled, "positiontup", None)
        # Those of no known type.
        self.constants = {name: bind.value for name, bind in compiled.binds.items() if bind.value is not None}
        self.read_each_time: dict[str, Callable[[], Any]] = {
            name: partial(_called, bind.type, dialect, bind.callable)
            for name, bind in compiled.binds.items()
            if bind.callable is not None
        }
        columns = rows.selected_columns
        readers = (column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns)
        self.readers = [(place, read) for place, read in enumerate(readers) if read is not None]
        self.row: Any = namedtuple("Row", columns.keys(), rename=True)  # type: ignore[misc]

    def parameters(self, values: Mapping[str, Any]) -> Any:
        """Return these values as the driver wants them."""
        sent = {**self.constants, **{name: read() for name, read in self.read_each_time.items()}, **values}
        return tuple(sent[name] for name in self.names) if self.names is not None else sent

    def read(self, row: tuple[Any, ...]) -> Any:
        """Return a row of the driver with typed values, by name."""
        cells = list(row)
        for place, read in self.readers:
            cells[place] = read(cells[place])
        return self.row._make(cells)


def _written_out(dialect: Dialect, element: Any, **_more: Any) -> Any:
    """Return the text of a value that a select has from the start; None for all else, which stays as it is."""
    if not isinstance(element, BindParameter) or element.value is None or isinstance(element.type, NullType):
        return None
    text = element.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return literal_column(str(text), element.type)


def _to_driver(kind: TypeEngine[Any], dialect: Dialect, value: Any) -> Any:
    process = kind.dialect_impl(dialect).bind_processor(dialect)
    return value if process is None else process(value)


def _called(kind: TypeEngine[Any], dialect: Dialect, read: Callable[[], Any]) -> Any:
    return _to_driver(kind, dialect, read())


_statements: dict[tuple[Hashable, ...], _Statement] = {}


def read_prepared(session: Session, build: Build, *variant: Hashable, **values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of the select that `build(session, *variant)` makes, as the driver gives them.

    It is built once for each variant: what `build` reads besides, such as an option, must be part of it. `values` are
    those that the select names by `given` and `is_among`.
    """
    return _fetch(session, _statement(session, build, variant), values)


def read_unprepared(session: Session, build: Build, *variant: Any, **values: Any) -> list[tuple[Any, ...]]:
    """Return rows as `read_prepared` does of a select that may be another each time."""
    session.flush()
    rows = session.execute(build(session, *variant), _sent(connection_of(session), values))
    return [tuple(row) for row in rows]


def read_kept(
    session: Session, kept: dict[Hashable, Any], key: Hashable, build: Callable[[], Rows]
) -> list[tuple[Any, ...]]:
    """Return rows as `read_prepared` does of a select that is built once for a key while the caller keeps `kept`."""
    if key not in kept:
        kept[key] = _Statement(build(), session.get_bind().dialect)
    return _fetch(session, kept[key], {})


def typed_rows(session: Session, build: Build, *variant: Hashable, **values: Any) -> list[Any]:
    """Return the rows as `read_prepared` does, with quantities and days instead of what the driver gives."""
    statement = _statement(session, build, variant)
    return list(map(statement.read, _fetch(session, statement, values)))


def _sent(connection: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
    as_list = list if connection.dialect.name == "postgresql" else _as_json
    return {
        name: as_list(each) if isinstance(each, Collection) and not isinstance(each, str) else each
        for name, each in values.items()
    }


def _statement(session: Session, build: Build, variant: tuple[Hashable, ...]) -> _Statement:
    key = (is_postgresql(session), build, *variant)
    if key not in _statements:
        _statements[key] = _Statement(build(session, *variant), session.get_bind().dialect)
    return _statements[key]


def _fetch(session: Session, statement: _Statement, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    session.flush()
    connection = connection_of(session)
    sent = _sent(connection, values)
    return run(connection, statement.sql, statement.parameters(sent))


def _as_json(values: Collection[Any]) -> str:
    return json.dumps(list(values))
