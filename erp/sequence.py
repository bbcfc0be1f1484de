"""Numbers of documents: in order, never twice, skipping what an import brought along.

A sequence is named after its document, `<module>.<noun>`, such as `sales.order`: uninstalling the module forgets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session

from erp.db import connection_of, is_postgresql, key_of, run, sql_of_last_id, sql_of_next_ids
from erp.identity import identity_key
from erp.models import Sequence

_PREPARED_AHEAD = 10


def next_number(session: Session, name: str, prefix: str, taken: Any) -> str:
    """Return the next free number of sequence `name`, such as SO00042; `taken` is the column of numbers in use.

    Locks the sequence's row until the transaction ends: lock products first, and take it last.
    """
    return next_numbers(session, name, prefix, taken, count=1)[0]


def next_numbers(session: Session, name: str, prefix: str, taken: Any, *, count: int) -> list[str]:
    """Return the next `count` free numbers, in order, as `next_number` does."""
    return _free(session, name, prefix, taken, *_advance(session, name, prefix, taken, count)[:2], count=count)


def next_documents(session: Session, name: str, prefix: str, taken: Any, *, count: int) -> list[tuple[int, str]]:
    """Return the ids and numbers of the next `count` documents, of the table of `taken`, in one statement for both.

    The numbers are those of `next_numbers`, with their locks.
    """
    following, are_free, ids = _advance(session, name, prefix, taken, count, with_ids=True)
    numbers = _free(session, name, prefix, taken, following, are_free, count=count)
    return list(zip(ids, numbers, strict=True))


def _free(
    session: Session, name: str, prefix: str, taken: Any, following: int, are_free: bool, *, count: int
) -> list[str]:
    """Return free numbers: those just taken, and where an import brought some of them along, others that follow."""
    if are_free:
        return [f"{prefix}{number:05d}" for number in range(following - count, following)]
    free: list[str] = []
    ahead = range(following - count, following)
    while True:
        texts = {f"{prefix}{number:05d}": number for number in ahead}
        used = _used(session, taken, texts)
        free += [text for text in texts if text not in used][: count - len(free)]
        if len(free) == count:
            break
        size = min(max(_PREPARED_AHEAD, count), 20 * _PREPARED_AHEAD)
        ahead = range(ahead.stop, ahead.stop + size)
    if texts[free[-1]] + 1 != following:
        session.execute(update(Sequence).where(Sequence.name == name).values(next_number=texts[free[-1]] + 1))
    return free


def _advance(
    session: Session, name: str, prefix: str, taken: Any, count: int, *, with_ids: bool = False
) -> tuple[int, bool, list[int]]:
    """Move a sequence on; return the number that follows those taken, whether none is in use, and new ids if wanted."""
    key = key_of(taken)
    column = taken.expression if key is None else key
    on_postgresql = is_postgresql(session)
    statement = _advancing(column.table, column.name, on_postgresql=on_postgresql, with_ids=with_ids)
    back = list(range(1, count + 1))
    start = prefix if key is None else identity_key(prefix)
    given = (name, 1 + count, count, start, back if on_postgresql else json.dumps(back))
    session.flush()
    ((following, are_used, found),) = run(
        connection_of(session), statement, (*given, back) if on_postgresql and with_ids else given
    )
    ids = found if on_postgresql else [found + place for place in back]
    return following, not are_used, ids if with_ids else []


@cache
def _advancing(table: Table, column: str, *, on_postgresql: bool, with_ids: bool) -> str:
    place, number = (
        ("%s", "lpad(n::text, greatest(5, length(n::text)), '0')") if on_postgresql else ("?", "printf('%05d', n)")
    )
    back = "unnest(%s::bigint[]) AS each(value)" if on_postgresql else "json_each(?) AS each"
    numbers = (
        f"SELECT {place} || {number} FROM (SELECT erp_sequence.next_number - each.value AS n FROM {back}) AS given"
    )
    ids = (sql_of_next_ids if on_postgresql else sql_of_last_id)(table) if with_ids else "0"
    return (
        f"INSERT INTO erp_sequence (name, next_number) VALUES ({place}, {place})"
        f" ON CONFLICT (name) DO UPDATE SET next_number = erp_sequence.next_number + {place}"
        f" RETURNING next_number, EXISTS (SELECT 1 FROM {table.name} WHERE {column} IN ({numbers})), {ids}"
    )


def _used(session: Session, taken: Any, numbers: Iterable[str]) -> set[str]:
    """Return those of the numbers that are in use, however they are written there."""
    key = key_of(taken)
    texts = {number if key is None else identity_key(number): number for number in numbers}
    column = taken if key is None else key
    return {texts[text] for text in session.scalars(select(column).where(column.in_(texts)))}
