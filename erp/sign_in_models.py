"""The tables of signing in: sessions, failures, second factors, accounts at a provider."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from erp import clock
from erp.db import BigId, Model, UtcDateTime
from erp.models import enum_column


class SignInMethod(StrEnum):
    """What a session began with; `code` is a password and a code of the second factor."""

    password = "password"
    code = "code"
    provider = "provider"


class SignedIn(Model):
    """A session of a signed-in user. `key` is made of its token; deleting the row ends it."""

    __tablename__ = "erp_session"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"), index=True)
    place: Mapped[str] = mapped_column(String(60), default="")
    device: Mapped[str] = mapped_column(String(200), default="")
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    method: Mapped[SignInMethod] = mapped_column(enum_column(SignInMethod, "method"), default=SignInMethod.password)


class SignInAttempt(Model):
    """A failed sign-in, kept in the database so that throttling holds over all processes."""

    __tablename__ = "erp_sign_in_attempt"
    __table_args__ = (Index("ix_erp_sign_in_attempt_key_at", "key", "at"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)


class SecondFactor(Model):
    """What an app and this product share to make the same codes. Without `confirmed_at` it is being set up.

    `last_step` is the time step of the last code that was taken: it and those before it are not taken again.
    """

    __tablename__ = "erp_second_factor"

    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"), primary_key=True)
    secret: Mapped[str] = mapped_column(String(64))
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_step: Mapped[int] = mapped_column(BigId, default=0)


class RecoveryCode(Model):
    """A code for a user whose app is lost. `key` is its hash; using it deletes the row."""

    __tablename__ = "erp_recovery_code"

    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)


class ProviderAccount(Model):
    """What an OpenID Connect provider calls a user; nobody else signs in by it, and the user by no other of it."""

    __tablename__ = "erp_provider_account"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(255), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255))
    bound_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
