"""A SQLite database: copied whole by SQLite's own backup, which sees one moment while others write."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from erp.backup.archive import CHUNK, Contents, Reader, Table, Writer
from erp.backup.errors import BadBackup, DamagedDatabase
from erp.db import db
from erp.errors import DatabaseBusy
from erp.migrations import version_table
from erp.registry import CORE

_MEMBER = "database.sqlite"
_PATIENCE_SECONDS = 60.0


def dump(writer: Writer) -> Contents:
    """Write the database as it is at one moment; raise DamagedDatabase where SQLite finds it damaged."""
    with _scratch(writer.folder) as path:
        with closing(_opened(path)) as copy:
            with _driver() as database:
                database.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")
            if problem := _problem(copy):
                raise DamagedDatabase(problem)
            contents = _contents(copy)
        with path.open("rb") as source, writer.stream(_MEMBER) as target:
            while chunk := source.read(CHUNK):
                target.write(chunk)
    return contents


def load(reader: Reader) -> None:
    """Replace the database, in one transaction for all who read it; raise BadBackup and DatabaseBusy."""
    folder = Path(db.engine.url.database or "").absolute().parent
    folder.mkdir(parents=True, exist_ok=True)
    with _scratch(folder) as path:
        with path.open("wb") as target:
            target.writelines(reader.chunks(_MEMBER))
        with closing(_opened(path)) as copy, _driver() as database:
            _check(copy, reader)
            _count_up(copy, database)
            _replace(database, copy)


def _replace(database: sqlite3.Connection, copy: sqlite3.Connection) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS

    def give_up(_status: int, _remaining: int, _total: int) -> None:
        if time.monotonic() > deadline:
            raise DatabaseBusy(1)

    copy.backup(database, progress=give_up)


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """Give a file beside the one that is made of it, readable by its owner alone."""
    handle, made = tempfile.mkstemp(prefix=".copy-", suffix=".sqlite", dir=folder)
    os.close(handle)
    try:
        yield Path(made)
    finally:
        for name in (made, f"{made}-wal", f"{made}-shm", f"{made}-journal"):
            with suppress(FileNotFoundError):
                os.unlink(name)


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None)


@contextmanager
def _driver() -> Iterator[sqlite3.Connection]:
    """Give a connection to the application's database without a transaction; the session's own is ended first."""
    db.session.rollback()
    with closing(db.engine.raw_connection()) as pooled:
        driver: Any = pooled.driver_connection
        yield driver


def _problem(copy: sqlite3.Connection) -> str:
    """Return what SQLite finds wrong with a database; empty where it is sound."""
    found: str = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return "" if found == "ok" else " ".join(found.split())


def _check(copy: sqlite3.Connection, reader: Reader) -> None:
    """Raise BadBackup where the copy is not what the manifest says of it."""
    try:
        problem = _problem(copy)
        found = _contents(copy)
    except sqlite3.DatabaseError as error:
        raise BadBackup(reader.path, str(error)) from None
    if problem:
        raise BadBackup(reader.path, problem)
    if found != reader.manifest.contents:
        raise BadBackup(reader.path, "its database is not the one that its manifest names")


def _contents(copy: sqlite3.Connection) -> Contents:
    names = [name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    tables = [name for name in names if not name.startswith("sqlite_")]
    modules = dict(copy.execute("SELECT name, version FROM erp_module ORDER BY name"))
    owners = [owner for owner in (CORE, *modules) if version_table(owner) in tables]
    return Contents(
        revisions={owner: _value(copy, f'SELECT version_num FROM "{version_table(owner)}"') for owner in owners},
        modules=modules,
        tables=tuple(Table(name, _value(copy, f'SELECT count(*) FROM "{name}"')) for name in tables),
    )


def _value(copy: sqlite3.Connection, query: str) -> Any:
    row = copy.execute(query).fetchone()
    return row[0] if row else ""


def _count_up(copy: sqlite3.Connection, database: sqlite3.Connection) -> None:
    """Let every process that runs read modules and options again."""
    has_revision = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'erp_revision'").fetchone()
    before = _value(database, "SELECT number FROM erp_revision") or 0 if has_revision else 0
    copy.execute("UPDATE erp_revision SET number = max(number, ?) + 1", [before])
