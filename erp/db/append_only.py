"""Tables whose rows are written once: the database itself refuses to change or delete them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, event, text

# A table says it with `__table_args__ = ({"info": FINAL},)`; its migration repeats it.
FINAL = {"rows": "final"}

_SQLITE = """
    CREATE TRIGGER {table}_no_{action} BEFORE {action} ON {table}
    BEGIN SELECT RAISE(ABORT, '{table}: rows are written once and never changed'); END
"""
_FUNCTION = """
    CREATE OR REPLACE FUNCTION erp_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '%: rows are written once and never changed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
_POSTGRES = """
    CREATE TRIGGER {table}_no_rewriting BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION erp_refuse_rewriting()
"""


def make_final(connection: Connection, table: str) -> None:
    """Make the database refuse to change and delete the rows of a table.

    This happens automatically when the table is made. A revision that makes it again, as SQLite must to change a
    column, calls this itself.
    """
    if connection.dialect.name == "postgresql":
        statements = [_FUNCTION, _POSTGRES.format(table=table)]
    else:
        statements = [_SQLITE.format(table=table, action=action) for action in ("update", "delete")]
    for statement in statements:
        connection.execute(text(statement))


@event.listens_for(Table, "after_create")
def _make_final(table: Table, connection: Connection, **_more: Any) -> None:
    if table.info == FINAL:
        make_final(connection, table.name)
