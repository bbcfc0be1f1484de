"""Each module's revisions, the revision of its tables, and the transaction that upgrades them."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import Connection, Table, inspect, select, text
from sqlalchemy.types import TypeDecorator

from erp.db import Model, db
from erp.errors import DatabaseTooNew, NotInitialized, UpgradeNeeded
from erp.models import InstalledModule
from erp.registry import CORE, current_registry

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

# As a table, which is read without resolving what all models say of one another.
_MODULE = InstalledModule.__table__

# Alembic is imported where tables move: other commands need not wait for it. Its `op` is one for the whole process.
_ALONE = threading.Lock()

# Any number that no other program on the same database takes: two installations never move tables at once.
_ADVISORY_KEY = 0x6572_705F_6D69_6772

# A line of a file of revisions that says its number, or that of the one before: reading the whole file takes longer.
_ASSIGNED = re.compile(r"^(revision|down_revision)[ \t]*=[ \t]*(.+)$", re.MULTILINE)

# A step that waits longer for another transaction breaks off, so that the others need not wait for it.
_LOCK_TIMEOUT = "60s"


def directory(owner: str) -> Path:
    """Return the folder with the revisions of the core or a module."""
    if owner == CORE:
        return Path(__file__).parent.parent / "revisions"
    current_registry().module(owner)
    return current_registry().found.home(owner) / "migrations"


def tables(owner: str) -> list[Table]:
    """Return the tables of the core or a module, those that others refer to first."""
    if owner == CORE:
        return [table for table in Model.metadata.sorted_tables if table.name.startswith(f"{CORE}_")]
    own = set(current_registry().tables[owner])
    return [table for table in Model.metadata.sorted_tables if table in own]


def version_table(owner: str) -> str:
    """Return the name of the table with the revision of the owner's tables."""
    return f"{owner}_version"


def script(owner: str) -> ScriptDirectory | None:
    """Return the revisions of the core or a module; None where it has none."""
    folder = directory(owner)
    if not any(folder.glob("[0-9]*.py")):
        return None
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder), version_locations=[str(folder)])


def require_readable(owner: str) -> None:
    """Read all revisions of a module: whatever is wrong with them is raised, several newest ones as RevisionError."""
    from alembic.script.revision import RevisionError

    if (revisions := script(owner)) is not None:
        numbers = [one.revision for one in revisions.walk_revisions()]
        if len(revisions.get_heads()) != 1:
            raise RevisionError(f"the revisions {', '.join(sorted(numbers))} are not one after the other")


def revision(connection: Connection, owner: str) -> str | None:
    """Return the revision of the owner's tables; None where they were never made."""
    name = version_table(owner)
    if not inspect(connection).has_table(name):
        return None
    found: str | None = connection.scalar(text(f"SELECT version_num FROM {name}"))
    return found


def ahead(connection: Connection, owner: str, *, to: str = "head") -> list[Script]:
    """Return the owner's revisions that its tables do not have yet, in order.

    Raises DatabaseTooNew where the tables are at a revision that this program does not know.
    """
    revisions = script(owner)
    current = revision(connection, owner)
    if revisions is None:
        return []
    from alembic.script.revision import RevisionError
    from alembic.util import CommandError

    try:
        found = list(revisions.iterate_revisions(to, current or "base"))
    except (CommandError, RevisionError):
        raise DatabaseTooNew(owner, current or "") from None
    return list(reversed(found))


def is_known(owner: str, revision: str) -> bool:
    """Say whether this program has a revision of the core's or a module's tables."""
    revisions = script(owner)
    return revisions is not None and revision in {one.revision for one in revisions.walk_revisions()}


def is_initialized() -> bool:
    """Say whether the database has the core's tables."""
    return revision(db.session.connection(), CORE) is not None


def pending() -> list[str]:
    """Return the core and the installed modules whose tables are older than this program, in dependency order."""
    if not is_initialized():
        raise NotInitialized
    installed = set(db.session.scalars(select(_MODULE.c.name)))
    owners = [CORE, *(name for name in current_registry().modules if name in installed)]
    return [owner for owner in owners if _is_behind(db.session.connection(), owner)]


def _is_behind(connection: Connection, owner: str) -> bool:
    """Say whether tables are older than this program; those of a third party may be newer: that module is off."""
    if revision(connection, owner) in _newest(owner):
        return False
    try:
        return bool(ahead(connection, owner))
    except DatabaseTooNew:
        if current_registry().is_foreign(owner):
            return False
        raise


