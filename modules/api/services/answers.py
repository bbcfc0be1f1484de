"""Answers to writes, kept so that a request that is sent again is done once."""

from __future__ import annotations

from typing import cast

from sqlalchemy import Table, delete
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_insert, raw_instant
from erp.options import options
from modules.api.models import KeptAnswer
from modules.api.services.exports import forget_exports

KEPT = cast(Table, KeptAnswer.__table__)


def keep_answer(session: Session, user_id: int, key: str, *, digest: str, status: int, body: str) -> None:
    """Keep the answer to a write in the transaction of the write.

    Where another transaction has just kept one under the same key, the database refuses this one, and with it the
    write.
    """
    names = ("user_id", "key", "digest", "status", "body", "answered_at")
    bulk_insert(session, KEPT, names, [(user_id, key, digest, status, body, raw_instant(clock.now()))])


def forget_answers(session: Session) -> int:
    """Delete the answers and exports that are older than `[api] keep_answers`; return how many answers there were."""
    before = clock.now() - options.api.keep_answers
    forget_exports(session, before)
    old = KeptAnswer.answered_at < before
    return int(session.execute(delete(KeptAnswer).where(old)).rowcount)  # type: ignore[attr-defined]
