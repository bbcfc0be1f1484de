"""Tables of the HTTP interface: tokens, how often each asks, kept answers, exports, and webhooks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, Sentence, UtcDateTime, partial_index
from erp.history import Tracked
from erp.models import User, enum_column
from erp.text import say
from modules.api.states import DeliveryState, ExportState

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


class ExportFile(Model):
    """A CSV file that a user asked for, and that a job writes."""

    __tablename__ = "api_export_file"
    __table_args__ = (
        CheckConstraint("(state = 'written') = (content IS NOT NULL)", "written_with_content"),
        Index("ix_api_export_file_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    state: Mapped[ExportState] = mapped_column(enum_column(ExportState, "state"), default=ExportState.waiting)
    size: Mapped[int] = mapped_column(BigId, default=0)
    content: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    error: Mapped[str] = mapped_column(Sentence, default="")
    user_name: Mapped[str] = mapped_column(String(80), default="")
    asked_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def __str__(self) -> str:
        return say("Export {id}", id=self.id)


class Webhook(Tracked, Model):
    """An address that receives events. `events` are names of announcements with blanks between them.

    Where `customers` has codes, with blanks between them, it receives what concerns these alone. Each delivery is
    signed with the `secret`.
    """

    __tablename__ = "api_webhook"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(80))
    events: Mapped[str] = mapped_column(Text)
    customers: Mapped[str] = mapped_column(Text, default="")
    is_active: Mapped[bool] = mapped_column(default=True)
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}
    history_document = "api.webhook"
    history_fields = ("name", "url", "events", "customers", "is_active")

    def __str__(self) -> str:
        return self.name


class Delivery(Tracked, Model):
    """What one webhook is told of one fact, and what became of it."""

    __tablename__ = "api_delivery"
    __table_args__ = (
        Index("ix_api_delivery_webhook", "webhook_id", "event", "key"),
        partial_index("ix_api_delivery_due", "next_attempt_at", where="state = 'pending'"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    webhook_id: Mapped[int] = mapped_column(ForeignKey("api_webhook.id", ondelete="CASCADE"))
    event: Mapped[str] = mapped_column(String(60))
    key: Mapped[str] = mapped_column(String(120), default="")
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[DeliveryState] = mapped_column(
        enum_column(DeliveryState, "state"), default=DeliveryState.pending, index=True
    )
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(Sentence, default="")
    webhook: Mapped[Webhook] = relationship()

    history_document = "api.delivery"
    history_fields = ("state",)

    def __str__(self) -> str:
        return say("Delivery {id}", id=self.id)
