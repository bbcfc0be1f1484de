"""Sessions of signed-in users: rows, so that signing out, another password and an administrator end them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session, selectinload

from erp import clock
from erp.models import Role, User
from erp.sign_in_models import SecondFactor, SignedIn, SignInMethod

# A browser that is never closed signs in again after so long.
LIFETIME = timedelta(days=30)


def start(
    session: Session, user: User, *, place: str, device: str, method: SignInMethod = SignInMethod.password
) -> User:
    """Start a session of this user; return the user, who carries its token."""
    token = secrets.token_urlsafe(32)
    session.execute(delete(SignedIn).where(SignedIn.started_at < clock.now() - LIFETIME))
    row = {"key": _key(token), "user_id": user.id, "place": place[:60], "device": device[:200], "method": method}
    session.add(SignedIn(**row))
    session.flush()
    user.session_token = token
    return user


def user_of(session: Session, token: str) -> User | None:
    """Return the user of a session that has not ended, with roles and rights; None where it has, or never was."""
    is_running = (SignedIn.key == _key(token), SignedIn.started_at >= clock.now() - LIFETIME, User.is_active)
    loads = selectinload(User.roles).selectinload(Role.rights)
    has_factor = exists().where(SecondFactor.user_id == User.id, SecondFactor.confirmed_at.is_not(None))
    rows = select(User, SignedIn.method, has_factor).join(SignedIn, SignedIn.user_id == User.id).where(*is_running)
    found = session.execute(rows.options(loads)).one_or_none()
    if found is None:
        return None
    user: User = found[0]
    user.session_token, user.session_method, user.has_second_factor = token, found[1], found[2]
    return user


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
