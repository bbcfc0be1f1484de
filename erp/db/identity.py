"""Key columns: the key of an identifier, stored next to its text and unique by an index."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Column, Connection, String, Table, cast, event, inspect, select
from sqlalchemy.exc import DontWrapMixin
from sqlalchemy.orm import MappedColumn, Session, mapped_column

from erp.db.session import Model
from erp.db.types import CodePoints
from erp.identity import BadIdentifier, any_case, check_identifier, identity_key
from erp.text import say

_KEY_OF = "key_of"
_BATCH = 5000
_known: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()  # the key columns of each table


class _Refused(BadIdentifier, DontWrapMixin):
    """A BadIdentifier that SQLAlchemy passes on as it is, where it computes the values of a statement."""


def key_column(source: str, *, index: bool = True) -> MappedColumn[Any]:
    """Return the column with the key of the column `source`: filled automatically, in bulk inserts too, and unique.

    Without `index` the table declares the unique index itself, such as one of a product and a number.
    """

    def key(context: Any) -> str | None:
        try:
            return _checked_key(context.get_current_parameters()[source])
        except BadIdentifier as refused:
            raise _Refused(str(refused.facts["text"]), str(refused.facts["reason"])) from None

    return mapped_column(CodePoints, default=key, unique=index or None, index=index or None, info={_KEY_OF: source})


def _checked_key(text: str | None) -> str | None:
    return None if text is None else identity_key(check_identifier(text))


@event.listens_for(Model, "before_insert", propagate=True)
@event.listens_for(Model, "before_update", propagate=True)
def _fill(mapper: Any, _connection: Connection, row: Any) -> None:
    """Keep the keys of a row up to date with its texts; raise BadIdentifier."""
    loaded = inspect(row).dict
    for key, source in key_columns(mapper.local_table).items():
        if source not in loaded:
            continue
        text = loaded[source]
        wanted = None if text is None else identity_key(text)
        if loaded.get(key) != wanted:
            setattr(row, source, check_identifier(text) if text is not None else None)
            setattr(row, key, wanted)


def key_columns(table: Any) -> dict[str, str]:
    """Return the names of a table's key columns, each with the column that it is the key of."""
    if table not in _known:
        _known[table] = {column.key: column.info[_KEY_OF] for column in table.columns if _KEY_OF in column.info}
    return _known[table]


def with_keys(
    table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> tuple[Sequence[str], Sequence[tuple[Any, ...]]]:
    """Return columns and rows to insert together with the keys of the identifiers among them."""
    for key, source in key_columns(table).items():
        if key not in columns and source in columns:
            place = columns.index(source)
            columns, rows = [*columns, key], [(*row, _checked_key(row[place])) for row in rows]
    return columns, rows


def key_of(column: Any) -> Column[str] | None:
    """Return the key column of a column or mapped attribute; None where it has none."""
    expression = getattr(column, "expression", column)
    table = getattr(expression, "table", None)
    original = getattr(table, "element", table)  # where the table has an alias
    if not isinstance(original, Table):
        return None
    keys = {source: key for key, source in key_columns(original).items()}
    return table.columns[keys[expression.key]] if expression.key in keys else None  # type: ignore[union-attr]


def contains(column: Any, text: str) -> Any:
    """Return the condition that a column has the text anywhere, in any case; identifiers are compared by their keys.

    It is LIKE, ILIKE or a regular expression, not lower(): PostgreSQL's trigram indexes know only these. Which letters
    ILIKE knows besides those of English is up to the database, so that it is asked for these alone.
    """
    key = key_of(column)
    if key is not None:
        return key.like(_pattern(identity_key(text)), escape="/")
    texts = column if isinstance(column.type, String) else cast(column, String)
    if text.isascii() and "ss" not in text.lower():
        return texts.ilike(_pattern(text), escape="/")
    return texts.regexp_match(any_case(text))


def equals(column: Any, text: str) -> Any:
    """Return the condition that a column is the text; identifiers are compared by their keys."""
    key = key_of(column)
    if key is not None:
        return key == identity_key(text)
    return (column if isinstance(column.type, String) else cast(column, String)) == text


def _pattern(text: str) -> str:
    literal = re.sub("([%_/])", r"/\1", text)
    return f"%{literal}%"


def wrong_keys(session: Session, table: Table) -> Iterator[str]:
    """Yield a sentence for each row whose key is not that of its text, as only a statement past the models makes it."""
    for key, source in key_columns(table).items():
        rows = select(table.c[source], table.c[key]).execution_options(yield_per=_BATCH)
        for text, stored in session.execute(rows):
            if stored != (None if text is None else identity_key(text)):
                yield say(
                    "{table} {text!r}: its key is {stored!r}, not {key!r}.",
                    table=table.name,
                    text=text,
                    stored=stored,
                    key=identity_key(text or ""),
                )
