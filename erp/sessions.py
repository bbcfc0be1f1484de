"""Sessions of signed-in users: rows, so that signing out, another password and an administrator end them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, select
from sqlalchemy.orm import Session, selectinload

from erp import clock
from erp.models import Role, SignedIn, User

# A browser that is never closed signs in again after so long.
LIFETIME = timedelta(days=30)


def start(session: Session, user: User, *, place: str, device: str) -> User:
    """Start a session of this user; return the user, who carries its token."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(SignedIn).where(SignedIn.started_at < clock.now() - LIFETIME))
    session.add(SignedIn(key=_key(token), user_id=user.id, place=place[:60], device=device[:200]))
    session.flush()
    user.session_token = token
    return user


def user_of(session: Session, token: str) -> User | None:
    """Return the user of a session that has not ended, with roles and rights; None where it has, or never was."""
    is_running = (SignedIn.key == _key(token), SignedIn.started_at >= clock.now() - LIFETIME, User.is_active)
    loads = selectinload(User.roles).selectinload(Role.rights)
    found: User | None = session.scalar(
        select(User).join(SignedIn, SignedIn.user_id == User.id).where(*is_running).options(loads)
    )
    if found is not None:
        found.session_token = token
    return found


def of_user(session: Session, user_id: int) -> Sequence[SignedIn]:
    """Return the running sessions of a user, the latest first."""
    rows = select(SignedIn).where(SignedIn.user_id == user_id, SignedIn.started_at >= clock.now() - LIFETIME)
    return session.scalars(rows.order_by(SignedIn.started_at.desc(), SignedIn.key)).all()


def end(session: Session, token: str) -> None:
    """End one session."""
    session.execute(delete(SignedIn).where(SignedIn.key == _key(token)))


def end_all(session: Session, user: User) -> int:
    """End all sessions of a user; return how many there were."""
    ended = session.execute(delete(SignedIn).where(SignedIn.user_id == user.id))
    return int(ended.rowcount)  # type: ignore[attr-defined]


def _key(token: str) -> str:
    """Return what is kept of a token: a table or a backup that is read lets nobody in."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()
