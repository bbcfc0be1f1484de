"""Tables of procurement: suppliers, purchase orders, line statuses and receipts."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    and_,
    case,
    select,
    type_coerce,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from erp import clock
from erp.contacts import Contact
from erp.db import BigId, Model, Money, Quantity, UtcDateTime, above_zero, instant_now, key_column, partial_index, total
from erp.history import Subject, Tracked
from erp.models import enum_column
from erp.text import joined, say
from modules.inventory_lots.models import Balance, Product
from modules.procurement.domain import LineQuantities
from modules.procurement.states import OPEN_STATES, PurchaseState


class Supplier(Contact):
    """A company that goods are bought from."""

    __tablename__ = "procurement_supplier"
    history_document = "procurement.supplier"


class PurchaseLineStatus(Tracked, Model):
    """A status that a purchase order line can be given: System Data."""

    __tablename__ = "procurement_purchase_line_status"
    __table_args__ = (
        partial_index("uq_procurement_purchase_line_status_default", "is_default", where="is_default", unique=True),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    name_key: Mapped[str] = key_column("name")
    position: Mapped[int] = mapped_column(default=0)
    is_default: Mapped[bool] = mapped_column(default=False)

    history_document = "procurement.purchase_line_status"
    history_fields = ("name", "position", "is_default")

    def __str__(self) -> str:
        return self.name


class PurchaseOrder(Tracked, Model):
    """Goods ordered from a supplier. It has no number until it is ordered."""

    __tablename__ = "procurement_purchase_order"
    __table_args__ = (
        CheckConstraint("state = 'draft' OR state = 'cancelled' OR number IS NOT NULL", "numbered"),
        Index("ix_procurement_purchase_order_state", "state", "id"),
        partial_index("ix_procurement_purchase_order_open", "id", where="state IN ('ordered', 'partly_received')"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str | None] = mapped_column(String(40), unique=True)
    number_key: Mapped[str | None] = key_column("number")
    supplier_id: Mapped[int] = mapped_column(ForeignKey("procurement_supplier.id"), index=True)
    ordered_on: Mapped[date] = mapped_column(default=clock.today)
    state: Mapped[PurchaseState] = mapped_column(enum_column(PurchaseState, "state"), default=PurchaseState.draft)
    note: Mapped[str] = mapped_column(Text, default="")
    row_version: Mapped[int] = mapped_column(default=1)
    supplier: Mapped[Supplier] = relationship()
    lines: Mapped[list[PurchaseOrderLine]] = relationship(
        back_populates="order", cascade="all, delete-orphan", order_by="PurchaseOrderLine.position"
    )

    __mapper_args__ = {"version_id_col": row_version}
    history_document = "procurement.purchase_order"
    history_fields = ("number", "supplier", "ordered_on", "state", "note")

    @property
    def name(self) -> str:
        """The order's number, or `Draft` and its id as long as it has none."""
        return self.number or say("Draft {id}", id=self.id)

    @hybrid_property
    def is_open(self) -> bool:
        """Whether goods of this order may still come."""
        return self.state in OPEN_STATES

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return cls.state.in_(OPEN_STATES)

    def __str__(self) -> str:
        return self.name


