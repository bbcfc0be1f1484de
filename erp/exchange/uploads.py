"""Uploaded files: kept, checked with what they would do, and applied once, in a request or by the job."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp import clock, events
from erp.db import commit, db
from erp.errors import ErpError
from erp.exchange.kinds import ImportKind, notes_of_import
from erp.exchange.lines import read_records
from erp.exchange.maps import Bound, Map
from erp.exchange.own_maps import find_map, recognise
from erp.exchange.problems import Errors, ImportRefused
from erp.exchange.reading import May, Reading, columns_of, import_csv, read_csv, store
from erp.exchange.writing import as_cell, line_of
from erp.history import noting_made
from erp.identity import identity_key
from erp.models import ImportFile, ImportState, RunKind, User
from erp.registry import current_registry
from erp.sequence import trying
from erp.text import joined, plural, say, stored

T = TypeVar("T")

# A larger file, in bytes, is checked and applied by the job.
IN_REQUEST = 1_000_000
ROWS_SHOWN = 10
KINDS_SHOWN = 50
KEPT_DAYS = 30
LONGEST_NAME = 200


class AlreadyApplied(ErpError):
    """A file that was applied before, or is about to be."""

    def __init__(self, name: str) -> None:
        super().__init__(say("{name} has been applied already. Upload it again to import it once more.", name=name))


class NotChecked(ErpError):
    """A file that has problems, or was not checked yet."""

    def __init__(self, name: str) -> None:
        super().__init__(say("{name} cannot be applied: solve its problems first.", name=name))


class _Undone(Exception):
    """Carries what a dry run found out of its transaction, which is undone."""

    def __init__(self, found: Any) -> None:
        super().__init__()
        self.found = found


def undone(work: Callable[[Session], T]) -> T:
    """Do `work(session)` in a transaction that is undone, and return its result."""

    def tried(session: Session) -> None:
        raise _Undone(work(session))

    try:
        commit(tried)
    except _Undone as done:
        found: T = done.found
        return found
    raise AssertionError("a dry run ends by its exception")


def live_kinds(may: May) -> dict[str, ImportKind]:
    """Return the import kinds of modules that are on, by name, that a user may import."""
    registry = current_registry()
    live = {name: owned.thing for name, owned in registry.imports.items() if registry.is_live(owned.module)}
    return {name: kind for name, kind in sorted(live.items()) if may(kind.permission)}


def receive(session: Session, name: str, content: bytes, *, kind: str = "", user_name: str = "") -> int:
    """Keep an uploaded file to be checked; return its id. Files that ended some weeks ago are forgotten."""
    session.execute(delete(ImportFile).where(ImportFile.finished_at < clock.now() - timedelta(days=KEPT_DAYS)))
    file = ImportFile(name=name[-LONGEST_NAME:], size=len(content), content=content, kind=kind, user_name=user_name)
    chosen = live_kinds(lambda _: True).get(kind)
    file.is_update = chosen is None or chosen.update is not None
    session.add(file)
    session.flush()
    return file.id


def check(file_id: int, may: May) -> None:
    """Find out what a file is and would do, and keep that with it; nothing else is changed."""
    found = undone(partial(_examined, file_id=file_id, may=may))
    commit(partial(_keep, file_id=file_id, found=found))


def _keep(session: Session, file_id: int, found: dict[str, Any]) -> None:
    file = session.get_one(ImportFile, file_id)
    if file.state in (ImportState.applied, ImportState.applying):
        raise AlreadyApplied(file.name)
    file.kind, file.map_name = found["kind"], found["map"]
    file.state, file.checked = ImportState.checked, json.dumps(found, ensure_ascii=False)
    file.error = found["error"]


def _examined(session: Session, file_id: int, may: May) -> dict[str, Any]:
    """Return what a file is and would do, as JSON can keep it."""
    file = session.get_one(ImportFile, file_id)
    found: dict[str, Any] = {
        "kind": file.kind,
        "map": file.map_name,
        "names": [],
        "error": "",
        "summary": "",
        "rows": [],
    }
    found |= {"columns": [], "problems": [], "count": 0, "unknown": {}, "bad": []}
    errors = Errors()
    try:
        header, _ = read_records(io.BytesIO(file.content), errors)
        found["names"] = header.names
        kind, used = _recognised(session, file, header.names, may)
        found |= {"kind": kind.name, "map": used.name if used else ""}
        read = read_csv(kind.name, io.BytesIO(file.content), used=used, may=may)
        errors = read.errors
        found |= _first_rows(read, may)
        found["summary"] = stored(_tried(session, read, file))
    except ImportRefused as refused:
        found |= _problems(refused, errors)
    except ErpError as refused:
        found["error"] = str(refused)
    return found


def _recognised(session: Session, file: ImportFile, names: Sequence[str], may: May) -> tuple[ImportKind, Map | None]:
    """Return the kind and the map that were chosen for a file, else those that its header shows."""
    kinds = live_kinds(may)
    if file.kind and file.kind not in kinds:
        raise ErpError(say("You may not import {kind}, or its module is off.", kind=file.kind))
    if file.kind and file.map_name:
        return kinds[file.kind], find_map(session, kinds[file.kind], file.map_name)
    guesses = recognise(session, names, [kinds[file.kind]] if file.kind else kinds.values(), may=may)
    if guesses:
        return guesses[0].kind, guesses[0].used
    if file.kind:
        return kinds[file.kind], None
    raise ErpError("What this file is cannot be seen from its header: choose a kind, then its columns.")


def _first_rows(read: Reading, may: May) -> dict[str, Any]:
    rows = read.rows[:ROWS_SHOWN]
    columns = [column.name for column in columns_of(read.kind, may) if rows and rows[0].given(column.name)]
    shown = [[row.number, *(as_cell(row[column]) for column in columns)] for row in rows]
    return {"columns": columns, "rows": shown, "count": len(read.rows)}


def _tried(session: Session, read: Reading, file: ImportFile) -> str:
    update = file.is_update and read.kind.update is not None
    with trying(session):
        summary = store(session, read, after=file.steps.split(), update=update)
    notes = [note for answer in notes_of_import(session) for note in answer]
    return joined([summary, *read.notes(), *notes])


def _problems(refused: ImportRefused, errors: Errors) -> dict[str, Any]:
    shown = [
        {
            "rows": stored(str(problem.rows)),
            "count": problem.count,
            "column": problem.column,
            "values": problem.values,
            "message": stored(problem.examples[0].message),
        }
        for problem in refused.problems[:KINDS_SHOWN]
    ]
    unknown = {column: list(names) for column, names in errors.unknown.items()}
    return {
        "problems": shown,
        "error": say("{errors}: nothing is imported before they are solved.", errors=plural(refused.count, "error")),
        "unknown": unknown,
        "bad": sorted(errors.bad_rows),
    }


def choose(session: Session, file_id: int, **chosen: Any) -> None:
    """Choose the kind, the map, the steps or the update of a file; it must be checked again."""
    file = session.get_one(ImportFile, file_id)
    if file.state in (ImportState.applied, ImportState.applying):
        raise AlreadyApplied(file.name)
    for name, value in chosen.items():
        setattr(file, name, value)
    file.state = ImportState.waiting


def ask_to_apply(session: Session, file_id: int) -> None:
    """Let the job apply a file; raise AlreadyApplied or NotChecked."""
    _checked(session, file_id).state = ImportState.applying


def _checked(session: Session, file_id: int) -> ImportFile:
    file = session.get_one(ImportFile, file_id, with_for_update=True)
    if file.state in (ImportState.applied, ImportState.applying):
        raise AlreadyApplied(file.name)
    if file.state != ImportState.checked or file.error:
        raise NotChecked(file.name)
    return file


def apply(session: Session, file_id: int, may: May) -> str:
    """Import a checked file in the caller's transaction, and return the summary.

    Everything is checked again. Raises AlreadyApplied, NotChecked and what an import raises.
    """
    return _apply(session, _checked(session, file_id), may)


def _apply(session: Session, file: ImportFile, may: May) -> str:
    kind = live_kinds(may).get(file.kind)
    if kind is None:
        raise ErpError(say("You may not import {kind}, or its module is off.", kind=file.kind))
    used = find_map(session, kind, file.map_name) if file.map_name else None
    update = file.is_update and kind.update is not None
    after, data = file.steps.split(), io.BytesIO(file.content)
    with noting_made(session, kind.screen) as made:
        file.summary = import_csv(session, kind.name, data, used=used, after=after, update=update, may=may)
    file.made_id = next(iter(made)) if len(made) == 1 else None
    file.state, file.finished_at = ImportState.applied, clock.now()
    return file.summary


def missing_rows(session: Session, file_id: int, column: str, may: May) -> tuple[str, bytes]:
    """Return the import kind that makes what a column of a file names and nobody knows, and its rows as CSV."""
    file = session.get_one(ImportFile, file_id)
    kind = live_kinds(may)[file.kind]
    other = live_kinds(may).get(kind.refers.get(column, ""))
    if other is None:
        raise ErpError(say("You may not make what column {column} names.", column=column))
    wanted = {identity_key(name): name for name in json.loads(file.checked)["unknown"].get(column, [])}
    used = find_map(session, kind, file.map_name) if file.map_name else None
    made = used.makes.get(other.name) if used else None
    key = other.key[0]
    rows: dict[str, Mapping[str, str]] = {found: {key: name, "name": name} for found, name in wanted.items()}
    if used and made:
        rows |= {found: row for row in _mapped_rows(file, used, made) if (found := identity_key(row[key])) in wanted}
    return other.name, _as_csv(rows.values())


def _mapped_rows(file: ImportFile, used: Map, made: Map) -> Iterator[dict[str, str]]:
    header, records = read_records(io.BytesIO(file.content), Errors())
    whole, part = Bound(used, header.names), Bound(made, header.names)
    for _, cells in records:
        complete = whole.complete(cells)
        if whole.cells(cells) is not None and (row := part.cells(complete)) is not None:
            yield dict(zip(part.names, row, strict=True))


def _as_csv(rows: Iterable[Mapping[str, str]]) -> bytes:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [line_of(as_cell(row.get(name, "")) for name in names) for row in rows]
    return "".join([line_of(names), *lines]).encode()


def rejected_rows(file: ImportFile) -> Iterator[str]:
    """Yield the rows of a checked file that have problems, with its own header, as CSV."""
    bad = set(json.loads(file.checked or "{}").get("bad", ()))
    header, records = read_records(io.BytesIO(file.content), Errors())
    yield line_of(header.names)
    for number, cells in records:
        if number in bad:
            yield line_of(cells)


def work_off(session: Session) -> list[str]:
    """Check and apply the files that wait for the job, each in transactions of its own; return what was done."""
    waiting = select(ImportFile.id, ImportFile.user_name, ImportFile.state).order_by(ImportFile.id)
    todo = session.execute(waiting.where(ImportFile.state.in_((ImportState.waiting, ImportState.applying)))).all()
    session.commit()
    return [_work_off_one(id_, user_name, state) for id_, user_name, state in todo]


def _work_off_one(file_id: int, user_name: str, state: ImportState) -> str:
    may = rights_of(db.session(), user_name)
    if state == ImportState.waiting:
        check(file_id, may)
        return say("File {file_id} checked.", file_id=file_id)
    try:
        with events.run(RunKind.job, "erp.import", user_name):
            return commit(partial(_applied_by_job, file_id=file_id, may=may))
    except ErpError as refused:
        commit(partial(_fail, file_id=file_id, error=_text(refused)))
        return say("File {file_id} failed.", file_id=file_id)


def _applied_by_job(session: Session, file_id: int, may: May) -> str:
    file = session.get_one(ImportFile, file_id, with_for_update=True)
    return file.summary if file.state != ImportState.applying else _apply(session, file, may)


def _fail(session: Session, file_id: int, error: str) -> None:
    file = session.get_one(ImportFile, file_id)
    file.state, file.error, file.finished_at = ImportState.failed, error, clock.now()


def _text(refused: ErpError) -> str:
    return joined([str(refused), *refused.lines(20)], "\n")


def rights_of(session: Session, user_name: str) -> May:
    """Return what says whether a user holds a right now; one who is not there or not active holds none."""
    user = session.scalar(select(User).where(User.username == user_name))
    rights = frozenset() if user is None or not user.is_active else user.rights
    return lambda permission: not permission or "*" in rights or permission in rights
