"""Line statuses: the System Data, and giving them to lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.events import publish
from erp.history import Change, record, record_all
from modules.procurement.domain import Saved, StatusData
from modules.procurement.errors import NameTaken, StatusInUse
from modules.procurement.events import LineStatusChanged, StatusChange
from modules.procurement.models import PurchaseLineStatus, PurchaseOrderLine
from modules.procurement.queries import lines_in_status, status_by_name, statuses_by_name
from modules.procurement.services.locking import count_up, lock_lines


def set_status(
    session: Session, line_ids: Iterable[int], status: PurchaseLineStatus | None, *, is_default: bool = False
) -> int:
    """Give lines a status; None takes it away. A door. Return how many lines bore another one before.

    `is_default` marks the status that a first claim brings along, which is no news by itself.
    """
    lines = lock_lines(session, line_ids)
    status_id = status.id if status else None
    count_up(session, [line for line in lines if line.status_id != status_id])
    return write_statuses(session, lines, {line.id: status_id for line in lines}, is_default=is_default)


def write_statuses(
    session: Session,
    lines: Iterable[PurchaseOrderLine],
    statuses: Mapping[int, int | None],
    *,
    is_default: bool = False,
) -> int:
    """Write the status ids of locked lines with their history, and announce those that differ, all at once."""
    names = _names(session)
    changed = [line for line in lines if line.id in statuses and line.status_id != statuses[line.id]]
    before = {line.id: line.status_id for line in changed}
    entry_ids = record_all(
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


def save_status(
    session: Session, status: PurchaseLineStatus | None, *, name: str, position: int = 0, is_default: bool = False
) -> PurchaseLineStatus:
    """Make or change a status. A new default takes the mark from the one that had it."""
    namesake = status_by_name(session, name)
    if namesake is not None and namesake is not status:
        raise NameTaken(noun="purchase line status", name=name)
    status = status or PurchaseLineStatus(name=name, is_default=False)
    if is_default and not status.is_default:
        _unmark_default(session)
    status.name, status.position, status.is_default = name, position, is_default
    session.add(status)
    session.flush()
    return status


def save_statuses(session: Session, wanted: Sequence[StatusData]) -> Saved:
    """Make statuses or change them by name. At most one of `wanted` is the default; it takes the mark."""
    known = statuses_by_name(session, [data.name for data in wanted])
    if any(data.is_default and not _is_default(known, data.name) for data in wanted):
        _unmark_default(session)
    changed = 0
    for data in wanted:
        status = known.get(data.name) or PurchaseLineStatus(name=data.name, position=0, is_default=False)
        before = (status.position, status.is_default)
        status.position = status.position if data.position is None else data.position
        status.is_default = status.is_default if data.is_default is None else data.is_default
        changed += data.name in known and before != (status.position, status.is_default)
        session.add(status)
    session.flush()
    return Saved(len(wanted) - len(known), changed)


def _is_default(known: Mapping[str, PurchaseLineStatus], name: str) -> bool:
    return name in known and known[name].is_default


def _unmark_default(session: Session) -> None:
    for old in session.scalars(select(PurchaseLineStatus).where(PurchaseLineStatus.is_default)):
        old.is_default = False
    session.flush()


def delete_status(session: Session, status: PurchaseLineStatus) -> None:
    """Delete a status that no line bears."""
    if bearers := lines_in_status(session, status):
        raise StatusInUse(name=status.name, lines=bearers)
    record(session, status.history_subject(), "deleted")
    session.delete(status)
    session.flush()
