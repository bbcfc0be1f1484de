"""The job of imports: large files that users uploaded, and the watched folder."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.exchange.folder import import_folder, summary_of
from erp.exchange.uploads import work_off
from erp.options import options
from erp.text import say


class NoFolder(ErpError):
    """The folder that the option names is not there."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            say("There is no folder {folder}; option [erp] import_folder names it.", folder=folder), folder=str(folder)
        )


def run_imports(session: Session) -> str:
    """Check and apply uploaded files, and import what is in the watched folder."""
    done = work_off(session)
    if options.erp.import_folder:
        folder = Path(options.erp.import_folder).absolute()
        if not folder.is_dir():
            raise NoFolder(folder)
        done += import_folder(folder)
    return summary_of(done)
