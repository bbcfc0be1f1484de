"""Tables of the sample."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, UtcDateTime
from erp.history import Subject, Tracked
from erp.search import Searchable
from modules.sales.models import Customer, Order


class Wish(Searchable, Tracked, Model):
    """A wish of the customer for an order."""

    __tablename__ = "sample_module_wish"
    __table_args__ = (CheckConstraint("text <> ''", "says_something"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id", ondelete="CASCADE"), unique=True)
    text: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    granted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(default=1)
    order: Mapped[Order] = relationship()

    __mapper_args__ = {"version_id_col": row_version}
    history_fields = ("text", "granted_at")
    search_fields = ("text",)

    def history_subject(self) -> Subject:
        """A wish is its own document."""
        return Subject("sample_module.wish", self.id, self.text)

    def __str__(self) -> str:
        return self.text


class CustomerTerms(Model):
    """Settings of a customer, in a table of this module."""

    __tablename__ = "sample_module_customer_terms"

    customer_id: Mapped[int] = mapped_column(ForeignKey("sales_customer.id", ondelete="CASCADE"), primary_key=True)
    wishes_first: Mapped[bool] = mapped_column(default=False)
    customer: Mapped[Customer] = relationship()
