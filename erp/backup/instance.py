"""The files of the instance that belong into a backup: the outbox and what uninstalled modules have left."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from erp.backup.archive import Reader, Writer

log = logging.getLogger(__name__)

# The database has a part of its own. The secret key signs the sessions of the installation that runs: who finds a
# backup should not be able to make such sessions, so it stays out, and users sign in again after a restore.
_LEFT_OUT = ("secret_key",)
_OF_DATABASE = ("", "-wal", "-shm", "-journal")
_ENDS_LEFT_OUT = (".lock", ".backup")


def add_files(writer: Writer, instance: Path, database: Path | None) -> None:
    """Write the files of the instance, except the database, keys, locks and other backups.

    Opening and closing a file of a SQLite database would release the locks that this process has on it, by whatever
    path it is reached.
    """
    mine = {_identity(Path(f"{database}{end}")) for end in _OF_DATABASE} if database else set()
    for path in _files(instance):
        name = path.relative_to(instance).as_posix()
        if _identity(path) not in mine and not name.startswith(_LEFT_OUT) and not name.endswith(_ENDS_LEFT_OUT):
            writer.add(path, name)


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what a file is, whatever its path; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _files(instance: Path) -> Iterator[Path]:
    """Yield the files of the instance by name; hidden ones are unfinished, and links lead elsewhere."""
    for folder, below, names in os.walk(instance):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for path in (Path(folder) / name for name in sorted(names) if not name.startswith(".")):
            if not path.is_file() or path.is_symlink():
                continue
            try:
                str(path).encode()
            except UnicodeEncodeError:
                log.warning("left out of the backup, its name is not UTF-8: %a", str(path))
                continue
            yield path


def put_back(reader: Reader, instance: Path) -> int:
    """Write the files of a backup into the instance, over those of the same names; return how many."""
    names = reader.files()
    for name in names:
        path = instance / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "wb", opener=_private) as file:
            file.write(reader.content(name))
    return len(names)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
