"""Numbers of documents: in order, never twice, skipping what an import brought along.

A sequence is named after its document, `<module>.<noun>`, such as `sales.order`: uninstalling the module forgets it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp.db import is_postgresql, key_of, run
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
    following, are_free = _advance(session, name, prefix, taken, count)
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


def _advance(session: Session, name: str, prefix: str, taken: Any, count: int) -> tuple[int, bool]:
    """Move a sequence on; return the number that follows those taken, and whether none of them is in use."""
    key = key_of(taken)
    column = taken.expression if key is None else key
    on_postgresql = is_postgresql(session)
    statement = _advancing(column.table.name, column.name, on_postgresql=on_postgresql)
    back = list(range(1, count + 1))
    start = prefix if key is None else identity_key(prefix)
    values = (name, 1 + count, count, start, back if on_postgresql else json.dumps(back))
    session.flush()
    ((following, are_used),) = run(session.connection(), statement, values)
    return following, not are_used


@cache
def _advancing(table: str, column: str, *, on_postgresql: bool) -> str:
    place, number = (
        ("%s", "lpad(n::text, greatest(5, length(n::text)), '0')") if on_postgresql else ("?", "printf('%05d', n)")
    )
    back = "unnest(%s::bigint[]) AS each(value)" if on_postgresql else "json_each(?) AS each"
    numbers = (
        f"SELECT {place} || {number} FROM (SELECT erp_sequence.next_number - each.value AS n FROM {back}) AS given"
    )
    return (
        f"INSERT INTO erp_sequence (name, next_number) VALUES ({place}, {place})"
        f" ON CONFLICT (name) DO UPDATE SET next_number = erp_sequence.next_number + {place}"
        f" RETURNING next_number, EXISTS (SELECT 1 FROM {table} WHERE {column} IN ({numbers}))"
    )


def _used(session: Session, taken: Any, numbers: Iterable[str]) -> set[str]:
    """Return those of the numbers that are in use, however they are written there."""
    key = key_of(taken)
    texts = {number if key is None else identity_key(number): number for number in numbers}
    column = taken if key is None else key
    return {texts[text] for text in session.scalars(select(column).where(column.in_(texts)))}
