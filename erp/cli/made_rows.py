"""Rows for the tables of a module that is tried, made up from the types: its revisions meet tables with rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import product
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Date,
    DateTime,
    Enum,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from erp import clock
from erp.db import Scaled, UtcDateTime

ROWS = 2


class _NoRow(Exception):
    """A row cannot be made up, for this reason."""


def fill(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """Make rows in those of a module's tables that exist and are empty; return a sentence for each that stays empty.

    The tables may be those of an earlier revision: the columns that they have count. They come in an order in which
    those that others refer to are first.
    """
    existing = set(inspect(connection).get_table_names())
    sentences = []
    for table in tables:
        if table.name not in existing or count_rows(connection, table):
            continue
        if reason := _fill(connection, _as_it_is(connection, table)):
            sentences.append(f"Table {table.name}: no row could be made up for it ({reason}).")
    return sentences


def count_rows(connection: Connection, table: Table) -> int:
    """Return how many rows a table has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def _as_it_is(connection: Connection, table: Table) -> Table:
    """Return a table with the columns that it has in the database, of the types that the model gives them."""
    found = Table(table.name, MetaData(), autoload_with=connection, resolve_fks=False)
    columns = [
        _copied(table.columns[each.name], each) if each.name in table.columns else each._copy() for each in found.c
    ]
    return Table(table.name, MetaData(), *columns, info={"nullable": {each.name: each.nullable for each in found.c}})


def _copied(column: Column[Any], found: Column[Any]) -> Column[Any]:
    kind = column.type
    return Column(
        column.name, kind, primary_key=column.primary_key, default=column.default, nullable=bool(found.nullable),
        autoincrement=column.autoincrement,
    )  # fmt: skip


def _fill(connection: Connection, table: Table) -> str:
    """Make rows in a table; return why not, or ''. Each way of filling it is tried."""
    reason = ""
    for place in range(ROWS):
        for are_filled, number in product((False, True), (1, 0)):
            try:
                with connection.begin_nested():
                    connection.execute(insert(table).values(_values(connection, table, place, number, are_filled)))
                break
            except _NoRow as error:
                reason = str(error)
            except DBAPIError as error:
                reason = str(error.orig).strip().splitlines()[0]
        else:
            return "" if place else reason
    return ""


def _values(connection: Connection, table: Table, place: int, number: int, are_filled: bool) -> dict[str, Any]:
    references = {
        key["constrained_columns"][0]: (key["referred_table"], key["referred_columns"][0])
        for key in inspect(connection).get_foreign_keys(table.name)
        if len(key["constrained_columns"]) == 1
    }
    nullable = table.info["nullable"]
    values: dict[str, Any] = {}
    for column in table.columns:
        may_be_empty = nullable[column.name] and not column.primary_key
        if column.name in references:
            found = _referred(connection, *references[column.name], place)
            if found is None and not may_be_empty:
                raise _NoRow(f"{references[column.name][0]} has no row to which {column.name} could refer")
            values[column.name] = found if not may_be_empty or are_filled else None
        elif may_be_empty:
            values[column.name] = _made_up(column, place, number) if are_filled else None
        elif column.default is None and not (column.primary_key and isinstance(_plain(column), Integer)):
            values[column.name] = _made_up(column, place, number)
    return values


def _referred(connection: Connection, table: str, column: str, place: int) -> Any:
    target = Table(table, MetaData(), Column(column))
    rows: Sequence[Any] = connection.scalars(select(target.c[column]).order_by(target.c[column]).limit(place + 1)).all()
    return rows[-1] if rows else None


def _plain(column: Column[Any]) -> Any:
    kind = column.type
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind


def _made_up(column: Column[Any], place: int, number: int) -> Any:
    kind = column.type
    if isinstance(kind, Enum):
        return next(iter(kind.enum_class)) if kind.enum_class else kind.enums[0]
    if isinstance(kind, Scaled):
        return Decimal(number)
    if isinstance(kind, UtcDateTime):
        return clock.now()
    plain = _plain(column)
    if isinstance(plain, Boolean):
        return False
    if isinstance(plain, Date):
        return clock.today()
    if isinstance(plain, DateTime):
        return clock.now().replace(tzinfo=None)
    if isinstance(plain, Integer):
        return number + place
    if isinstance(plain, LargeBinary):
        return b"1"
    if isinstance(plain, String):
        return f"{place + 1}{column.name}"[: plain.length or 20]
    raise _NoRow(f"{column.name} is of the type {kind}")
