"""Making a backup, and restoring one."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from flask import current_app
from sqlalchemy import inspect

from erp import clock, migrations
from erp.backup import instance, postgres, sqlite
from erp.backup.archive import Contents, Manifest, Reader, reading, writing
from erp.backup.errors import BackupTooNew, DatabaseNotEmpty, ModulesMissing, OtherDatabase
from erp.db import db
from erp.registry import CORE, current_registry

_DATABASES: dict[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgres}
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


def make(path: Path) -> tuple[Manifest, int]:
    """Write a backup, which replaces a file of that name when it is whole; return its manifest and number of files.

    Others go on writing meanwhile: the database is as it was at one moment, the files are at most as new as its end.
    Raises OSError where it cannot be written, and DamagedDatabase.
    """
    kind = db.engine.dialect.name
    with writing(path) as writer:
        made_at = clock.now().isoformat()
        contents: Contents = _DATABASES[kind].dump(writer)
        manifest = Manifest(kind, version("modular-erp"), made_at, contents)
        instance.add_files(writer, Path(current_app.instance_path), _database_file())
        writer.finish(manifest)
    return manifest, writer.files


def _database_file() -> Path | None:
    url = db.engine.url
    return Path(url.database).absolute() if url.get_backend_name() == "sqlite" and url.database else None


def restore(path: Path, *, overwrite: bool = False) -> tuple[Manifest, int]:
    """Bring back a database and its files; return the manifest of the backup and the number of files.

    The database is replaced in one transaction: what is refused has changed nothing. Without `overwrite` it must be
    empty. Raises the refusals of this package, OSError where the file cannot be read, and DatabaseBusy.
    """
    with reading(path) as reader:
        kind = db.engine.dialect.name
        if reader.manifest.kind != kind:
            raise OtherDatabase(path, _NAMES.get(reader.manifest.kind, reader.manifest.kind), _NAMES[kind])
        _check_modules(reader)
        reader.files()
        if not overwrite:
            _require_empty()
        _DATABASES[kind].load(reader)
        current_registry().forget()
        return reader.manifest, instance.put_back(reader, Path(current_app.instance_path))


def _check_modules(reader: Reader) -> None:
    """Raise the refusal for modules that are not here, and for revisions that this program does not know."""
    contents = reader.manifest.contents
    if missing := set(contents.modules) - set(current_registry().modules):
        raise ModulesMissing(missing)
    for owner in (CORE, *contents.modules):
        revision = contents.revisions.get(owner, "")
        if revision and not migrations.is_known(owner, revision):
            raise BackupTooNew(owner, revision, reader.manifest.version)


def _require_empty() -> None:
    tables = inspect(db.session.connection()).get_table_names()
    db.session.rollback()
    if tables:
        raise DatabaseNotEmpty(db.engine.url.render_as_string(hide_password=True), len(tables))
