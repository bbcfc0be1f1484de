"""The scheduled backup, and how many are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from erp import clock
from erp.backup.making import make
from erp.errors import ErpError
from erp.options import options
from erp.text import joined, plural, say

_NAMES = "erp-*.backup"
# What a backup leaves that was killed.
_UNFINISHED = (f".{_NAMES}.*", ".copy-*.sqlite*")
_UNFINISHED_FOR = timedelta(days=1)


class BackupFailed(ErpError):
    """A scheduled backup that could not be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(
            say("No backup was made in {folder}: {error}.", folder=folder, error=error.strerror or str(error))
        )


def back_up(_session: Session) -> str:
    """Make a backup in the folder of the options, and delete the oldest beyond those that are kept."""
    if not options.erp.backup_folder:
        return say("Off: [erp] backup_folder is empty.")
    folder = Path(options.erp.backup_folder).absolute()
    path = folder / f"erp-{clock.now():%Y%m%dT%H%M%SZ}.backup"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest, _ = make(path)
        gone = _rotate(folder)
    except OSError as error:
        raise BackupFailed(folder, error) from error
    text = say("{path} has {rows}.", path=path, rows=plural(manifest.contents.rows, "row"))
    return joined((text, say("{backups} deleted.", backups=plural(gone, "older backup")))) if gone else text


def _rotate(folder: Path) -> int:
    """Delete all but the newest backups of this job, and what killed ones have left; return how many were too old."""
    old = sorted(folder.glob(_NAMES))[: -options.erp.backup_keep]
    unfinished = [path for pattern in _UNFINISHED for path in folder.glob(pattern) if _is_abandoned(path)]
    for path in old + unfinished:
        path.unlink(missing_ok=True)
    return len(old)


def _is_abandoned(path: Path) -> bool:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) < clock.now() - _UNFINISHED_FOR
