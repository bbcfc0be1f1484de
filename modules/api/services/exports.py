"""Exports: CSV files that users ask for, and that a job writes."""

from __future__ import annotations

import io
from datetime import datetime
from functools import partial

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import commit, one_moment
from erp.errors import ErpError, NotFound
from erp.exchange import export_csv, export_kinds, rights_of
from erp.text import say
from modules.api.errors import ExportKindRefused, ExportNotWritten
from modules.api.models import ExportFile
from modules.api.states import EXPORT, ExportState


def ask_for_export(session: Session, kind: str, user_name: str) -> ExportFile:
    """Note that a user wants a file of a kind that they may export; a job writes it."""
    file = ExportFile(kind=kind, user_name=user_name)
    session.add(file)
    session.flush()
    return file


def write_exports(session: Session) -> int:
    """Write the files that were asked for, each in transactions of its own; return how many.

    A file whose writer died still waits, and is written again.
    """
    waiting = select(ExportFile.id, ExportFile.kind, ExportFile.user_name).order_by(ExportFile.id)
    todo = session.execute(waiting.where(ExportFile.state == ExportState.waiting)).all()
    session.commit()
    for file_id, kind, user_name in todo:
        content, error = _content(session, kind, user_name)
        commit(partial(_finish, file_id=file_id, content=content, error=error))
    return len(todo)


def _content(session: Session, kind: str, user_name: str) -> tuple[bytes | None, str]:
    """Return the file as the database is at one moment, or why there is none."""
    may = rights_of(session, user_name)
    session.commit()
    try:
        if kind not in export_kinds(may):
            raise ExportKindRefused(kind)
        with one_moment(session):
            return _file(session, kind), ""
    except ErpError as refused:
        return None, str(refused)


def _file(session: Session, kind: str) -> bytes:
    """Return a file whose pieces are encoded one by one, so that it is in memory once, as the column takes it."""
    file = io.BytesIO()
    for piece in export_csv(session, kind):
        file.write(piece.encode())
    return file.getvalue()


def _finish(session: Session, file_id: int, content: bytes | None, error: str) -> None:
    file = session.get(ExportFile, file_id, with_for_update=True)
    if file is None or file.state is not ExportState.waiting:
        return
    file.state = EXPORT.next(file.state, "fail" if content is None else "write")
    file.content, file.size, file.error, file.finished_at = content, len(content or b""), error, clock.now()
    session.flush()


def content_of_export(session: Session, file_id: int) -> bytes:
    """Return a file that is written. Raises NotFound, and ExportNotWritten for one that waits or failed."""
    file = session.get(ExportFile, file_id)
    if file is None:
        raise NotFound(say("export"), file_id)
    if file.content is None:
        raise ExportNotWritten(export=file_id, state=file.state.value, why=file.error)
    return file.content


def forget_exports(session: Session, before: datetime) -> None:
    """Delete the files that were asked for before an instant."""
    session.execute(delete(ExportFile).where(ExportFile.asked_at < before))
