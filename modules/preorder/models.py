"""Tables of preorder: terms of products, purchase allocations and scheduled on-hand changes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, UniqueConstraint, and_
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship
from typing_extensions import override

from erp import clock
from erp.db import BigId, Model, Quantity, UtcDateTime, partial_index
from erp.history import Subject, Tracked
from erp.models import enum_column
from erp.text import say
from modules.inventory_lots.models import Product
from modules.preorder.domain import PreorderTerms, is_before_launch
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.sales.models import Allocation, OrderLine
from modules.sales.states import AllocationSource


class ProductPreorder(Tracked, Model):
    """The preorder terms of a product; a product without a row is not eligible."""

    __tablename__ = "preorder_product"
    __table_args__ = (
        CheckConstraint("NOT is_eligible OR launch_date IS NOT NULL", "launch_date_when_eligible"),
        CheckConstraint("preorder_limit IS NULL OR preorder_limit > 0", "limit_positive"),
        Index("ix_preorder_product_launch_date", "launch_date"),
    )

    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"), primary_key=True)
    is_eligible: Mapped[bool] = mapped_column(default=False)
    launch_date: Mapped[dt.date | None]
    preorder_limit: Mapped[Decimal | None] = mapped_column(Quantity)
    product: Mapped[Product] = relationship()

    history_fields = ("is_eligible", "launch_date", "preorder_limit")

    @property
    def terms(self) -> PreorderTerms:
        """The terms as a value."""
        return PreorderTerms(self.is_eligible, self.launch_date, self.preorder_limit)

    @hybrid_property
    def is_before_launch(self) -> bool:
        """Whether the launch is still to come."""
        return is_before_launch(self.launch_date, clock.today())

    @is_before_launch.inplace.expression
    @classmethod
    def _is_before_launch(cls) -> ColumnElement[bool]:
        return and_(cls.launch_date.is_not(None), cls.launch_date > clock.today())

    def history_subject(self) -> Subject:
        """Return the product: its history shows changes of these fields."""
        return self.product.history_subject()


class PurchaseAllocation(Model):
    """A quantity of a purchase order line that is reserved for a sales order line."""

    __tablename__ = "preorder_purchase_allocation"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("received >= 0 AND received <= quantity", "received_within_quantity"),
        CheckConstraint("(ended_at IS NULL) = (received < quantity)", "ended_when_received"),
        partial_index(
            "uq_preorder_purchase_allocation_open_pair",
            "line_id",
            "purchase_line_id",
            "source",
            where="ended_at IS NULL",
            unique=True,
        ),
        partial_index(
            "ix_preorder_purchase_allocation_open_purchase_line", "purchase_line_id", where="ended_at IS NULL"
        ),
        Index("ix_preorder_purchase_allocation_purchase_line", "purchase_line_id"),
        Index("ix_preorder_purchase_allocation_line", "line_id"),
        {"sqlite_autoincrement": True},  # emails remember the id of a deleted row: it is never given twice
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_order_line.id"))
    purchase_line_id: Mapped[int] = mapped_column(ForeignKey("procurement_purchase_order_line.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    received: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    source: Mapped[AllocationSource] = mapped_column(enum_column(AllocationSource, "source"))
    run_id: Mapped[int] = mapped_column(ForeignKey("erp_run.id"))
    created_at: Mapped[dt.datetime] = mapped_column(UtcDateTime, default=clock.now)
    ended_at: Mapped[dt.datetime | None] = mapped_column(UtcDateTime)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    line: Mapped[OrderLine] = relationship()
    purchase_line: Mapped[PurchaseOrderLine] = relationship()

    @hybrid_property
    def outstanding(self) -> Decimal:
        """What is not yet received."""
        return self.quantity - self.received

    @hybrid_property
    def is_open(self) -> bool:
        """Whether something is outstanding."""
        return self.ended_at is None

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return cls.ended_at.is_(None)


class Conversion(Model):
    """A quantity that a receipt moved from a purchase allocation to an allocation of the goods, and not back again.

    The allocation may have been packed or freed since, and the backorder row that counted it may be deleted.
    """

    __tablename__ = "preorder_conversion"
    __table_args__ = (CheckConstraint("quantity >= 0", "quantity_not_negative"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("procurement_receipt.id"), index=True)
    purchase_allocation_id: Mapped[int] = mapped_column(
        ForeignKey("preorder_purchase_allocation.id", ondelete="CASCADE"), index=True
    )
    allocation_id: Mapped[int | None] = mapped_column(
        ForeignKey("sales_allocation.id", ondelete="SET NULL"), index=True
    )
    backorder_id: Mapped[int | None] = mapped_column(ForeignKey("sales_backorder.id", ondelete="SET NULL"), index=True)
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    receipt: Mapped[Receipt] = relationship()
    purchase_allocation: Mapped[PurchaseAllocation] = relationship()
    allocation: Mapped[Allocation | None] = relationship()


class OnHandChange(Tracked, Model):
    """A change of stock that is scheduled for a day: goods that will come (+) or go (−) outside orders."""

    __tablename__ = "preorder_on_hand_change"
    history_fields = ("date", "quantity", "note")
    __table_args__ = (
        UniqueConstraint("product_id", "date", "note"),
        CheckConstraint("quantity <> 0", "quantity_not_zero"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    date: Mapped[dt.date]
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    note: Mapped[str] = mapped_column(String(200), default="")
    product: Mapped[Product] = relationship()

    def history_subject(self) -> Subject:
        """Return the change as a document of its own, named by its product and day."""
        return Subject("preorder.on_hand_change", self.id, str(self))

    @override
    def __str__(self) -> str:
        return say("{sku} on {date}", sku=self.product.sku, date=self.date)
