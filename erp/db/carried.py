"""What a session carries along, besides its rows."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy.orm import Session

T = TypeVar("T")


def carried(session: Session, kind: type[T]) -> T:
    """Return the one `kind` that the session carries along, made without arguments when it is first asked for.

    Let `kind` be a dataclass of your own whose fields have defaults: nobody else has it, and its fields are typed.
    """
    if kind not in session.info:
        session.info[kind] = kind()
    value: T = session.info[kind]
    return value
