"""The file of a backup: a zip archive with a manifest, the database and the files of the instance.

Each member carries a checksum, and the manifest says how many rows every table has. The file is readable by its owner
alone: it has the hashes of all passwords.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

from erp.backup.errors import BadBackup

FORMAT = 1
CHUNK = 1 << 20

_MANIFEST = "manifest.json"
_LARGEST_MANIFEST = 10_000_000
_FILES = "instance/"


@dataclass(frozen=True)
class Table:
    """A table: its columns in the order of the file, and how many rows it has."""

    name: str
    rows: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contents:
    """What the database holds.

    `revisions` are those of the core and of each installed module's tables; `tables` come in the order in which they
    can be filled; `counters` are the last ids given, by table and column, where the database counts apart from the
    rows.
    """

    revisions: Mapping[str, str]
    modules: Mapping[str, str]
    tables: tuple[Table, ...]
    counters: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """How many rows all tables have."""
        return sum(table.rows for table in self.tables)


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself: `kind` is that of the database, `version` the program's."""

    kind: str
    version: str
    made_at: str
    contents: Contents


class Writer:
    """A backup that is being written."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self.folder = path.parent
        self.files = 0

    def stream(self, name: str) -> IO[bytes]:
        """Return a stream into which a part of the database is written."""
        return self._archive.open(name, "w", force_zip64=True)

    def add(self, path: Path, name: str) -> None:
        """Add a file of the instance; one that has just gone is left out."""
        try:
            with path.open("rb") as source:
                content = source.read()
        except FileNotFoundError:
            return
        self._archive.writestr(f"{_FILES}{name}", content)
        self.files += 1

    def finish(self, manifest: Manifest) -> None:
        """Write what the backup says of itself."""
        self._archive.writestr(_MANIFEST, json.dumps({"format": FORMAT, **asdict(manifest)}, indent=1))


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """Open a backup to write; it has its name when it is whole and on the disk, and never before."""
    handle, made = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                yield Writer(archive, path)
            file.flush()
            os.fsync(file.fileno())
        os.replace(made, path)
        _sync_folder(path.parent)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Reader:
    """A backup whose every member has been read once and is whole."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self.path = path
        self.manifest = _checked(archive, path)

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a part of the database piece by piece."""
        with self._archive.open(name) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def files(self) -> list[str]:
        """Return the names of the instance's files."""
        names = [name.removeprefix(_FILES) for name in self._archive.namelist() if name.startswith(_FILES)]
        if bad := [name for name in names if not _is_inside(name)]:
            raise BadBackup(self.path, f"its file {bad[0]!r} would be written outside the instance")
        return names

    def content(self, name: str) -> bytes:
        """Return what is in a file of the instance."""
        return self._archive.read(f"{_FILES}{name}")


def _is_inside(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\\" not in name


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Open a backup to restore; raise BadBackup where it is none or is damaged, before the first use."""
    with path.open("rb") as file:
        try:
            archive = zipfile.ZipFile(file)
        except (zipfile.BadZipFile, OSError, ValueError):
            raise BadBackup(path, "it is no backup, or a part of one") from None
        with archive:
            yield Reader(archive, path)


def _checked(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        manifest = _manifest(archive, path)
        damaged = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise BadBackup(path, "it is damaged") from None
    if damaged:
        raise BadBackup(path, f"its part {damaged} is damaged")
    return manifest


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    try:
        found = archive.getinfo(_MANIFEST)
        if found.file_size > _LARGEST_MANIFEST:
            raise ValueError(_MANIFEST)
        stored: dict[str, Any] = json.loads(archive.read(found))
        if stored.pop("format") != FORMAT:
            raise BadBackup(path, "another version of this program has made it, in a form that is unknown here")
        return _parsed(stored)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BadBackup(path, "it is no backup of this program") from None


def _parsed(stored: dict[str, Any]) -> Manifest:
    contents = stored.pop("contents")
    tables = tuple(Table(one["name"], int(one["rows"]), tuple(one["columns"])) for one in contents.pop("tables"))
    return Manifest(**stored, contents=Contents(**contents, tables=tables))
