"""What tables a database has, as facts that can be compared."""

from __future__ import annotations

import re

from sqlalchemy import text

COLUMNS = """
    SELECT c.relname || '.' || a.attname,
           format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || a.attidentity::text || ' '
               || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped
"""
CONSTRAINTS = """
    SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
TRIGGERS = "SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
SQLITE = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"


def schema(connection):
    """Return every column, constraint, index and trigger, conditions included."""
    if connection.dialect.name == "sqlite":
        return {fact for name, sql in connection.execute(text(SQLITE)) for fact in _facts(name, sql)}
    queries = (COLUMNS, CONSTRAINTS, INDEXES, TRIGGERS)
    return {tuple(row) for query in queries for row in connection.execute(text(query))}


def without_versions(facts):
    """Leave out the tables with each module's revision, which have no models."""
    return {fact for fact in facts if not re.match(r"\w+_version(\.|_pkc|$)", fact[0])}


def _facts(name, sql):
    """Cut a statement into its clauses: SQLite keeps constraints in the order in which they were written."""
    flat = " ".join(sql.replace('"', "").split())
    if not flat.startswith("CREATE TABLE"):
        return {(name, flat)}
    body = flat[flat.index("(") + 1 : flat.rindex(")")]
    return {(name, re.sub(r"\s", "", clause)) for clause in _clauses(body)}


def _clauses(body):
    depth, start = 0, 0
    for place, sign in enumerate(body):
        depth += (sign == "(") - (sign == ")")
        if sign == "," and not depth:
            yield body[start:place]
            start = place + 1
    yield body[start:]
