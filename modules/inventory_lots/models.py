"""Tables of stock: products, warehouses, locations, lots, balances and moves."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    select,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship
from typing_extensions import override

from erp import clock
from erp.db import (
    FINAL,
    BigId,
    Model,
    Money,
    Quantity,
    UtcDateTime,
    above_zero,
    instant_now,
    key_column,
    partial_index,
    total,
)
from erp.history import Subject, Tracked
from erp.models import enum_column
from erp.search import Searchable
from erp.text import say
from modules.inventory_lots.states import LocationKind, MoveKind, Tracking


class Product(Searchable, Tracked, Model):
    """Something bought and sold, named by its SKU."""

    __tablename__ = "inventory_lots_product"
    __table_args__ = (
        CheckConstraint("unit_decimals BETWEEN 0 AND 4", "unit_decimals"),
        CheckConstraint("tracking <> 'serial' OR unit_decimals = 0", "serial_in_whole_pieces"),
        CheckConstraint("list_price >= 0", "list_price_not_negative"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sku: Mapped[str] = mapped_column(String(60), unique=True)
    sku_key: Mapped[str] = key_column("sku")
    name: Mapped[str] = mapped_column(String(200), index=True)
    unit: Mapped[str] = mapped_column(String(20), default="pcs")
    unit_decimals: Mapped[int] = mapped_column(default=0)
    tracking: Mapped[Tracking] = mapped_column(enum_column(Tracking, "tracking"), default=Tracking.lot)
    list_price: Mapped[Decimal | None] = mapped_column(Money)
    is_active: Mapped[bool] = mapped_column(default=True)
    row_version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": row_version}
    history_fields = ("sku", "name", "unit", "unit_decimals", "tracking", "list_price", "is_active")
    search_fields = ("sku", "name")

    @override
    def history_subject(self) -> Subject:
        return Subject("inventory_lots.product", self.id, self.sku)

    def __str__(self) -> str:
        return f"[{self.sku}] {self.name}"


class Warehouse(Tracked, Model):
    """A building that holds locations."""

    __tablename__ = "inventory_lots_warehouse"
    history_document = "inventory_lots.warehouse"
    history_fields = ("code", "name")

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    code_key: Mapped[str] = key_column("code")
    name: Mapped[str] = mapped_column(String(120), default="")

    def __str__(self) -> str:
        return self.code


class Location(Tracked, Model):
    """A place where stock is stored. `path` is `WAREHOUSE/LOCATION`."""

    __tablename__ = "inventory_lots_location"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    warehouse_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_warehouse.id"), index=True)
    code: Mapped[str] = mapped_column(String(40))
    path: Mapped[str] = mapped_column(String(81), unique=True)
    path_key: Mapped[str] = key_column("path")
    kind: Mapped[LocationKind] = mapped_column(enum_column(LocationKind, "kind"), default=LocationKind.stock)
    warehouse: Mapped[Warehouse] = relationship()

    history_document = "inventory_lots.location"
    history_fields = ("path", "kind")

    def __str__(self) -> str:
        return self.path


class Lot(Tracked, Model):
    """A quantity of one product that was received together."""

    __tablename__ = "inventory_lots_lot"
    __table_args__ = (
        UniqueConstraint("id", "product_id"),
        Index("ix_inventory_lots_lot_number_key", "product_id", "number_key", unique=True),
        # The search finds a lot by its number alone.
        Index("ix_inventory_lots_lot_number_alone", "number_key"),
        partial_index("ix_inventory_lots_lot_on_hold", "id", where="on_hold is true"),
        partial_index("ix_inventory_lots_lot_expires", "expires_on", where="expires_on IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    number: Mapped[str] = mapped_column(String(80), index=True)
    number_key: Mapped[str] = key_column("number", index=False)
    received_on: Mapped[date]
    expires_on: Mapped[date | None]
    on_hold: Mapped[bool] = mapped_column(default=False)
    row_version: Mapped[int] = mapped_column(default=1)
    product: Mapped[Product] = relationship()

    __mapper_args__ = {"version_id_col": row_version}
    history_document = "inventory_lots.lot"
    history_fields = ("number", "received_on", "expires_on", "on_hold")

    def __str__(self) -> str:
        return self.number


def _lot_of_the_product() -> ForeignKeyConstraint:
    """Return the foreign key that makes a row and its lot name the same product."""
    lot = (f"{Lot.__tablename__}.id", f"{Lot.__tablename__}.product_id")
    return ForeignKeyConstraint(("lot_id", "product_id"), lot)


class StockHold(Model):
    """A quantity of one balance that nobody else gets until an instant, and the document for which it is held.

    From that instant on it counts nowhere, whether or not the row is deleted.
    """

    __tablename__ = "inventory_lots_stock_hold"
    __table_args__ = (
        CheckConstraint("quantity > 0", "quantity_positive"),
        Index("ix_inventory_lots_stock_hold_balance", "balance_id", "ends_at"),
        Index("ix_inventory_lots_stock_hold_document", "document"),
        Index("ix_inventory_lots_stock_hold_ends_at", "ends_at"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    balance_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_balance.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    document: Mapped[str] = mapped_column(String(40))
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Balance(Model):
    """One lot at one location: how much of it is on hand, and how much of that is allocated."""

    __tablename__ = "inventory_lots_balance"
    __table_args__ = (
        UniqueConstraint("lot_id", "location_id"),
        _lot_of_the_product(),
        CheckConstraint("allocated >= 0 AND allocated <= on_hand", "allocated_within_on_hand"),
        # What a run reads: the balances of a product that have unallocated stock.
        partial_index("ix_inventory_lots_balance_free", "product_id", where="on_hand - allocated > 0"),
        # What is on hand of a product and at a location, however many lots were there before.
        partial_index("ix_inventory_lots_balance_stocked", "product_id", where="on_hand > 0"),
        partial_index("ix_inventory_lots_balance_stocked_at", "location_id", where="on_hand > 0"),
        Index("ix_inventory_lots_balance_product", "product_id"),
        Index("ix_inventory_lots_balance_location", "location_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_id: Mapped[int] = mapped_column(BigId)
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    location_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_location.id"))
    on_hand: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    allocated: Mapped[Decimal] = mapped_column(Quantity, default=Decimal(0))
    held: Mapped[Decimal] = column_property(
        select(total(StockHold.quantity))
        .where(StockHold.balance_id == id, StockHold.ends_at > instant_now())
        .correlate_except(StockHold)
        .scalar_subquery()
    )
    lot: Mapped[Lot] = relationship(primaryjoin="Balance.lot_id == Lot.id", foreign_keys="Balance.lot_id")
    product: Mapped[Product] = relationship()
    location: Mapped[Location] = relationship()

    @hybrid_property
    def unallocated(self) -> Decimal:
        """The part of the stock on hand that is neither allocated nor held for a while, usable or not."""
        return self.on_hand - self.allocated - self.held

    @hybrid_property
    def has_unallocated(self) -> bool:
        """Whether some of the stock on hand is not allocated; written as the partial index is, so that it is used."""
        return self.on_hand - self.allocated > 0

    @has_unallocated.inplace.expression
    @classmethod
    def _has_unallocated(cls) -> ColumnElement[bool]:
        return above_zero(cls.on_hand - cls.allocated)

    @hybrid_property
    def has_stock(self) -> bool:
        """Whether something is on hand; in SQL a partial index answers it."""
        return self.on_hand > 0

    @has_stock.inplace.expression
    @classmethod
    def _has_stock(cls) -> ColumnElement[bool]:
        return above_zero(cls.on_hand)

    def __str__(self) -> str:
        return say("{product} lot {lot} at {location}", product=self.product.sku, lot=self.lot, location=self.location)


class StockMove(Model):
    """One line of the stock ledger: a signed quantity of a lot at a location. Never changed or deleted."""

    __tablename__ = "inventory_lots_stock_move"
    __table_args__ = (
        CheckConstraint("quantity <> 0", "quantity_not_zero"),
        _lot_of_the_product(),
        Index("ix_inventory_lots_stock_move_lot", "lot_id", "location_id"),
        Index("ix_inventory_lots_stock_move_product", "product_id", "id"),
        {"info": FINAL},
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=clock.now)
    product_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_product.id"))
    lot_id: Mapped[int] = mapped_column(BigId)
    location_id: Mapped[int] = mapped_column(ForeignKey("inventory_lots_location.id"))
    quantity: Mapped[Decimal] = mapped_column(Quantity)
    kind: Mapped[MoveKind] = mapped_column(enum_column(MoveKind, "kind"))
    document: Mapped[str] = mapped_column(String(80), default="")
    user_name: Mapped[str] = mapped_column(String(80), default="")
    reason: Mapped[str] = mapped_column(Text, default="")
    product: Mapped[Product] = relationship()
    lot: Mapped[Lot] = relationship(primaryjoin="StockMove.lot_id == Lot.id", foreign_keys="StockMove.lot_id")
    location: Mapped[Location] = relationship()
