"""Documents that are named by an identifier, such as products and customers: many are made at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.db import insert_missing, rows_named
from erp.errors import ErpError, RecordTaken
from erp.history import Change, record_all
from erp.identity import ByKey, check_identifier
from erp.search import refresh


def create_named(
    session: Session, model: type[Any], name: str, rows: Sequence[Mapping[str, Any] | ErpError], *, noun: str
) -> list[int | ErpError]:
    """Insert rows whose identifier is the column `name`, in a fixed number of statements, and record it in the history.

    Returns the id of each or why it is refused: BadIdentifier, RecordTaken where another row has its identifier, or
    what stands in its place. A refusal calls a row by the `noun`.
    """
    found = [_with_identifier(row, name) for row in rows]
    refused = {place: row for place, row in enumerate(found) if isinstance(row, ErpError)}
    wanted = {place: row for place, row in enumerate(found) if not isinstance(row, ErpError)}
    first: ByKey[str, int] = ByKey()
    for place, row in wanted.items():
        first.setdefault(row[name], place)
    inserted = set(insert_missing(session, model, [wanted[place] for place in first.values()], returning=model.id))
    known = rows_named(session, model, name, [row[name] for row in wanted.values()])
    made: dict[int, Any] = {}
    for place, row in wanted.items():
        there = known.get(row[name])
        if there is not None and there.id in inserted and first[row[name]] == place:
            made[place] = there
        else:
            refused[place] = RecordTaken(noun, row[name] if there is None else getattr(there, name))
    refresh(session, made.values())
    record_all(session, [Change(row.history_subject(), "created") for row in made.values()])
    return [made[place].id if place in made else refused[place] for place in range(len(rows))]


def _with_identifier(row: Mapping[str, Any] | ErpError, name: str) -> Mapping[str, Any] | ErpError:
    if isinstance(row, ErpError):
        return row
    try:
        return {**row, name: check_identifier(row[name])}
    except ErpError as refusal:
        return refusal
