"""Tables of returns: returns with their lines, and what inspection decided."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, Quantity, UtcDateTime, key_column
from erp.history import Tracked
from erp.models import enum_column
from erp.text import say
from modules.inventory_lots.models import Location
from modules.returns.states import OPEN_STATES, Outcome, ReturnCause, ReturnState
from modules.sales.models import Order, PackLine


class Return(Tracked, Model):
    """Goods of one sales order that its customer sends back. `location` is where they wait for inspection."""

    __tablename__ = "returns_return"
    __table_args__ = (
        CheckConstraint("reason <> ''", "reason_given"),
        CheckConstraint("(state IN ('received', 'closed')) = (received_at IS NOT NULL)", "received_at_when_received"),
        CheckConstraint("(received_at IS NULL) = (location_id IS NULL)", "located_when_received"),
        CheckConstraint("(state = 'closed') = (closed_at IS NOT NULL)", "closed_at_when_closed"),
        Index("ix_returns_return_state", "state", "id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    number_key: Mapped[str] = key_column("number")
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id"), index=True)
    reason: Mapped[str] = mapped_column(Text)
    cause: Mapped[ReturnCause] = mapped_column(
        enum_column(ReturnCause, "cause"), default=ReturnCause.other, server_default=ReturnCause.other
    )
    state: Mapped[ReturnState] = mapped_column(enum_column(ReturnState, "state"), default=ReturnState.draft)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_lots_location.id"), index=True)
    replacement_id: Mapped[int | None] = mapped_column(ForeignKey("sales_order.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    row_version: Mapped[int] = mapped_column(default=1)
    order: Mapped[Order] = relationship(foreign_keys=[order_id])
    replacement: Mapped[Order | None] = relationship(foreign_keys=[replacement_id])
    location: Mapped[Location | None] = relationship()
    lines: Mapped[list[ReturnLine]] = relationship(
        back_populates="document", cascade="all, delete-orphan", order_by="ReturnLine.position"
    )

    __mapper_args__ = {"version_id_col": row_version}
    history_document = "returns.return"
    history_fields = ("number", "order", "reason", "cause", "state", "location", "replacement")

    @hybrid_property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.state in OPEN_STATES

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return cls.state.in_(OPEN_STATES)

    def __str__(self) -> str:
        return self.number


class ReturnLine(Model):
    """A quantity of one pack line that is expected back, with what of it was received and inspected."""

    __tablename__ = "returns_return_line"
    __table_args__ = (
        UniqueConstraint("return_id", "position"),
        UniqueConstraint("return_id", "pack_line_id"),
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("received >= 0 AND received <= quantity", "received_within_quantity"),
        CheckConstraint("inspected >= 0 AND inspected <= received", "inspected_within_received"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    return_id: Mapped[int] = mapped_column(ForeignKey("returns_return.id", ondelete="CASCADE"))
    position: Mapped[int]
    pack_line_id: Mapped[int] = mapped_column(ForeignKey("sales_pack_line.id"), index=True)
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    received: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    inspected: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    document: Mapped[Return] = relationship(back_populates="lines")
    pack_line: Mapped[PackLine] = relationship()

    @hybrid_property
    def uninspected(self) -> Decimal:
        """The quantity that was received and waits for inspection."""
        return self.received - self.inspected

    @property
    def what(self) -> str:
        """How messages name it."""
        return say("{sku} lot {lot}", sku=self.pack_line.line.product.sku, lot=self.pack_line.balance.lot)

    def __str__(self) -> str:
        return f"{self.document.number}/{self.position}"


class Inspection(Model):
    """A quantity of a line that was inspected: what was decided, where it went, when and by whom."""

    __tablename__ = "returns_inspection"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("(outcome = 'scrap') = (location_id IS NULL)", "located_unless_scrapped"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("returns_return_line.id", ondelete="CASCADE"), index=True)
    outcome: Mapped[Outcome] = mapped_column(enum_column(Outcome, "outcome"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    location_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_lots_location.id"), index=True)
    note: Mapped[str] = mapped_column(Text, default="")
    inspected_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    line: Mapped[ReturnLine] = relationship()
    location: Mapped[Location | None] = relationship()
