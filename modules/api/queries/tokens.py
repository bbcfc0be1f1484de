"""Tokens and the users that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.models import Role, User
from modules.api.models import Token


class TokenUser:
    """A user as a token stands for them: with the token's rights, as far as the user has them now."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, token: Token) -> None:
        self.id, self.username = token.user.id, token.user.username
        self.token_id, self.last_used_at = token.id, token.last_used_at
        self._rights = token.user.rights
        self._limits = frozenset(token.rights.split()) if token.is_limited else None

    def may(self, permission: str) -> bool:
        """Say whether the user and the token have a right."""
        has = "*" in self._rights or permission in self._rights
        return has and (self._limits is None or permission in self._limits)

    def get_id(self) -> str:
        """Return nothing: no cookie can stand for a token."""
        return ""


def key_of(secret: str) -> str:
    """Return what is kept of a token."""
    return sha256(secret.encode("utf-8", "replace")).hexdigest()


def token_of(session: Session, secret: str) -> Token | None:
    """Return the token that a program sent with its user, roles and rights; None where it is none that is good."""
    good = (
        Token.key == key_of(secret),
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > clock.now()),
        User.is_active,
    )
    loads = joinedload(Token.user).selectinload(User.roles).selectinload(Role.rights)
    return session.scalar(select(Token).join(Token.user).where(*good).options(loads))


def tokens_of(session: Session, user_id: int) -> Sequence[Token]:
    """Return the tokens of a user, the latest first."""
    return session.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()
