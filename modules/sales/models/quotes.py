"""Quotes: what was promised to somebody who has not ordered yet."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, CheckConstraint, ColumnElement, ForeignKey, Index, String, and_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, Quantity, Sentence, UtcDateTime, instant_now
from erp.models import enum_column
from modules.inventory_lots.models import Balance, Product
from modules.sales.models.orders import Order
from modules.sales.states import QuoteState


class Quote(Model):
    """Quantities that are held for those who have the token, until it expires or an order uses it.

    Only the digest of the token is kept.
    """

    __tablename__ = "sales_quote"
    __table_args__ = (
        CheckConstraint("(state = 'used') = (order_id IS NOT NULL)", "used_by_an_order"),
        CheckConstraint("(state = 'broken') = (why <> '')", "broken_for_a_reason"),
        Index("ix_sales_quote_expires_at", "expires_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_digest: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[QuoteState] = mapped_column(enum_column(QuoteState, "state"), default=QuoteState.open)
    wanted_on: Mapped[date | None]
    quoted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    order_id: Mapped[int | None] = mapped_column(ForeignKey("sales_order.id"), unique=True)
    why: Mapped[str] = mapped_column(Sentence, default="")
    order: Mapped[Order | None] = relationship()
    lines: Mapped[list[QuoteLine]] = relationship(back_populates="quote", order_by="QuoteLine.position")

    @property
    def name(self) -> str:
        """What users call the quote."""
        return quote_name(self.id)

    @hybrid_property
    def is_live(self) -> bool:
        """Whether what is quoted is held now."""
        return self.state is QuoteState.open and self.expires_at > clock.now()

    @is_live.inplace.expression
    @classmethod
    def _is_live(cls) -> ColumnElement[bool]:
        return and_(cls.state == QuoteState.open, cls.expires_at > instant_now())

    def __str__(self) -> str:
        return self.name


def quote_name(quote_id: int) -> str:
    """Return what users call the quote of that id; stock and supply are held under this name."""
    return f"Q{quote_id}"


class QuoteLine(Model):
    """A quantity of one product in a quote, and the day that was promised for all of it, where there is one."""

    __tablename__ = "sales_quote_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        Index("uq_sales_quote_line_position", "quote_id", "position", unique=True),
        Index("ix_sales_quote_line_product", "product_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    quote_id: Mapped[int] = mapped_column(ForeignKey("sales_quote.id", ondelete="CASCADE"))
    position: Mapped[int]
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    is_preorder: Mapped[bool] = mapped_column(default=False)
    promise_date: Mapped[date | None]
    quote: Mapped[Quote] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()
    parts: Mapped[list[QuotePart]] = relationship(back_populates="line", order_by="QuotePart.id")

    @property
    def uncovered(self) -> Decimal:
        """The quantity that nothing is held of."""
        return self.quantity - sum((part.quantity for part in self.parts), Decimal(0))


class QuotePart(Model):
    """A quantity of a quote's line that is held on a balance, or of a supply that is to come, and its day."""

    __tablename__ = "sales_quote_part"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("(supply_kind IS NULL) = (supply_id IS NULL)", "supply_named"),
        CheckConstraint("(balance_id IS NULL) <> (supply_id IS NULL)", "one_source"),
        Index("ix_sales_quote_part_line", "line_id"),
        Index("ix_sales_quote_part_balance", "balance_id"),
        Index("ix_sales_quote_part_supply", "supply_id", "supply_kind"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_quote_line.id", ondelete="CASCADE"))
    balance_id: Mapped[int | None] = mapped_column(ForeignKey("inventory_lots_balance.id"))
    supply_kind: Mapped[str | None] = mapped_column(String(40))
    supply_id: Mapped[int | None] = mapped_column(BigInteger)
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    day: Mapped[date]
    line: Mapped[QuoteLine] = relationship(back_populates="parts")
    balance: Mapped[Balance | None] = relationship()
