"""Packs: goods that left for an order, and what of them came back."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, String, Text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.db import BigId, Model, Quantity, UtcDateTime, key_column
from modules.inventory_lots.models import Balance, Warehouse
from modules.sales.models.orders import Order, OrderLine


class Pack(Model):
    """Goods taken from allocations and put in a parcel for one order, from one warehouse."""

    __tablename__ = "sales_pack"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    number_key: Mapped[str] = key_column("number")
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id"), index=True)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_warehouse.id"), index=True)
    packed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    order: Mapped[Order] = relationship()
    warehouse: Mapped[Warehouse] = relationship()
    lines: Mapped[list[PackLine]] = relationship(back_populates="pack", order_by="PackLine.id")

    def __str__(self) -> str:
        return self.number


class PackLine(Model):
    """A quantity of one order line from one balance in one pack, and what of it was reversed.

    A serial number has no allocation, and an allocation is gone when all of it was reversed and given back.
    """

    __tablename__ = "sales_pack_line"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("reversed >= 0 AND reversed <= quantity", "reversed_within_quantity"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pack_id: Mapped[int] = mapped_column(ForeignKey("sales_pack.id"), index=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_order_line.id"), index=True)
    balance_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_balance.id"))
    allocation_id: Mapped[int | None] = mapped_column(
        ForeignKey("sales_allocation.id", ondelete="SET NULL"), index=True
    )
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    reversed: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    pack: Mapped[Pack] = relationship(back_populates="lines")
    line: Mapped[OrderLine] = relationship()
    balance: Mapped[Balance] = relationship()

    @hybrid_property
    def unreversed(self) -> Decimal:
        """The quantity that is still packed."""
        return self.quantity - self.reversed

    @hybrid_property
    def is_unreversed(self) -> bool:
        """Whether something is still packed."""
        return self.reversed < self.quantity


class PackReversal(Model):
    """A quantity of a pack line that returned to its balance: when, by whom, why, and whether it is free there."""

    __tablename__ = "sales_pack_reversal"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("why <> ''", "why_given"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    pack_line_id: Mapped[int] = mapped_column(ForeignKey("sales_pack_line.id"), index=True)
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    is_freed: Mapped[bool]
    run_id: Mapped[int] = mapped_column(ForeignKey("erp_run.id"))
    reversed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    why: Mapped[str] = mapped_column(Text)
    pack_line: Mapped[PackLine] = relationship()
