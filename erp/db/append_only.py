"""Rows that are written once: the database itself refuses to change or delete them.

Either all rows of a table are final from the start (`FINAL`), or a row becomes final when it meets a condition
(`final_once`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Table, event, text

# A table says it with `__table_args__ = ({"info": FINAL},)`; its migration repeats it.
FINAL: dict[str, Any] = {"rows": "final"}

_FUNCTION = """
    CREATE OR REPLACE FUNCTION erp_refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '%: rows are written once and never changed', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
"""
_POSTGRES = """
    CREATE TRIGGER {name} BEFORE {actions} ON {table}
    FOR EACH {each} {when} EXECUTE FUNCTION erp_refuse_rewriting()
"""
_SQLITE = """
    CREATE TRIGGER {name} BEFORE {actions} ON {table} {when}
    BEGIN SELECT RAISE(ABORT, '{table}: rows are written once and never changed'); END
"""


def final_once(column: str, value: str, *, fixed: Sequence[str]) -> dict[str, Any]:
    """Return the `info` of a table whose rows are final once `column` has `value`.

    Such a row is not deleted, and its columns `fixed`, and this one, do not change.
    """
    return {"rows": "final once", "column": column, "value": value, "fixed": list(fixed)}


def make_final(connection: Connection, table: str, info: dict[str, Any] = FINAL) -> None:
    """Make the database refuse to change and delete the final rows of a table.

    This happens automatically when the table is made. A revision that makes it again, as SQLite must to change a
    column, calls this itself.
    """
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        connection.execute(text(_FUNCTION))
    make = _always if info == FINAL else _once
    for statement in make(table, info, is_postgresql=is_postgresql):
        connection.execute(text(statement))


def _always(table: str, _info: dict[str, Any], *, is_postgresql: bool) -> Iterator[str]:
    if is_postgresql:
        yield _postgres(table, "rewriting", "UPDATE OR DELETE OR TRUNCATE", "STATEMENT")
        return
    for action in ("update", "delete"):
        yield _SQLITE.format(name=f"{table}_no_{action}", actions=action, table=table, when="")


def _once(table: str, info: dict[str, Any], *, is_postgresql: bool) -> Iterator[str]:
    is_final = f"OLD.{info['column']} = '{info['value']}'"
    differs = "IS DISTINCT FROM" if is_postgresql else "IS NOT"
    changed = " OR ".join(f"OLD.{name} {differs} NEW.{name}" for name in (info["column"], *info["fixed"]))
    for action, when in (("update", f"{is_final} AND ({changed})"), ("delete", is_final)):
        if is_postgresql:
            yield _postgres(table, action, action, "ROW", f"WHEN ({when})")
        else:
            yield _SQLITE.format(name=f"{table}_no_{action}", actions=action, table=table, when=f"WHEN {when}")
    if is_postgresql:
        yield _postgres(table, "truncate", "TRUNCATE", "STATEMENT")


def _postgres(table: str, no: str, actions: str, each: str, when: str = "") -> str:
    return _POSTGRES.format(name=f"{table}_no_{no}", actions=actions, table=table, each=each, when=when)


@event.listens_for(Table, "after_create")
def _make_final(table: Table, connection: Connection, **_more: Any) -> None:
    if "rows" in table.info:
        make_final(connection, table.name, table.info)