def _newest(owner: str) -> list[str]:
    """Return the one newest revision of the owner as its files say; nothing where they have to be imported for that."""
    found: dict[str, list[Any]] = {"revision": [], "down_revision": []}
    for path in sorted(directory(owner).glob("[0-9]*.py")):
        for name, value in _ASSIGNED.findall(path.read_text(encoding="utf-8")):
            try:
                found[name].append(ast.literal_eval(value))
            except (SyntaxError, ValueError):
                return []
    newest = [one for one in found["revision"] if one not in found["down_revision"]]
    return newest if len(newest) == 1 and len(found["revision"]) == len(found["down_revision"]) else []


def require_core() -> None:
    """Raise NotInitialized or UpgradeNeeded where the core's tables are missing or older than this program."""
    _require_core(pending())


def _require_core(behind: list[str]) -> None:
    if CORE in behind:
        raise UpgradeNeeded(behind)


def require_current() -> None:
    """Raise UpgradeNeeded where the tables of the core or of a module that is on are older than this program."""
    behind = pending()
    _require_core(behind)
    on = current_registry().enabled()
    if behind := [name for name in behind if name in on]:
        raise UpgradeNeeded(behind)


@contextmanager
def moving() -> Iterator[Connection]:
    """Open a transaction in which tables may change, on both databases; an error inside undoes all of it.

    The session's own transaction is ended first: the two could wait for each other for ever.
    """
    session = db.session()
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("tables are moved in a transaction of their own, not in the middle of other work")
    session.rollback()
    with _ALONE, db.engine.connect() as connection, _unwatched_references(connection), connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_KEY})
        yield connection
        check_references(connection)


@contextmanager
def unmoved() -> Iterator[None]:
    """Keep PostgreSQL's tables from being made, changed or dropped while the work inside reads them."""
    if db.engine.dialect.name != "postgresql":
        yield
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock_shared(:key)"), {"key": _ADVISORY_KEY})
        yield


@contextmanager
def _unwatched_references(connection: Connection) -> Iterator[None]:
    # SQLite changes a table by making it again and dropping the old one, which would delete what refers to it. The
    # switch does nothing inside a transaction, so it is set before SQLAlchemy begins one.
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def check_references(connection: Connection) -> None:
    """Raise RuntimeError where SQLite, which is not watching meanwhile, has a row that refers to none."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken is not None:
            raise RuntimeError(f"a row of {broken[0]} would refer to a row of {broken[2]} that is not there")


def move(connection: Connection, owner: str, *, to: str = "head") -> list[str]:
    """Bring the owner's tables to its newest revision, or to an earlier one; return what each revision did."""
    revisions = script(owner)
    if revisions is None:
        return []
    steps = ahead(connection, owner, to=to)
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    def upgrade(current: Any, _context: Any) -> list[Any]:
        return revisions._upgrade_revs(to, current)

    with EnvironmentContext(Config(), revisions, fn=upgrade, destination_rev=to) as environment:
        environment.configure(connection=connection, **options(owner))
        environment.run_migrations()
    return [step.doc for step in steps]


def options(owner: str) -> dict[str, Any]:
    """Return Alembic's options for the core or a module."""
    own = {table.name for table in tables(owner)}
    foreign = {table.name for table in Model.metadata.sorted_tables} - own

    def is_own(name: str | None, kind: str, _parents: Any) -> bool:
        return kind != "table" or name in own or _is_leftover(str(name), owner, foreign)

    return {
        "target_metadata": Model.metadata,
        "version_table": version_table(owner),
        "transactional_ddl": True,
        "compare_type": True,
        "include_name": is_own,
        "include_object": lambda thing, name, kind, reflected, other: is_own(name, kind, None),
    }


def _is_leftover(name: str, owner: str, foreign: Collection[str]) -> bool:
    # A table that an earlier revision made and the models no longer have.
    return name.startswith(f"{owner}_") and name not in foreign and not name.endswith("_version")


def render_item(kind: str, thing: Any, _context: Any) -> str | Literal[False]:
    """Write a type of this product as the plain one in the database."""
    if kind == "type" and isinstance(thing, TypeDecorator):
        return f"sa.{thing.impl!r}"
    return False
