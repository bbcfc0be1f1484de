"""Purchase line statuses, and giving them to lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.contacts import Saved
from erp.db import insert_rows
from erp.events import publish
from erp.history import Change, delete_document, edit_many, record_with_ids
from erp.text import say
from modules.procurement.domain import StatusData
from modules.procurement.errors import NameTaken, StatusInUse
from modules.procurement.events import LineStatusChanged, StatusChange
from modules.procurement.models import PurchaseLineStatus, PurchaseOrderLine
from modules.procurement.queries import count_lines_in_status, status_by_name, statuses_by_name
from modules.procurement.services.locking import count_up_versions, lock_lines


def set_status(session: Session, line_ids: Iterable[int], status_id: int | None, *, is_default: bool = False) -> int:
    """Lock the lines and give them a status; None removes it. Return how many lines had another one before.

    `is_default`: it is the default status of a first purchase allocation, of which no customer is notified.
    """
    return set_statuses(session, dict.fromkeys(line_ids, status_id), is_default=is_default)


def set_statuses(session: Session, statuses: Mapping[int, int | None], *, is_default: bool = False) -> int:
    """Lock the lines and give each its status, by line id, as `set_status` does."""
    lines = lock_lines(session, statuses)
    count_up_versions(session, [line for line in lines if line.status_id != statuses[line.id]])
    return write_statuses(session, lines, statuses, is_default=is_default)


def write_statuses(
    session: Session,
    lines: Iterable[PurchaseOrderLine],
    statuses: Mapping[int, int | None],
    *,
    is_default: bool = False,
) -> int:
    """Write statuses of locked lines and their history, and publish the changes in one event; return their number."""
    names = _names(session)
    changed = [line for line in lines if line.id in statuses and line.status_id != statuses[line.id]]
    before = {line.id: line.status_id for line in changed}
    entry_ids = record_with_ids(
        session,
        [
            Change(line.history_subject(), "changed", "status", names[before[line.id]], names[statuses[line.id]])
            for line in changed
        ],
    )
    for line in changed:
        line.status_id = statuses[line.id]
    session.flush()
    if changed:
        changes = tuple(
            StatusChange(line.id, before[line.id], statuses[line.id], entry_id)
            for line, entry_id in zip(changed, entry_ids, strict=True)
        )
        publish(session, LineStatusChanged(changes, is_default))
    return len(changed)


def _names(session: Session) -> dict[int | None, str]:
    names: dict[int | None, str] = {None: ""}
    for status_id, name in session.execute(select(PurchaseLineStatus.id, PurchaseLineStatus.name)):
        names[status_id] = name
    return names


def save_status(session: Session, status_id: int | None, data: StatusData) -> PurchaseLineStatus:
    """Create a status, or change the one of this id; a new default replaces the old one. Raises NameTaken."""
    namesake = status_by_name(session, data.name)
    if namesake is not None and namesake.id != status_id:
        raise NameTaken(noun=say("purchase line status"), name=namesake.name)
    status = session.get_one(PurchaseLineStatus, status_id) if status_id else _new_status(data.name)
    if data.is_default and not status.is_default:
        _clear_default(session)
    status.name = data.name
    for name, value in _after(status, data).items():
        setattr(status, name, value)
    session.add(status)
    session.flush()
    return status


def save_statuses(session: Session, statuses: Sequence[StatusData]) -> Saved:
    """Create statuses or change them by name. At most one of them is the default; it replaces the old one."""
    known = statuses_by_name(session, [data.name for data in statuses])
    if any(data.is_default and not (data.name in known and known[data.name].is_default) for data in statuses):
        _clear_default(session)
    new = [data for data in statuses if data.name not in known]
    rows = [{"name": data.name, **_after(_new_status(data.name), data)} for data in new]
    insert_rows(session, PurchaseLineStatus, rows)
    old = [(known[data.name], _after(known[data.name], data)) for data in statuses if data.name in known]
    edits = [(status, values) for status, values in old if values != _fields(status)]
    edit_many(session, PurchaseLineStatus, {"position": "integer", "is_default": "boolean"}, edits)
    return Saved(len(new), len(edits))


def _new_status(name: str) -> PurchaseLineStatus:
    return PurchaseLineStatus(name=name, position=0, is_default=False)


def _fields(status: PurchaseLineStatus) -> dict[str, Any]:
    return {"position": status.position, "is_default": status.is_default}


def _after(status: PurchaseLineStatus, data: StatusData) -> dict[str, Any]:
    """Return what a status will have: what the data gives, else what it has."""
    given = {"position": data.position, "is_default": data.is_default}
    return _fields(status) | {name: value for name, value in given.items() if value is not None}


def _clear_default(session: Session) -> None:
    for old in session.scalars(select(PurchaseLineStatus).where(PurchaseLineStatus.is_default)):
        old.is_default = False
    session.flush()


def delete_status(session: Session, status_id: int) -> None:
    """Delete a status. Raises StatusInUse when a line has it."""
    status = session.get_one(PurchaseLineStatus, status_id)
    if lines := count_lines_in_status(session, status_id):
        raise StatusInUse(name=status.name, lines=lines)
    delete_document(session, status)
