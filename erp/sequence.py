"""Numbers of documents: in order, never twice, skipping what an import brought along.

A sequence is named after its document, `<module>.<noun>`, such as `sales.order`: uninstalling the module forgets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp.db import key_of
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
    following = _advance(session, name, count)
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


def _advance(session: Session, name: str, count: int) -> int:
    """Move a sequence on by `count` numbers in one statement; return the number that follows them."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(Sequence).values(name=name, next_number=1 + count)
    moved = {"next_number": Sequence.next_number + count}
    advanced = statement.on_conflict_do_update(index_elements=["name"], set_=moved).returning(Sequence.next_number)
    following: int = session.execute(advanced).scalar_one()
    return following


def _used(session: Session, taken: Any, numbers: Iterable[str]) -> set[str]:
    """Return those of the numbers that are in use, however they are written there."""
    key = key_of(taken)
    texts = {number if key is None else identity_key(number): number for number in numbers}
    column = taken if key is None else key
    return {texts[text] for text in session.scalars(select(column).where(column.in_(texts)))}
