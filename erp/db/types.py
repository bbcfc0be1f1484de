"""Exact column types: numbers as integers, instants in UTC; and indexes of some of a table's rows."""

from __future__ import annotations

import sqlite3
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, Text, cast, func, literal_column, text, type_coerce
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import TypeDecorator
from typing_extensions import override

from erp.numbers import from_raw, to_raw
from erp.text import from_stored, stored


class Scaled(TypeDecorator[Decimal]):
    """An exact number with four decimals: Decimal in Python, BIGINT × 10⁴ in every database.

    SQLite's NUMERIC is a float (10 × 0.1 ≠ 1); integers keep `sum`, `+`, `-` and comparisons exact on both.
    """

    impl = BigInteger
    cache_ok = True

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> int | None:
        return None if value is None else to_raw(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        return None if value is None else from_raw(value)

    class Comparator(TypeDecorator.Comparator[Decimal]):
        """Refuses multiplication and division in SQL, which would change the scale."""

        @override
        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
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


class Sentence(TypeDecorator[str]):
    """A text that the program may have made: it is kept with its facts, and a page shows it in the reader's language.

    The English stands first in the column, so that it can be read and searched there.
    """

    impl = Text
    cache_ok = True

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else stored(value)

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else from_stored(value)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware in Python, naive UTC in the database."""

    impl = DateTime
    cache_ok = True

    @override
    def process_bind_param(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("an instant needs its zone")
        return value.astimezone(UTC).replace(tzinfo=None)  # type: ignore[no-any-return]

    @override
    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


# Text that is compared by code points in every database, so that an index finds what begins with something: SQLite does
# so by itself, PostgreSQL otherwise compares as the language of the database does.
CodePoints = Text().with_variant(Text(collation="C"), "postgresql")


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the rows that the condition names; with `unique`, no two of them have the same columns.

    A condition `column is true` is written as SQLAlchemy writes it for each database, so that it is recognized.
    """
    on_sqlite = where.replace("is true", "is 1")
    return Index(name, *columns, unique=unique, sqlite_where=text(on_sqlite), postgresql_where=text(where))


def above_zero(quantity: Any) -> ColumnElement[bool]:
    """Return the condition that a quantity is above zero, as conditions of partial indexes say it.

    For a difference of columns, PostgreSQL can keep statistics of that: so it knows how few rows of a large table are
    open.
    """
    return quantity > literal_column("0", Quantity())  # type: ignore[no-any-return]


def raw_instant(instant: datetime) -> datetime:
    """Return an instant as bulk statements write it: naive UTC."""
    return instant.astimezone(UTC).replace(tzinfo=None)


def raw(column: Any) -> ColumnElement[int]:
    """Return the SQL of a quantity as a raw integer (× 10⁴), for planning over many rows."""
    return type_coerce(column, BigInteger)


def total(column: Any) -> ColumnElement[Decimal]:
    """Return the SQL sum of a column, 0 where there is no row.

    PostgreSQL sums BIGINT to NUMERIC; the cast keeps raw sums integers on both databases.
    """
    summed = cast(func.coalesce(func.sum(type_coerce(column, BigInteger)), 0), BigInteger)
    return type_coerce(summed, column.type)


@lru_cache(maxsize=64)
def _instant_text(value: datetime) -> str:
    return value.isoformat(sep=" ", timespec="microseconds")


# SQLite keeps days and instants as text. SQLAlchemy writes them so; bulk statements need these adapters.
sqlite3.register_adapter(date, date.isoformat)
sqlite3.register_adapter(datetime, _instant_text)
