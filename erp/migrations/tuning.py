"""Settings of the database itself that this program wants."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from erp.db import db


def switch_jit_off() -> str:
    """Switch PostgreSQL's JIT off for this database; return what an administrator has to do where that is not allowed.

    It takes longer to compile this program's statements than to run them. It is a setting of the database, because
    poolers refuse or drop what a connection asks for.
    """
    if db.engine.dialect.name != "postgresql":
        return ""
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.scalar(text("SELECT current_setting('jit', true)")) != "on":
            return ""
        name = connection.dialect.identifier_preparer.quote(str(connection.scalar(text("SELECT current_database()"))))
        statement = f"ALTER DATABASE {name} SET jit = off"
        try:
            connection.execute(text(statement))
        except ProgrammingError:
            return f"Statements are faster without JIT, which the owner of the database may switch off: {statement}"
    return ""
