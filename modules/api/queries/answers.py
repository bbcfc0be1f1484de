"""Answers that were kept."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.api.models import KeptAnswer


def kept_answer(session: Session, user_id: int, key: str) -> KeptAnswer | None:
    """Return what was answered to a user's write with this key, None where none was done."""
    return session.scalar(select(KeptAnswer).where(KeptAnswer.user_id == user_id, KeptAnswer.key == key))
