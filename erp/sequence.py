"""Numbers of documents: in order, never twice, skipping what an import brought along.

A sequence is named after its document, `<module>.<noun>`, such as `sales.order`: uninstalling the module forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import insert_missing, key_of
from erp.identity import identity_key
from erp.models import Sequence

_PREPARED_AHEAD = 10


def next_number(session: Session, name: str, prefix: str, taken: Any) -> str:
    """Return the next free number of sequence `name`, such as SO00042; `taken` is the column of numbers in use.

    Locks the sequence's row until the transaction ends: lock products first.
    """
    return next_numbers(session, name, prefix, taken, count=1)[0]


def next_numbers(session: Session, name: str, prefix: str, taken: Any, *, count: int) -> list[str]:
    """Return the next `count` free numbers, in order, as `next_number` does."""
    insert_missing(session, Sequence, [{"name": name, "next_number": 1}])
    row = session.scalars(select(Sequence).where(Sequence.name == name).with_for_update()).one()
    session.refresh(row)
    free: list[str] = []
    size = min(max(_PREPARED_AHEAD, count), 20 * _PREPARED_AHEAD)
    while len(free) < count:
        ahead = {f"{prefix}{number:05d}": number for number in range(row.next_number, row.next_number + size)}
        used = _used(session, taken, ahead)
        found = [text for text in ahead if text not in used][: count - len(free)]
        free += found
        row.next_number = ahead[found[-1]] + 1 if len(free) == count else row.next_number + size
    session.flush()
    return free


def _used(session: Session, taken: Any, numbers: Iterable[str]) -> set[str]:
    """Return those of the numbers that are in use, however they are written there."""
    key = key_of(taken)
    texts = {number if key is None else identity_key(number): number for number in numbers}
    column = taken if key is None else key
    return {texts[text] for text in session.scalars(select(column).where(column.in_(texts)))}
