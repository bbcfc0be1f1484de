"""Who changed what, when, from, to and why: written by services for actions, by the session for edited fields."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, event, insert, inspect
from sqlalchemy.orm import Mapper, ORMExecuteState, RelationshipProperty, Session
from sqlalchemy.orm.attributes import set_committed_value

from erp import clock
from erp.db import ErpSession, Model, bulk_insert, bulk_update, carried, format_quantity, insert_rows, raw_instant
from erp.events import current_run
from erp.models import HistoryEntry, RunKind
from erp.numbers import to_raw
from erp.text import Stored, stored

HISTORY = cast(Table, HistoryEntry.__table__)


class Subject(NamedTuple):
    """The document that an entry is about: `document` is `<module>.<noun>`; `line` its line's position, if one."""

    document: str
    id: int | None
    name: str
    line: int | None = None


class Tracked:
    """Mix-in of a table whose edited fields are recorded automatically.

    `history_fields` names columns and relationships to one row, which are shown by name. A row is a document of its
    own, `history_document`, called as it reads; override `history_subject` where it is not.
    """

    history_document = ""
    history_fields: tuple[str, ...] = ()

    def history_subject(self) -> Subject:
        """Return the document that a change of this row is a change of."""
        return Subject(self.history_document, self.id, str(self))  # type: ignore[attr-defined]


def record(
    session: Session,
    subject: Subject,
    action: str,
    *,
    field: str = "",
    old: object = None,
    new: object = None,
    why: str = "",
) -> HistoryEntry:
    """Write one entry in the caller's transaction, signed with the run and its user."""
    session.flush()  # what waits may be the row of the run
    entry = HistoryEntry(
        run_id=current_run(session).saved_id, **_values(session, Change(subject, action, field, old, new, why))
    )
    session.add(entry)
    session.flush()
    return entry


def record_document(session: Session, row: object, action: str) -> None:
    """Record that a document was made or is being deleted, where its table is Tracked."""
    if isinstance(row, Tracked):
        record(session, row.history_subject(), action)


def delete_document(session: Session, row: object) -> None:
    """Delete a document, and record it where its table is Tracked."""
    record_document(session, row, "deleted")
    session.delete(row)
    session.flush()


# The columns of an entry that say what was changed.
_COLUMNS = ("document", "document_id", "document_name", "line", "action", "field", "old_value", "new_value", "why")


def _stored(value: Any) -> Stored:
    return value if isinstance(value, Stored) else stored(as_text(value))


def _user_name(session: Session) -> str:
    current = current_run(session)
    return current.user_name or (f"job {current.name}" if current.kind == RunKind.job else "")


def _values(session: Session, change: Change) -> dict[str, Any]:
    texts = map(_stored, (change.old, change.new, change.why or reason(session)))
    cells = (*change.subject, change.action, change.field, *texts)
    return {"user_name": _user_name(session), **dict(zip(_COLUMNS, cells, strict=True))}


@dataclass
class _Reason:
    """The reason for what a session is changing."""

    text: str = ""


@contextmanager
def because(session: Session, why: str) -> Iterator[None]:
    """Give the entries that are written inside a reason where they have none; edits are flushed at the end."""
    current = carried(session, _Reason)
    outer = current.text
    current.text = why or outer
    try:
        yield
        session.flush()
    finally:
        current.text = outer


def reason(session: Session) -> str:
    """Return the reason that is given inside `because`, or ''."""
    return carried(session, _Reason).text


