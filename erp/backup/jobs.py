"""The scheduled backup, and how many are kept."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from erp import clock
from erp.backup.making import make
from erp.errors import ErpError
from erp.options import options
from erp.text import plural

_NAMES = "erp-*.backup"


class BackupFailed(ErpError):
    """A scheduled backup that could not be written."""

    def __init__(self, folder: Path, error: OSError) -> None:
        super().__init__(f"No backup was made in {folder}: {error.strerror or error}.")


def back_up(_session: Session) -> str:
    """Make a backup in the folder of the options, and delete the oldest beyond those that are kept."""
    if not options.erp.backup_folder:
        return "Off: [erp] backup_folder is empty."
    folder = Path(options.erp.backup_folder).absolute()
    path = folder / f"erp-{clock.now():%Y%m%dT%H%M%SZ}.backup"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        manifest, _ = make(path)
        gone = _rotate(folder)
    except OSError as error:
        raise BackupFailed(folder, error) from error
    deleted = f" {plural(gone, 'older backup')} deleted." if gone else ""
    return f"{path} has {plural(manifest.contents.rows, 'row')}.{deleted}"


def _rotate(folder: Path) -> int:
    """Delete all but the newest backups that this job made; return how many."""
    old = sorted(folder.glob(_NAMES))[: -options.erp.backup_keep]
    for path in old:
        path.unlink()
    return len(old)
