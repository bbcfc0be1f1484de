"""Tokens and the users that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from sqlalchemy import BigInteger, Select, Text, or_, select
from sqlalchemy.orm import Session

from erp.db import given, instant_now, read_prepared, typed_rows
from erp.models import Role, RoleRight, User, rights_given, user_role
from modules.api.models import ALL_RIGHTS, Token


class TokenUser:
    """A user as a token stands for them: with the token's rights, as far as the user has them now."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, token: Any, rights: frozenset[str]) -> None:
        self.id, self.username = token.user_id, token.username
        self.token_id, self.last_used_at = token.id, token.last_used_at
        self._rights = rights
        self._limits = frozenset(token.rights.split()) if token.rights != ALL_RIGHTS else None

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


def user_of_token(session: Session, secret: str) -> TokenUser | None:
    """Return the user for whom the token that a program sent stands; None where it is none that is good."""
    rows = typed_rows(session, _good, key=key_of(secret))
    if not rows:
        return None
    found = read_prepared(session, _rights, user_id=rows[0].user_id)
    return TokenUser(rows[0], rights_given((bool(is_administrator), right) for is_administrator, right in found))


def _good(_session: Session) -> Select[*tuple[Any, ...]]:
    columns = (Token.id, Token.user_id, Token.rights, Token.last_used_at, User.username)
    is_good = (
        Token.key == given("key", Text()),
        Token.revoked_at.is_(None),
        or_(Token.expires_at.is_(None), Token.expires_at > instant_now()),
        User.is_active,
    )
    return select(*columns).join(Token.user).where(*is_good)


def _rights(_session: Session) -> Select[*tuple[Any, ...]]:
    roles = select(Role.is_administrator, RoleRight.permission).outerjoin(Role.rights)
    of_user = select(user_role.c.role_id).where(user_role.c.user_id == given("user_id", BigInteger()))
    return roles.where(Role.id.in_(of_user))


def tokens_of(session: Session, user_id: int) -> Sequence[Token]:
    """Return the tokens of a user, the latest first."""
    return session.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()
