"""Answers that were kept."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Select, Text, select
from sqlalchemy.orm import Session

from erp.db import given, typed_rows
from modules.api.models import KeptAnswer


class Kept(NamedTuple):
    """What was answered to a write, and what its request is told from others by."""

    digest: str
    status: int
    body: str


def kept_answer(session: Session, user_id: int, key: str) -> Kept | None:
    """Return what was answered to a user's write with this key, None where none was done."""
    rows = typed_rows(session, _kept, user_id=user_id, key=key)
    return Kept(*rows[0]) if rows else None


def _kept(_session: Session) -> Select[*tuple[Any, ...]]:
    of_key = (KeptAnswer.user_id == given("user_id", BigInteger()), KeptAnswer.key == given("key", Text()))
    return select(KeptAnswer.digest, KeptAnswer.status, KeptAnswer.body).where(*of_key)
