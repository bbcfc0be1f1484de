"""The watched folder: each file KIND*.csv is imported once and moved, with a report beside it."""

from __future__ import annotations

import math
import os
from functools import partial
from pathlib import Path

from sqlalchemy.orm import Session

from erp import clock, events
from erp.db import commit
from erp.errors import ErpError
from erp.exchange.kinds import ImportKind
from erp.exchange.lines import read_records
from erp.exchange.own_maps import recognise
from erp.exchange.problems import Errors
from erp.exchange.reading import anyone, import_csv
from erp.exchange.uploads import live_kinds
from erp.models import ImportFile, ImportState, RunKind
from erp.text import first_line, joined, plural, say

# A file that somebody still writes to is left for the next time.
QUIET_SECONDS = 5
REPORTED = 1000


def import_folder(folder: Path) -> list[str]:
    """Import what is in the folder, each file in a transaction of its own; return a sentence for each.

    A file is moved to `taken` before it is read, so that it is imported once, whatever happens; then to `done` or
    `failed`, beside a report.
    """
    kinds = live_kinds(anyone)
    return [_import(folder, path, kind) for path in _quiet_files(folder) if (kind := _kind_of(path, kinds))]


def _quiet_files(folder: Path) -> list[Path]:
    before = clock.now().timestamp() - QUIET_SECONDS
    return sorted(path for path in folder.glob("*.csv") if path.is_file() and _changed_at(path) <= before)


def _changed_at(path: Path) -> float:
    """Return when a file was changed last; never, where another worker has just taken it."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return math.inf


def _kind_of(path: Path, kinds: dict[str, ImportKind]) -> ImportKind | None:
    """Return the kind that a file's name begins with, the longest where several do."""
    fitting = [name for name in kinds if path.name.lower().startswith(name)]
    return kinds[max(fitting, key=len)] if fitting else None


def _import(folder: Path, path: Path, kind: ImportKind) -> str:
    stem = f"{clock.now():%Y%m%dT%H%M%S}-{path.name}"
    taken = _move(path, folder / "taken" / stem)
    if taken is None:
        return say("{path} was taken by another worker.", path=path.name)
    file_id = commit(partial(_note, path=path, kind=kind, size=taken.stat().st_size))
    try:
        with events.run(RunKind.job, "erp.import_folder"):
            report = commit(partial(_store, kind=kind, path=taken, file_id=file_id))
        is_done = True
    except ErpError as refused:
        report, is_done = _report(refused), False
        commit(partial(_fail, file_id=file_id, report=report))
    place = folder / ("done" if is_done else "failed") / stem
    _move(taken, place)
    place.with_name(f"{place.name}.txt").write_text(f"{report}\n", encoding="utf-8")
    return joined((path.name, first_line(report)), ": ")


def _move(path: Path, to: Path) -> Path | None:
    """Move a file, which only one of two workers can do; return None where it is gone."""
    to.parent.mkdir(exist_ok=True)
    try:
        os.rename(path, to)
    except FileNotFoundError:
        return None
    return to


def _note(session: Session, path: Path, kind: ImportKind, size: int) -> int:
    file = ImportFile(name=path.name, size=size, content=b"", kind=kind.name, user_name="")
    file.state, file.is_from_folder, file.error = ImportState.failed, True, say("It was interrupted.")
    file.finished_at = clock.now()
    session.add(file)
    session.flush()
    return file.id


def _store(session: Session, kind: ImportKind, path: Path, file_id: int) -> str:
    with path.open("rb") as content:
        header, _ = read_records(content, Errors())
        guesses = recognise(session, header.names, [kind])
        used = guesses[0].used if guesses else None
        content.seek(0)
        update = kind.update is not None
        summary = import_csv(session, kind.name, content, used=used, update=update)
    file = session.get_one(ImportFile, file_id)
    file.state, file.summary, file.error = ImportState.applied, summary, ""
    return summary


def _report(refused: ErpError) -> str:
    return joined([str(refused), *refused.lines(REPORTED)], "\n")


def _fail(session: Session, file_id: int, report: str) -> None:
    session.get_one(ImportFile, file_id).error = report


def summary_of(done: list[str]) -> str:
    """Return what the job did, in words."""
    return joined([say("{files}.", files=plural(len(done), "file")), *done[:10]]) if done else ""