def as_text(value: Any) -> str:
    """Return a value as the history shows it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return format_quantity(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value)


@event.listens_for(ErpSession, "before_flush")
def _write_edits(session: Session, _context: Any, _instances: Any) -> None:
    edited = [row for row in session.dirty if isinstance(row, Tracked)]
    changes = [change for row in edited for change in _edits(session, row)]
    if changes:
        # As rows of the session they would be inserted one by one on SQLite.
        run_id = current_run(session).saved_id
        entries = [{"run_id": run_id, **_values(session, change)} for change in changes]
        session.connection().execute(insert(HistoryEntry), entries)


def _edits(session: Session, row: Tracked) -> Iterable[Change]:
    state = inspect(row)
    for name in row.history_fields:
        changed = state.attrs[name].history
        old, new = _only(changed.deleted), _only(changed.added)
        if name in state.mapper.relationships and not changed.has_changes():
            old, new = _edited_by_key(session, row, state.mapper.relationships[name])
        if old != new:
            yield Change(row.history_subject(), "changed", name, old, new)


def _only(values: Sequence[Any] | None) -> Any:
    return values[0] if values else None


def _edited_by_key(session: Session, row: Tracked, field: RelationshipProperty[Any]) -> tuple[Any, Any]:
    """Return the old and the new row of a relationship whose column was set instead of itself."""
    changed = inspect(row).attrs[_key_of(field)].history
    if not changed.deleted:  # The column was only flagged, so that the row's version is counted up.
        return None, None
    ids = changed.deleted[0], _only(changed.added)
    old, new = (None if id_ is None else session.get(field.mapper, id_) for id_ in ids)
    return old, new


def _key_of(field: RelationshipProperty[Any]) -> str:
    (column,) = field.local_columns
    return field.parent.get_property_by_column(column).key


@event.listens_for(Mapper, "mapper_configured")
def _keep_old_values(mapper: Mapper[Any], class_: type) -> None:
    # Without this a row that was expired, as by a lock, does not know the old value of a field that is set.
    if issubclass(class_, Tracked):
        keys = [_key_of(mapper.relationships[name]) for name in class_.history_fields if name in mapper.relationships]
        for name in (*class_.history_fields, *keys):
            event.listen(getattr(class_, name), "set", _nothing, active_history=True)


def _nothing(_row: Any, _value: Any, _old: Any, _initiator: Any) -> None:
    """Do nothing: that there is a listener makes SQLAlchemy read the old value first."""


@event.listens_for(ErpSession, "do_orm_execute")
def _refuse_rewriting_in_bulk(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete) and HistoryEntry.__mapper__ in state.all_mappers:
        raise RuntimeError("history is written once and never changed")


@event.listens_for(ErpSession, "before_flush")
def _refuse_rewriting(session: Session, _context: Any, _instances: Any) -> None:
    touched = [row for row in (*session.dirty, *session.deleted) if isinstance(row, HistoryEntry)]
    if any(session.is_modified(row) or row in session.deleted for row in touched):
        raise RuntimeError("history is written once and never changed")


class Change(NamedTuple):
    """One entry to be written among many."""

    subject: Subject
    action: str
    field: str = ""
    old: object = None
    new: object = None
    why: str = ""


def record_all(session: Session, changes: Iterable[Change]) -> None:
    """Write many entries at once."""
    written = list(changes)
    if not written:
        return
    _note_made(session, written)
    # Texts are sent as they are: the list of a column has the type of its first value.
    why = str(stored(reason(session)))
    rows = [
        (*subject, action, field, str(_stored(old)), str(_stored(new)), str(_stored(given)) if given else why)
        for subject, action, field, old, new, given in written
    ]
    run_id, user_name = current_run(session).row, _user_name(session)
    shared = {"at": raw_instant(clock.now()), "run_id": run_id, "user_name": user_name}
    bulk_insert(session, HISTORY, _COLUMNS, rows, shared=shared)


def edit_many(
    session: Session,
    model: type[Model],
    types: Mapping[str, str],
    edits: Sequence[tuple[Any, Mapping[str, Any]]],
) -> None:
    """Set the fields of each row to the values given with it: two statements for any number of rows.

    `types` maps the fields, the same for all rows, to their PostgreSQL types. The history records each change, and the
    versions of the rows are counted up.
    """
    changes = [
        Change(row.history_subject(), "changed", field, getattr(row, field), values[field])
        for row, values in edits
        for field in types
        if getattr(row, field) != values[field]
    ]
    record_all(session, changes)
    table = cast(Table, model.__table__)
    version = {"row_version": f"{table.name}.row_version + 1"} if "row_version" in table.columns else {}
    sets = {field: f"{{new_{field}}}" for field in types} | version
    rows = [(row.id, *(_raw(values[field]) for field in types)) for row, values in edits]
    bulk_update(session, table, sets, {f"new_{field}": kind for field, kind in types.items()}, rows)
    for row, values in edits:
        # The bulk update passes the session by: set what it has loaded, so that nothing needs to be read again.
        for name in types:
            set_committed_value(row, name, values[name])
        if version:
            set_committed_value(row, "row_version", row.row_version + 1)


def _raw(value: Any) -> Any:
    return to_raw(value) if isinstance(value, Decimal) else value


def record_with_ids(session: Session, changes: Iterable[Change]) -> list[int]:
    """Write many entries at once and return their ids, in order."""
    written = list(changes)
    _note_made(session, written)
    session.flush()
    run_id = current_run(session).saved_id
    return insert_rows(session, HistoryEntry, [{"run_id": run_id, **_values(session, each)} for each in written])


def _note_made(session: Session, written: Iterable[Change]) -> None:
    made = carried(session, _Made)
    if made.document:
        made.ids.update(each.subject.id for each in written if made.is_noted(each))


@dataclass
class _Made:
    """The kind of documents whose making is noted at present, none by default, and their ids."""

    document: str = ""
    ids: set[int | None] = field(default_factory=set)

    def is_noted(self, change: Change) -> bool:
        """Whether a change is the making of such a document."""
        return change.action == "created" and change.subject.document == self.document


@contextmanager
def noting_made(session: Session, document: str) -> Iterator[set[int | None]]:
    """Give the ids of the documents of a kind that are recorded inside as made, many at once."""
    made = carried(session, _Made)
    made.document, made.ids = document, set()
    try:
        yield made.ids
    finally:
        made.document = ""
