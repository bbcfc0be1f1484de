"""A PostgreSQL database: each table by COPY, all in one snapshot, as pg_dump does.

The tables themselves are not in the file: their revisions are, and a restore makes the tables by running these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, inspect, text

from erp import migrations
from erp.backup.archive import Contents, Reader, Table, Writer
from erp.backup.errors import BadBackup
from erp.db import db
from erp.registry import CORE, current_registry

if TYPE_CHECKING:
    import psycopg

_SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

_COUNTERS = text("""
    SELECT tables.relname, columns.attname, pg_sequence_last_value(counters.oid)
    FROM pg_class counters
    JOIN pg_depend owned ON owned.objid = counters.oid AND owned.classid = 'pg_class'::regclass
        AND owned.refclassid = 'pg_class'::regclass AND owned.deptype IN ('a', 'i')
    JOIN pg_class tables ON tables.oid = owned.refobjid
    JOIN pg_attribute columns ON columns.attrelid = tables.oid AND columns.attnum = owned.refobjsubid
    WHERE counters.relkind = 'S' AND tables.relnamespace = current_schema()::regnamespace
    ORDER BY tables.relname, columns.attname
""")


def dump(writer: Writer) -> Contents:
    """Write every table of the core and of the installed modules as it is at one moment."""
    db.session.rollback()
    with migrations.unmoved(), db.engine.connect().execution_options(**_SNAPSHOT) as connection:
        modules = dict(map(tuple, connection.execute(text("SELECT name, version FROM erp_module"))))
        owners = [CORE, *modules]
        tables = tuple(_copy_out(connection, name, writer) for name in _tables(connection, owners))
        return Contents(
            revisions={owner: found for owner in owners if (found := migrations.revision(connection, owner))},
            modules=modules,
            tables=tables,
            counters=_counters(connection, {table.name for table in tables}),
        )


def _tables(connection: Connection, owners: Iterable[str]) -> list[str]:
    """Return the names of the owners' tables, those that others refer to first."""
    mine = tuple(f"{owner}_" for owner in owners)
    in_order = (name for name, _ in inspect(connection).get_sorted_table_and_fkc_names())
    return [name for name in in_order if name is not None and name.startswith(mine)]


def _copy_out(connection: Connection, name: str, writer: Writer) -> Table:
    columns = tuple(column["name"] for column in inspect(connection).get_columns(name))
    with writer.stream(_member(name)) as target, _cursor(connection) as cursor:
        with cursor.copy(f"COPY {_target(name, columns)} TO STDOUT") as rows:
            for piece in rows:
                target.write(piece)
        return Table(name, cursor.rowcount, columns)


def _member(name: str) -> str:
    return f"tables/{name}.copy"


def _target(name: str, columns: Iterable[str]) -> str:
    quote = db.engine.dialect.identifier_preparer.quote
    return f"{quote(name)} ({', '.join(map(quote, columns))})"


def _cursor(connection: Connection) -> psycopg.Cursor[Any]:
    driver: Any = connection.connection.driver_connection
    cursor: psycopg.Cursor[Any] = driver.cursor()
    return cursor


def _counters(connection: Connection, tables: set[str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for table, column, last in connection.execute(_COUNTERS):
        if table in tables and last is not None:
            found[table][column] = last
    return dict(found)


def load(reader: Reader) -> None:
    """Replace the tables of the core and of all modules, in one transaction; raise BadBackup."""
    from psycopg import Error  # the driver of the one database alone

    contents = reader.manifest.contents
    with migrations.moving() as connection:
        before = _drop(connection, [CORE, *current_registry().modules, *contents.modules])
        for owner in (CORE, *current_registry().modules):
            if owner in contents.revisions:
                migrations.move(connection, owner, to=contents.revisions[owner])
        try:
            for table in contents.tables:
                _copy_in(connection, table, reader)
        except Error as error:
            raise BadBackup(reader.path, str(error).strip().splitlines()[0].rstrip(".")) from error
        _set_counters(connection, contents.counters)
        connection.execute(text("UPDATE erp_revision SET number = greatest(number, :before) + 1"), {"before": before})
        connection.execute(text("ANALYZE"))


def _drop(connection: Connection, owners: Iterable[str]) -> int:
    """Drop the owners' tables, and return the revision of modules and options that running processes have read."""
    names = _tables(connection, owners)
    if "erp_revision" not in names:
        return 0
    before = connection.scalar(text("SELECT number FROM erp_revision")) or 0
    quote = db.engine.dialect.identifier_preparer.quote
    connection.execute(text(f"DROP TABLE {', '.join(map(quote, names))} CASCADE"))
    return int(before)


def _copy_in(connection: Connection, table: Table, reader: Reader) -> None:
    """Fill a table that its revisions have made; what they have put into it is in the backup too."""
    name = db.engine.dialect.identifier_preparer.quote(table.name)
    if connection.scalar(text(f"SELECT EXISTS (SELECT FROM {name})")):
        connection.execute(text(f"DELETE FROM {name}"))
    with _cursor(connection) as cursor:
        with cursor.copy(f"COPY {_target(table.name, table.columns)} FROM STDIN") as rows:
            for piece in reader.chunks(_member(table.name)):
                rows.write(piece)
        if cursor.rowcount != table.rows:
            raise BadBackup(reader.path, f"table {table.name} has {cursor.rowcount} of {table.rows} rows")


def _set_counters(connection: Connection, counters: Mapping[str, Mapping[str, int]]) -> None:
    quote = db.engine.dialect.identifier_preparer.quote
    values = [(quote(table), column, last) for table, of in counters.items() for column, last in of.items()]
    for table, column, last in values:
        given = {"table": table, "column": column, "last": last}
        connection.execute(text("SELECT setval(pg_get_serial_sequence(:table, :column), :last)"), given)
