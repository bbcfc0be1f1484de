"""Indexes and triggers that were dropped or changed by hand are made again; nothing else can be without a decision."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from erp.db import db
from erp.errors import ErpError
from erp.migrations import revisions
from erp.migrations.schema import Part, Schema, compared

_MENDED = ("index", "trigger")


class CannotMend(ErpError):
    """An index that cannot be made again, since rows break it."""

    def __init__(self, part: Part, reason: str) -> None:
        super().__init__(
            f"The {part.kind} {part.name} of table {part.table} cannot be made again, so that nothing was changed:"
            f" {reason.rstrip('.')}. Correct these rows, then run `erp init` again."
        )


def mend() -> list[str]:
    """Make the indexes and triggers again that the revisions make and the tables lack; return a sentence for each.

    Raises CannotMend, and then nothing was changed.
    """
    expected, found = compared(db.session.connection())
    tables = {part.table for part in found}
    wrong = [part for part in sorted(expected) if part.table in tables and found.get(part) != expected[part]]
    mended = [part for part in wrong if part.kind in _MENDED]
    if not mended:
        return []
    with revisions.moving() as connection:
        for part in mended:
            _make_again(connection, part, expected, is_there=part in found)
    return [f"Table {part.table}: the {part.kind} {part.name} was made again." for part in mended]


def _make_again(connection: Connection, part: Part, expected: Schema, *, is_there: bool) -> None:
    quote = connection.dialect.identifier_preparer.quote
    # What PostgreSQL says of a trigger goes on with its function, which every revision leaves the same.
    definition = expected[part].partition(" AS ")[0] if _is_postgres_trigger(connection, part) else expected[part]
    try:
        if is_there:
            of_table = f" ON {quote(part.table)}" if _is_postgres_trigger(connection, part) else ""
            connection.execute(text(f"DROP {part.kind.upper()} {quote(part.name)}{of_table}"))
        connection.exec_driver_sql(definition)
    except DBAPIError as error:
        raise CannotMend(part, str(error.orig).strip().splitlines()[0]) from error


def _is_postgres_trigger(connection: Connection, part: Part) -> bool:
    return part.kind == "trigger" and connection.dialect.name == "postgresql"