class SupplyHold(Model):
    """A quantity of one purchase order line that nobody else gets until an instant, and the document that has it.

    From that instant on it counts nowhere, whether or not the row is deleted.
    """

    __tablename__ = "procurement_supply_hold"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        Index("ix_procurement_supply_hold_line", "line_id", "ends_at"),
        Index("ix_procurement_supply_hold_document", "document"),
        Index("ix_procurement_supply_hold_ends_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("procurement_purchase_order_line.id", ondelete="CASCADE"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    document: Mapped[str] = mapped_column(String(40))
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PurchaseOrderLine(Tracked, Model):
    """A quantity of one product. `allocated` is the part of what is outstanding that is allocated to sales orders."""

    __tablename__ = "procurement_purchase_order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("unit_cost >= 0", "unit_cost_not_negative"),
        CheckConstraint("received >= 0", "received_not_negative"),
        CheckConstraint("cancelled >= 0 AND cancelled <= quantity", "cancelled_within_quantity"),
        CheckConstraint(
            "allocated >= 0 AND (allocated = 0 OR allocated <= quantity - received - cancelled)",
            "allocated_within_outstanding",
        ),
        partial_index(
            "ix_procurement_purchase_order_line_outstanding", "product_id", where="quantity - received - cancelled > 0"
        ),
        partial_index(
            "ix_procurement_purchase_order_line_expected", "expected_on", where="quantity - received - cancelled > 0"
        ),
        Index("ix_procurement_purchase_order_line_product", "product_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("procurement_purchase_order.id", ondelete="CASCADE"))
    position: Mapped[int]
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    received: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    cancelled: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    allocated: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    unit_cost: Mapped[Decimal | None] = mapped_column(Money)
    expected_on: Mapped[date | None]
    status_id: Mapped[int | None] = mapped_column(ForeignKey("procurement_purchase_line_status.id"), index=True)
    held: Mapped[Decimal] = column_property(
        select(total(SupplyHold.quantity))
        .where(SupplyHold.line_id == id, SupplyHold.ends_at > instant_now())
        .correlate_except(SupplyHold)
        .scalar_subquery()
    )
    order: Mapped[PurchaseOrder] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()
    status: Mapped[PurchaseLineStatus | None] = relationship()

    history_fields = ("product", "quantity", "cancelled", "unit_cost", "expected_on")

    @property
    def quantities(self) -> LineQuantities:
        """The quantities as a value."""
        return LineQuantities(self.quantity, self.received, self.cancelled)

    @hybrid_property
    def outstanding(self) -> Decimal:
        """The quantity still to come: max(0, quantity − received − cancelled)."""
        return max(Decimal(0), self.quantity - self.received - self.cancelled)

    @outstanding.inplace.expression
    @classmethod
    def _outstanding(cls) -> ColumnElement[Decimal]:
        left = cls.quantity - cls.received - cls.cancelled
        return case((left > Decimal(0), left), else_=type_coerce(Decimal(0), Quantity))

    @hybrid_property
    def has_outstanding(self) -> bool:
        """Whether something is outstanding; in SQL a partial index answers it."""
        return self.quantity - self.received - self.cancelled > 0

    @has_outstanding.inplace.expression
    @classmethod
    def _has_outstanding(cls) -> ColumnElement[bool]:
        return above_zero(cls.quantity - cls.received - cls.cancelled)

    @hybrid_property
    def taken(self) -> Decimal:
        """The quantity that is allocated to sales orders or held for a while."""
        return self.allocated + self.held

    @hybrid_property
    def unallocated(self) -> Decimal:
        """The outstanding quantity that is neither allocated nor held; less than 0 after an over-receipt."""
        return self.quantity - self.received - self.cancelled - self.allocated - self.held

    @hybrid_property
    def has_unallocated(self) -> bool:
        """Whether some of the outstanding quantity is neither allocated nor held."""
        return self.quantity > self.received + self.cancelled + self.allocated + self.held

    @hybrid_property
    def is_open(self) -> bool:
        """Whether goods of this line may still come. In SQL the line must be joined to its order."""
        return self.order.is_open and self.has_outstanding

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return and_(PurchaseOrder.is_open, cls.has_outstanding)

    def history_subject(self) -> Subject:
        """A line's changes are changes of its order."""
        return Subject("procurement.purchase_order", self.order_id, self.order.name, line=self.position)

    def __str__(self) -> str:
        return joined((self.order.name, f"{self.position}"), "/")


class Receipt(Model):
    """A quantity of one purchase order line that was received into one balance."""

    __tablename__ = "procurement_receipt"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("reversed >= 0 AND reversed <= quantity", "reversed_within_quantity"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("procurement_purchase_order_line.id"), index=True)
    balance_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_balance.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    reversed: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    line: Mapped[PurchaseOrderLine] = relationship()
    balance: Mapped[Balance] = relationship()
    reversals: Mapped[list[ReceiptReversal]] = relationship(order_by="ReceiptReversal.id")

    @property
    def reversible(self) -> Decimal:
        """The quantity that was not reversed yet."""
        return self.quantity - self.reversed

    def __str__(self) -> str:
        return say("Receipt {id} of {line}", id=self.id, line=self.line)


class ReceiptReversal(Model):
    """A quantity of a receipt that was taken back, with the reason. The receipt stays."""

    __tablename__ = "procurement_receipt_reversal"
    __table_args__ = (CheckConstraint("quantity > 0", "quantity_positive"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    receipt_id: Mapped[int] = mapped_column(ForeignKey("procurement_receipt.id"), index=True)
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    reason: Mapped[str] = mapped_column(Text)
    reversed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_name: Mapped[str] = mapped_column(String(80), default="")
