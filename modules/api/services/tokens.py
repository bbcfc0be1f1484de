"""Tokens: making, using and revoking them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from erp import access_log, clock, history
from erp.errors import NotFound
from erp.models import User
from erp.security import UNSTORABLE
from modules.api.errors import BadTokenName, ExpiryPassed, RightsNotHeld, TokenNameTaken
from modules.api.models import ALL_RIGHTS, Token
from modules.api.queries import key_of

PREFIX = "erp_"
LAST_USE_EVERY = timedelta(minutes=1)
LONGEST_NAME = 80


def add_token(
    session: Session,
    user: User,
    name: str,
    *,
    rights: Collection[str] = (),
    expires_on: date | None = None,
) -> tuple[Token, str]:
    """Make a token of a user; return it with what the program sends, which is kept nowhere.

    Without `rights` it has all of the user's, also those that the user gets later. It is good until the end of
    `expires_on`. Raises BadTokenName, TokenNameTaken, RightsNotHeld and ExpiryPassed.
    """
    if not name or name != name.strip() or len(name) > LONGEST_NAME or UNSTORABLE.search(name):
        raise BadTokenName(name)
    good = select(Token.id).where(Token.user_id == user.id, Token.name == name, Token.revoked_at.is_(None))
    if session.scalar(good) is not None:
        raise TokenNameTaken(name)
    if missing := sorted(right for right in rights if not user.may(right)):
        raise RightsNotHeld(missing)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = Token(user_id=user.id, name=name, key=key_of(secret), rights=" ".join(sorted(rights)) or ALL_RIGHTS)
    token.expires_at = None if expires_on is None else _end_of(expires_on)
    session.add(token)
    session.flush()
    _record(session, user, "token made", name)
    return token, secret


def _end_of(day: date) -> datetime:
    if day < clock.today():
        raise ExpiryPassed(day)
    return clock.from_local(datetime.combine(day + timedelta(days=1), time()))


def revoke_token(session: Session, token_id: int) -> Token:
    """Let nobody in by a token any more; it stays in the list. Raises NotFound for one that is not there."""
    token = session.get(Token, token_id, with_for_update=True)
    if token is None:
        raise NotFound("token", token_id)
    if token.revoked_at is None:
        token.revoked_at = clock.now()
        session.flush()
        _record(session, token.user, "token revoked", token.name)
    return token


def _record(session: Session, user: User, what: str, name: str) -> None:
    history.record(session, history.Subject("erp.user", user.id, user.username), what, new=name)
    access_log.changed(session, user.username, f"{what}: {name}")


def note_use(session: Session, token_id: int, last_used_at: datetime | None) -> None:
    """Keep when a token was last used, to the minute: it is not written with each request."""
    now = clock.now()
    if last_used_at is None or not timedelta(0) <= now - last_used_at < LAST_USE_EVERY:
        session.execute(update(Token).where(Token.id == token_id).values(last_used_at=now))
