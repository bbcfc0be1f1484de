"""Tables of the HTTP interface: tokens, how often each asks, and the answers that are kept for a repeated request."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, UtcDateTime, partial_index
from erp.models import User

ALL_RIGHTS = "*"


class Token(Model):
    """What a program signs in with as a user. `key` is made of it: who reads the table cannot sign in.

    `rights` are the names of those of the user's rights that it has, with blanks between them, or `*` for all.
    """

    __tablename__ = "api_token"
    __table_args__ = (
        partial_index("uq_api_token_name", "user_id", "name", where="revoked_at IS NULL", unique=True),
        Index("ix_api_token_user", "user_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(80))
    key: Mapped[str] = mapped_column(String(64), unique=True)
    rights: Mapped[str] = mapped_column(Text, default=ALL_RIGHTS)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    user: Mapped[User] = relationship()

    @property
    def is_limited(self) -> bool:
        """Whether it has fewer rights than its user."""
        return self.rights != ALL_RIGHTS

    def __str__(self) -> str:
        return self.name


class RequestCount(Model):
    """How many requests a token has made in the minute that began at `minute_at`."""

    __tablename__ = "api_request_count"
    __table_args__ = (CheckConstraint("requests > 0", "requests_positive"),)

    token_id: Mapped[int] = mapped_column(ForeignKey("api_token.id", ondelete="CASCADE"), primary_key=True)
    minute_at: Mapped[datetime] = mapped_column(UtcDateTime)
    requests: Mapped[int]


class KeptAnswer(Model):
    """The answer to a write, written in the transaction of the write: who sends it again with its key gets this.

    `digest` is that of the request. The key belongs to the user.
    """

    __tablename__ = "api_kept_answer"
    __table_args__ = (
        UniqueConstraint("user_id", "key"),
        Index("ix_api_kept_answer_answered_at", "answered_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("erp_user.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    body: Mapped[str] = mapped_column(Text)
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
