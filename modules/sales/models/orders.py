"""Orders and what becomes of them: customers, orders, their lines, allocations and backorders."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from erp import clock
from erp.contacts import Contact
from erp.db import BigId, Model, Money, Quantity, UtcDateTime, above_zero, key_column, partial_index
from erp.history import Subject, Tracked
from erp.models import enum_column
from erp.text import joined, say
from modules.inventory_lots.models import Balance, Product
from modules.sales.states import AllocationSource, BackorderKind, BackorderState, OrderState, ShippingPolicy


class Customer(Contact):
    """A buyer, known by its code."""

    __tablename__ = "sales_customer"
    history_document = "sales.customer"


class Order(Tracked, Model):
    """A sales order. It has no number until it is confirmed."""

    __tablename__ = "sales_order"
    __table_args__ = (
        CheckConstraint("state = 'draft' OR state = 'cancelled' OR number IS NOT NULL", "numbered"),
        Index("ix_sales_order_state", "state", "id"),
        partial_index("ix_sales_order_complete", "state", where="shipping_policy = 'complete'"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str | None] = mapped_column(String(40), unique=True)
    number_key: Mapped[str | None] = key_column("number")
    customer_id: Mapped[int] = mapped_column(ForeignKey("sales_customer.id"), index=True)
    ordered_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now, index=True)
    priority: Mapped[int] = mapped_column(default=0)
    shipping_policy: Mapped[ShippingPolicy] = mapped_column(
        enum_column(ShippingPolicy, "shipping_policy"), default=ShippingPolicy.partial
    )
    state: Mapped[OrderState] = mapped_column(enum_column(OrderState, "state"), default=OrderState.draft)
    note: Mapped[str] = mapped_column(Text, default="")
    row_version: Mapped[int] = mapped_column(default=1)
    customer: Mapped[Customer] = relationship()
    lines: Mapped[list[OrderLine]] = relationship(
        back_populates="order", cascade="all, delete-orphan", order_by="OrderLine.position"
    )

    __mapper_args__ = {"version_id_col": row_version}
    history_document = "sales.order"
    history_fields = ("number", "customer", "ordered_at", "priority", "shipping_policy", "state", "note")

    @hybrid_property
    def is_confirmed(self) -> bool:
        """Whether the order is confirmed and something of it may still be open."""
        return self.state == OrderState.confirmed

    @property
    def name(self) -> str:
        """What users call the order: its number, or the id of a draft."""
        return self.number or say("Draft {id}", id=self.id)

    def __str__(self) -> str:
        return self.name


# Work lists look at the first orders in order of service.
Index("ix_sales_order_service", Order.state, Order.priority.desc(), Order.ordered_at, Order.id)


class OrderLine(Tracked, Model):
    """A quantity of one product in one order, with what of it is packed, cancelled and allocated.

    `incoming` is what is reserved for it of supply that is to come. None of that is expected after `last_incoming_on`,
    which is `date.max` where nobody knows when some of it comes.
    """

    __tablename__ = "sales_order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("packed >= 0 AND cancelled >= 0 AND packed + cancelled <= quantity", "open_not_negative"),
        CheckConstraint("allocated >= 0 AND allocated <= quantity - packed - cancelled", "allocated_within_open"),
        CheckConstraint("unit_price >= 0", "unit_price_not_negative"),
        # A run reads the lines of a product that have need. This index is smaller than that of all lines, so that
        # the database prefers it even without statistics.
        partial_index(
            "ix_sales_order_line_needing", "product_id", where="quantity - packed - cancelled - allocated > 0"
        ),
        # A run finds the open lines of its products by this index, and those of them that have no promise date yet.
        partial_index(
            "ix_sales_order_line_open_product", "product_id", "promise_date", where="quantity - packed - cancelled > 0"
        ),
        # Lists of open lines go by these: they are small, however many lines were packed.
        partial_index("ix_sales_order_line_open", "promise_date", where="quantity - packed - cancelled > 0"),
        partial_index("ix_sales_order_line_open_id", "id", where="quantity - packed - cancelled > 0"),
        # Promises that may be broken: of these there are few, however many lines are open.
        partial_index("ix_sales_order_line_late_supply", "promise_date", where="last_incoming_on > promise_date"),
        partial_index(
            "ix_sales_order_line_uncovered_promise",
            "promise_date",
            where="promise_date IS NOT NULL AND quantity - packed - cancelled - allocated - incoming > 0",
        ),
        partial_index(
            "ix_sales_order_line_unpromised_request",
            "promise_date",
            "requested_on",
            where="promise_date IS NULL AND requested_on IS NOT NULL AND quantity - packed - cancelled > 0",
        ),
        partial_index("ix_sales_order_line_preorder", "product_id", where="is_preorder is true"),
        partial_index("ix_sales_order_line_held", "id", where="hold_allocation is true"),
        Index("ix_sales_order_line_product", "product_id", "order_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("sales_order.id", ondelete="CASCADE"))
    position: Mapped[int]
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    packed: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    cancelled: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    allocated: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    incoming: Mapped[Decimal] = mapped_column(
        Quantity, CheckConstraint("incoming >= 0", "incoming_not_negative"), default=Decimal(0), server_default="0"
    )
    last_incoming_on: Mapped[date | None] = mapped_column(
        CheckConstraint("(incoming = 0) = (last_incoming_on IS NULL)", "last_incoming_on_where_incoming")
    )
    unit_price: Mapped[Decimal | None] = mapped_column(Money)
    requested_on: Mapped[date | None]
    promise_date: Mapped[date | None]
    is_promise_pinned: Mapped[bool] = mapped_column(default=False)
    is_preorder: Mapped[bool] = mapped_column(default=False)
    hold_allocation: Mapped[bool] = mapped_column(default=False)
    order: Mapped[Order] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()
    backorders: Mapped[list[Backorder]] = relationship(order_by="Backorder.id", viewonly=True)

    history_fields = ("product", "quantity", "unit_price", "requested_on", "promise_date", "hold_allocation")

    @hybrid_property
    def open_quantity(self) -> Decimal:
        """The quantity that is neither packed nor cancelled."""
        return self.quantity - self.packed - self.cancelled

    @hybrid_property
    def is_open(self) -> bool:
        """Whether something is neither packed nor cancelled; in SQL partial indexes answer it."""
        return self.open_quantity > 0

    @is_open.inplace.expression
    @classmethod
    def _is_open(cls) -> ColumnElement[bool]:
        return above_zero(cls.open_quantity)

    @hybrid_property
    def need(self) -> Decimal:
        """The open quantity that is not allocated to stock."""
        return self.quantity - self.packed - self.cancelled - self.allocated

    @hybrid_property
    def has_need(self) -> bool:
        """Whether something open is not allocated to stock; in SQL the index of lines with need answers it."""
        return self.need > 0

    @has_need.inplace.expression
    @classmethod
    def _has_need(cls) -> ColumnElement[bool]:
        return above_zero(cls.need)

    @hybrid_property
    def uncovered(self) -> Decimal:
        """The open quantity for which nothing is reserved, neither stock nor supply that is to come."""
        return self.quantity - self.packed - self.cancelled - self.allocated - self.incoming

    @hybrid_property
    def is_uncovered(self) -> bool:
        """Whether something open is not covered; in SQL an index finds the lines that have a promise date."""
        return self.uncovered > 0

    @is_uncovered.inplace.expression
    @classmethod
    def _is_uncovered(cls) -> ColumnElement[bool]:
        return above_zero(cls.uncovered)

    def history_subject(self) -> Subject:
        """A line's changes are changes of its order."""
        return Subject("sales.order", self.order_id, self.order.name, line=self.position)

    def __str__(self) -> str:
        return joined((self.order.name, f"{self.position}"), "/")


