"""The tables of a database compared with what the revisions make: columns, constraints, indexes and triggers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from sqlalchemy import Connection, create_engine, select, text
from sqlalchemy.exc import ProgrammingError

from erp.db import db
from erp.errors import ErpError
from erp.migrations import revisions
from erp.models import SETTLED, InstalledModule
from erp.registry import CORE, current_registry
from erp.text import say

_SCRATCH = "erp_check"
_NOT_PERMITTED = "42501"

_COLUMNS = """
    SELECT 'column', c.relname, a.attname,
           format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
               || CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END
               || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid, true), '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid, true)
    FROM pg_constraint
    WHERE connamespace = current_schema()::regnamespace AND conrelid <> 0 AND contype <> 'n'
"""
# The index of a constraint is part of it.
_INDEXES = """
    SELECT 'index', i.indrelid::regclass::text, c.relname,
           pg_get_indexdef(i.indexrelid, 0, true) || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid AND c.relnamespace = current_schema()::regnamespace
    WHERE NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid)
"""
_TRIGGERS = """
    SELECT 'trigger', t.tgrelid::regclass::text, t.tgname,
           pg_get_triggerdef(t.oid, true) || ' AS ' || p.prosrc
               || CASE t.tgenabled WHEN 'O' THEN '' ELSE ' DISABLED' END
    FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid AND c.relnamespace = current_schema()::regnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal
"""
_SQLITE = "SELECT type, tbl_name, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
# PostgreSQL says in another way how texts are compared when a dump made the table, and means the same.
_TEXT_CAST = re.compile(r"::(?:text|character varying)(?:\(\d+\))?(?:\[\])?")
_CLAUSE = re.compile(r"(?:CONSTRAINT (?P<constraint>\S+) )?(?P<word>\w+)")
_KEYS = {"PRIMARY", "UNIQUE", "FOREIGN", "CHECK"}


class CannotCompare(ErpError):
    """The database user may not make the tables with which those of the database are compared."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            say(
                "The tables cannot be compared with what the revisions make: {reason}. "
                "Give the database user the right CREATE on the database, or run the check as its owner.",
                reason=reason,
            )
        )


class Part(NamedTuple):
    """A column, constraint, index or trigger of a table."""

    kind: str
    table: str
    name: str


Schema = dict[Part, str]


def schema(connection: Connection) -> Schema:
    """Return the definition of every column, constraint, index and trigger, conditions included."""
    if connection.dialect.name == "sqlite":
        return dict(_sqlite_parts(connection))
    queries = (_COLUMNS, _CONSTRAINTS, _INDEXES, _TRIGGERS)
    rows = (row for query in queries for row in connection.execute(text(query)))
    return {Part(kind, table, name): _TEXT_CAST.sub("", _flat(sql)) for kind, table, name, sql in rows}


def schema_breaches(connection: Connection) -> Iterator[str]:
    """Yield a sentence for each difference between the tables of `connection` and what the revisions make.

    It is one sentence where the database user may not make the tables to compare with.
    """
    try:
        yield from differences(*compared(connection))
    except CannotCompare as error:
        yield str(error)


def compared(connection: Connection) -> tuple[Schema, Schema]:
    """Return what the revisions make, and what the same tables of `connection` have.

    The tables are those of the core and of the modules whose tables are at their newest revision. Raises CannotCompare.
    """
    with _made(_owners(connection)) as made:
        expected = schema(made)
    tables = {part.table for part in expected}
    return expected, {part: text for part, text in schema(connection).items() if part.table in tables}


def differences(expected: Mapping[Part, str], found: Mapping[Part, str]) -> Iterator[str]:
    """Yield a sentence for each part that is missing, differs or was not made by a revision; one for a whole table."""
    tables = {part.table for part in found}
    yield from (
        say("Table {name} is missing.", name=name) for name in sorted({part.table for part in expected} - tables)
    )
    for part in sorted({**expected, **found}):
        if part.table not in tables:
            continue
        named = say("Table {table}: the {kind} {name}", table=part.table, kind=part.kind, name=part.name)
        if part not in found:
            yield say("{named} is missing.", named=named)
        elif part not in expected:
            yield say("{named} is made by no revision.", named=named)
        elif expected[part] != found[part]:
            yield say(
                "{named} is {found}, the revisions make it {expected}.",
                named=named,
                found=found[part],
                expected=expected[part],
            )


def _owners(connection: Connection) -> list[str]:
    """Return the core and the modules whose tables are settled at their newest revision, in dependency order."""
    installed = set(connection.scalars(select(InstalledModule.name).where(InstalledModule.state.in_(SETTLED))))
    names = [CORE, *(name for name in current_registry().modules if name in installed)]
    return [name for name in names if not revisions.ahead(connection, name)]


@contextmanager
def _made(owners: Collection[str]) -> Iterator[Connection]:
    """Make the tables anywhere else, open a connection that sees them alone, and drop them at the end."""
    if db.engine.dialect.name == "sqlite":
        engine = create_engine("sqlite://")
        try:
            with engine.begin() as connection:
                _move(connection, owners)
                yield connection
        finally:
            engine.dispose()
        return
    with db.engine.connect() as connection:
        try:
            connection.execute(text(f"CREATE SCHEMA {_SCRATCH}"))
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", "") != _NOT_PERMITTED:
                raise
            raise CannotCompare(str(error.orig).strip().splitlines()[0]) from None
        connection.execute(text(f"SET LOCAL search_path = {_SCRATCH}"))
        _move(connection, owners)
        yield connection  # closing it undoes everything


def _move(connection: Connection, owners: Collection[str]) -> None:
    for owner in owners:
        revisions.move(connection, owner)


def _sqlite_parts(connection: Connection) -> Iterator[tuple[Part, str]]:
    for kind, table, name, sql in connection.execute(text(_SQLITE)):
        flat = _flat(sql.replace('"', ""))
        if kind != "table":
            yield Part(kind, table, name), flat
            continue
        body = flat[flat.index("(") + 1 : flat.rindex(")")]
        yield Part("options", table, "of the table"), flat[flat.rindex(")") + 1 :].strip()
        for clause in _clauses(body):
            yield _part(table, clause.strip())


def _part(table: str, clause: str) -> tuple[Part, str]:
    """Return a clause of CREATE TABLE as a part; its spaces, which SQLite writes in several ways, are left out."""
    found = _CLAUSE.match(clause)
    assert found is not None
    is_constraint = bool(found["constraint"]) or found["word"].upper() in _KEYS
    text = re.sub(r"\s*([(),])\s*", r"\1", clause)
    name = (found["constraint"] or text) if is_constraint else found["word"]
    return Part("constraint" if is_constraint else "column", table, name), text


def _clauses(body: str) -> Iterator[str]:
    depth, start = 0, 0
    for place, sign in enumerate(body):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            yield body[start:place]
            start = place + 1
    yield body[start:]


def _flat(sql: str) -> str:
    return " ".join(sql.split())
