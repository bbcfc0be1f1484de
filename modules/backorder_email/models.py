"""Tables of backorder email: templates, news and the messages made of it."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint, and_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship
from typing_extensions import override

from erp import clock
from erp.db import BigId, Model, Quantity, Sentence, UtcDateTime, final_once, key_column, partial_index
from erp.history import Subject, Tracked
from erp.models import RunEntry, enum_column
from erp.text import say
from modules.backorder_email.domain.templates import Wording
from modules.backorder_email.states import UNSENT, Cause, DropReason, MessageState
from modules.procurement.models import PurchaseLineStatus, PurchaseOrderLine
from modules.sales.models import Customer, Order, OrderLine


class Template(Tracked, Model):
    """The wording of an email. Where `html` is empty, the message is plain text only.

    `kind` is the kind of announcement that it is for (`announcement_kinds` of sales); empty for the type BACK ORDER.
    """

    __tablename__ = "backorder_email_template"
    __table_args__ = (
        CheckConstraint("name <> ''", "named"),
        CheckConstraint("subject <> '' AND body <> ''", "not_empty"),
        partial_index("ix_backorder_email_template_kind", "kind", where="kind <> ''", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    name_key: Mapped[str] = key_column("name")
    kind: Mapped[str] = mapped_column(String(80), default="")
    subject: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text, default="")
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}
    history_fields = ("name", "kind", "subject", "body", "html")

    @override
    def history_subject(self) -> Subject:
        return Subject("backorder_email.template", self.id, self.name)

    @property
    def wording(self) -> Wording:
        """Its subject, body and HTML."""
        return Wording(self.subject, self.body, self.html)

    def __str__(self) -> str:
        return self.name


class StatusTemplate(Tracked, Model):
    """The template of the emails about a purchase line status."""

    __tablename__ = "backorder_email_status_template"

    status_id: Mapped[int] = mapped_column(
        ForeignKey("procurement_purchase_line_status.id", ondelete="CASCADE"), primary_key=True
    )
    template_id: Mapped[int] = mapped_column(ForeignKey("backorder_email_template.id"), index=True)
    status: Mapped[PurchaseLineStatus] = relationship()
    template: Mapped[Template] = relationship()

    history_fields = ("template_id",)

    def history_subject(self) -> Subject:
        """Return the status: which template it has is part of it."""
        return self.status.history_subject()


# What a customer was sent, and when.
SENT = ("cause", "order_id", "customer_id", "recipient", "subject", "text", "html", "created_at", "sent_at")


class Message(Tracked, Model):
    """One email to the customer of one order. Never deleted.

    An empty `subject` means that the template failed and nothing was composed. `facts` is the digest of what the
    template read. `attention` says why it needs review. `news_at` is when the oldest news was written that it, or a
    message that it replaces, names: `send_after` counts from then. `about` are the values of an announcement, as JSON.
    `begun_at` is when its
    transmission began: a worker that died after that may or may not have delivered it.
    """

    __tablename__ = "backorder_email_message"
    __table_args__ = (
        CheckConstraint("attempts >= 0", "attempts_not_negative"),
        CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", "sent_at_when_sent"),
        CheckConstraint("state <> 'sending' OR (taken_by <> '' AND taken_at IS NOT NULL)", "taken_to_send"),
        CheckConstraint("state NOT IN ('sending', 'sent', 'uncertain') OR recipient <> ''", "addressed_to_send"),
        CheckConstraint("state NOT IN ('pending', 'sending', 'sent') OR subject <> ''", "composed_to_send"),
        CheckConstraint("state NOT IN ('failed', 'skipped', 'uncertain') OR last_error <> ''", "reason_given"),
        CheckConstraint("(state = 'needs_review') = (attention <> '')", "reason_of_review"),
        partial_index("ix_backorder_email_message_pending", "id", where="state = 'pending'"),
        partial_index("ix_backorder_email_message_sending", "taken_at", where="state = 'sending'"),
        Index("ix_backorder_email_message_state", "state", "id"),
        {
            "sqlite_autoincrement": True,  # the Message-ID is made of the id, which is therefore never used again
            "info": final_once("state", "sent", fixed=SENT),
        },
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    state: Mapped[MessageState] = mapped_column(enum_column(MessageState, "state"), default=MessageState.pending)
    cause: Mapped[Cause] = mapped_column(enum_column(Cause, "cause"))
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id"), index=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("sales_customer.id"), index=True)
    template_id: Mapped[int | None] = mapped_column(
        ForeignKey("backorder_email_template.id", ondelete="SET NULL"), index=True
    )
    run_id: Mapped[int] = mapped_column(ForeignKey("erp_run.id"), index=True)
    recipient: Mapped[str] = mapped_column(String(254), default="")
    subject: Mapped[str] = mapped_column(Text, default="")
    text: Mapped[str] = mapped_column(Text, default="")
    html: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[str] = mapped_column(String(64), default="")
    about: Mapped[str] = mapped_column(Text, default="")
    is_edited: Mapped[bool] = mapped_column(default=False)
    attention: Mapped[str] = mapped_column(Sentence, default="")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_by: Mapped[str] = mapped_column(String(160), default="")
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    begun_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str] = mapped_column(Sentence, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    news_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    order: Mapped[Order] = relationship()
    customer: Mapped[Customer] = relationship()
    template: Mapped[Template | None] = relationship()
    run: Mapped[RunEntry] = relationship()
    news: Mapped[list[News]] = relationship(back_populates="message", order_by="News.id")

    history_fields = ("recipient", "subject", "text", "html")

    @override
    def history_subject(self) -> Subject:
        return Subject("backorder_email.message", self.id, str(self))

    @hybrid_property
    def is_pending(self) -> bool:
        """Whether it waits to be sent."""
        return self.state == MessageState.pending

    @hybrid_property
    def is_unsent(self) -> bool:
        """Whether it has not left and still may, so that its news must hold."""
        return self.state in UNSENT

    @is_unsent.inplace.expression
    @classmethod
    def _is_unsent(cls) -> ColumnElement[bool]:
        return cls.state.in_(UNSENT)

    def __str__(self) -> str:
        return say("Email {id}", id=self.id)


class News(Model):
    """One thing that happened to one order line, of which its customer is notified by the message it is composed into.

    `source_id` is the row that caused it: the purchase allocation, or the history entry of the status, the date or the
    cancellation, or what a module announced: `kind` is the kind of that, and `about` are its values, as JSON.
    `old_date` is the promise date that the customer knows. `oldest_at` is when it was written, or the oldest news that
    it replaces and that never left. `dropped` says why it is in no message.
    """

    __tablename__ = "backorder_email_news"
    __table_args__ = (
        # The same news is never written twice.
        UniqueConstraint("cause", "kind", "source_id", "line_id"),
        CheckConstraint(
            "(cause IN ('purchase_allocated', 'status_changed')) = (purchase_line_id IS NOT NULL)",
            "purchase_line_when_allocated",
        ),
        Index("ix_backorder_email_news_line", "line_id", "id"),
        partial_index("ix_backorder_email_news_uncomposed", "run_id", where="message_id IS NULL AND dropped IS NULL"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    cause: Mapped[Cause] = mapped_column(enum_column(Cause, "cause"))
    kind: Mapped[str] = mapped_column(String(80), default="")
    source_id: Mapped[int] = mapped_column(BigId)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_order_line.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id"), index=True)
    purchase_line_id: Mapped[int | None] = mapped_column(ForeignKey("procurement_purchase_order_line.id"), index=True)
    status_id: Mapped[int | None] = mapped_column(
        ForeignKey("procurement_purchase_line_status.id", ondelete="SET NULL"), index=True
    )
    template_id: Mapped[int | None] = mapped_column(
        ForeignKey("backorder_email_template.id", ondelete="SET NULL"), index=True
    )
    old_date: Mapped[date | None]
    new_date: Mapped[date | None]
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    about: Mapped[str] = mapped_column(Text, default="")
    run_id: Mapped[int] = mapped_column(ForeignKey("erp_run.id"))
    message_id: Mapped[int | None] = mapped_column(ForeignKey("backorder_email_message.id"), index=True)
    dropped: Mapped[DropReason | None] = mapped_column(enum_column(DropReason, "dropped"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    oldest_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    order: Mapped[Order] = relationship()
    line: Mapped[OrderLine] = relationship()
    purchase_line: Mapped[PurchaseOrderLine | None] = relationship()
    status: Mapped[PurchaseLineStatus | None] = relationship()
    template: Mapped[Template | None] = relationship()
    message: Mapped[Message | None] = relationship(back_populates="news")

    @hybrid_property
    def is_uncomposed(self) -> bool:
        """Whether it is in no message yet and was not dropped."""
        return self.message_id is None and self.dropped is None

    @is_uncomposed.inplace.expression
    @classmethod
    def _is_uncomposed(cls) -> ColumnElement[bool]:
        return and_(cls.message_id.is_(None), cls.dropped.is_(None))