class Allocation(Model):
    """A quantity of an order line reserved on one balance."""

    __tablename__ = "sales_allocation"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        CheckConstraint("packed >= 0 AND packed <= quantity", "packed_within_quantity"),
        Index("ix_sales_allocation_line", "line_id"),
        partial_index("ix_sales_allocation_unpacked", "balance_id", where="quantity - packed > 0"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_order_line.id"))
    balance_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_balance.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    packed: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    source: Mapped[AllocationSource] = mapped_column(enum_column(AllocationSource, "source"))
    run_id: Mapped[int] = mapped_column(ForeignKey("erp_run.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    user_name: Mapped[str] = mapped_column(String(80), default="")
    line: Mapped[OrderLine] = relationship()
    balance: Mapped[Balance] = relationship()

    @hybrid_property
    def unpacked(self) -> Decimal:
        """The quantity that is still reserved on the balance."""
        return self.quantity - self.packed

    @hybrid_property
    def is_unpacked(self) -> bool:
        """Whether something is still reserved on the balance; in SQL a partial index answers it."""
        return self.unpacked > 0

    @is_unpacked.inplace.expression
    @classmethod
    def _is_unpacked(cls) -> ColumnElement[bool]:
        return above_zero(cls.unpacked)


class Backorder(Model):
    """The quantity of a line that stock could not cover. At most one row of a line is open."""

    __tablename__ = "sales_backorder"
    __table_args__ = (
        CheckConstraint("quantity >= 0", "quantity_not_negative"),
        CheckConstraint(
            "allocated_quantity >= 0 AND cancelled_quantity >= 0"
            " AND allocated_quantity + cancelled_quantity <= quantity",
            "open_not_negative",
        ),
        CheckConstraint(
            "(state = 'open') = (quantity > allocated_quantity + cancelled_quantity)", "open_while_something_is"
        ),
        partial_index("uq_sales_backorder_open", "line_id", where="state = 'open'", unique=True),
        Index("ix_sales_backorder_line", "line_id"),
        # The list counts the rows of these kinds among all there ever were.
        partial_index("ix_sales_backorder_allocated", "id", where="state = 'allocated'"),
        partial_index("ix_sales_backorder_cancelled", "id", where="state = 'cancelled'"),
        partial_index("ix_sales_backorder_preorder", "id", where="kind = 'preorder'"),
        {"sqlite_autoincrement": True},  # emails keep the id of a deleted row, so an id is never used again
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("sales_order_line.id"))
    kind: Mapped[BackorderKind] = mapped_column(enum_column(BackorderKind, "kind"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    allocated_quantity: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    cancelled_quantity: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    state: Mapped[BackorderState] = mapped_column(enum_column(BackorderState, "state"), default=BackorderState.open)
    counts_from: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    line: Mapped[OrderLine] = relationship()

    @hybrid_property
    def open_quantity(self) -> Decimal:
        """The quantity that is neither allocated since nor cancelled."""
        return self.quantity - self.allocated_quantity - self.cancelled_quantity

    @hybrid_property
    def is_open(self) -> bool:
        """Whether the line still waits for something."""
        return self.state == BackorderState.open

    def __str__(self) -> str:
        return say("Backorder of {order}, line {line}", order=self.line.order.name, line=self.line.position)
