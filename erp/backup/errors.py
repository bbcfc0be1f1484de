"""Why a backup cannot be made or restored."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from erp.errors import ErpError
from erp.text import plural, say


class BadBackup(ErpError):
    """A file that is no backup of this program, or a damaged one."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} cannot be restored, nothing was changed: {reason}.")


class OtherDatabase(ErpError):
    """A backup of the other kind of database."""

    def __init__(self, path: Path, made_of: str, here: str) -> None:
        super().__init__(
            f"{path} is a backup of a {made_of} database and this one is {here}: name a {made_of} database in"
            " ERP_DATABASE_URL. Nothing was changed."
        )


class ModulesMissing(ErpError):
    """A backup with modules that are not found here."""

    def __init__(self, names: Iterable[str]) -> None:
        missing = sorted(names)
        super().__init__(
            f"The backup has modules that are not here: {', '.join(missing)}. Add them (`[erp] module_path` names"
            " their folders), then restore again. Nothing was changed."
        )


class BackupTooNew(ErpError):
    """A backup with tables of a revision that this program does not know."""

    def __init__(self, name: str, revision: str, version: str) -> None:
        super().__init__(
            f"The backup's tables of {name} are at revision {revision}, which this program does not know: install"
            f" version {version} or a later one, then restore again. Nothing was changed."
        )


class DatabaseNotEmpty(ErpError):
    """A database that a restore would overwrite without having been asked to."""

    def __init__(self, url: str, tables: int) -> None:
        super().__init__(
            f"The database {url} is not empty, it has {plural(tables, 'table')}: name an empty one in"
            " ERP_DATABASE_URL, or call with --yes to destroy what is in it. Nothing was changed."
        )


class DamagedDatabase(ErpError):
    """A database of which no backup can be made, since it contradicts itself."""

    def __init__(self, reason: str) -> None:
        super().__init__(say("The database is damaged, so that no backup was made: {reason}.", reason=reason))
