"""Settings of the database itself that this program wants."""

from __future__ import annotations

from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from erp.db import commit, db, refresh_statistics

# It takes longer to compile this program's statements than to run them, and PostgreSQL reads whole tables of some
# thousand rows for three of them, as if its disk had to turn, unless it is told that reading anywhere costs the same.
_SETTINGS = {"jit": "off", "random_page_cost": "1.1"}
_NOT_SET = """
    SELECT name FROM pg_settings
    WHERE name = 'jit' AND setting = 'on' OR name = 'random_page_cost' AND source = 'default'
    ORDER BY name
"""


def tune() -> str:
    """Do what makes statements faster in this database; return what its owner has to do where that is not allowed.

    SQLite counts its rows. On PostgreSQL JIT is switched off, and `random_page_cost` is left as it is where anybody has
    set it: they are settings of the database, because poolers refuse or drop what a connection asks for.
    """
    if db.engine.dialect.name != "postgresql":
        commit(refresh_statistics)
        return ""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        statements = _missing(connection)
        try:
            for statement in statements:
                connection.execute(text(statement))
        except ProgrammingError:
            return f"Statements are faster when the owner of the database runs: {'; '.join(statements)}"
    return ""


def _missing(connection: Connection) -> list[str]:
    """Return the statements that set what is not set yet."""
    name = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_database()"))))
    return [
        f"ALTER DATABASE {name} SET {setting} = {_SETTINGS[setting]}" for setting in connection.scalars(text(_NOT_SET))
    ]
