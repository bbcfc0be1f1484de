"""Who waits for what, in order of service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, select, true
from sqlalchemy.orm import Session

from erp.db import Quantity, is_one_of, raw, read_rows
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.states import Tracking
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.states import BackorderKind, BackorderState, OrderState


@dataclass(frozen=True)
class Scope:
    """What a run serves: the whole queue of some products, or only certain lines of theirs.

    Lines named one by one are a clerk's decision, so those on hold are served too.
    """

    product_ids: tuple[int, ...]
    line_ids: tuple[int, ...] | None = None


def service_order() -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put demand in order of service."""
    return (Order.priority.desc(), Order.ordered_at.asc(), Order.id.asc(), OrderLine.position.asc())


def is_waiting() -> ColumnElement[bool]:
    """Return the condition on an order line, joined to its order and product, of one that a run may serve."""
    return and_(
        Order.state == OrderState.confirmed,
        OrderLine.hold_allocation.is_(False),
        Product.tracking != Tracking.serial,
    )


def _in_scope(scope: Scope) -> ColumnElement[bool]:
    served = and_(Order.state == OrderState.confirmed, Product.tracking != Tracking.serial)
    if scope.line_ids is not None:
        return and_(served, OrderLine.id.in_(scope.line_ids))
    return and_(served, OrderLine.product_id.in_(scope.product_ids), OrderLine.hold_allocation.is_(False))


def _demand(*columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
    )


def needing_lines(session: Session, scope: Scope) -> Sequence[Row[int, int, int]]:
    """Return (line id, product id, raw need) of lines that stock does not cover, in order of service."""
    need = OrderLine.quantity > OrderLine.packed + OrderLine.cancelled + OrderLine.allocated
    rows = _demand(OrderLine.id, OrderLine.product_id, raw(OrderLine.need)).where(_in_scope(scope), need)
    return read_rows(session, rows.order_by(*service_order()))


def open_backorder_quantity() -> ColumnElement[Decimal]:
    """Return the open quantity of an outer-joined open backorder row, 0 where there is none."""
    return func.coalesce(Backorder.open_quantity, literal(Decimal(0), Quantity()))


def backorder_is_open() -> ColumnElement[bool]:
    """Return the condition of an open backorder row."""
    return Backorder.state == BackorderState.open


def lines_out_of_step(session: Session, scope: Scope) -> Sequence[Row[int, int, int | None, int]]:
    """Return (line id, raw rest, open backorder id, raw open backorder) where the two quantities differ."""
    open_row = and_(Backorder.line_id == OrderLine.id, Backorder.state == BackorderState.open)
    held = open_backorder_quantity()
    rows = _demand(OrderLine.id, raw(OrderLine.need), Backorder.id, raw(held)).outerjoin(Backorder, open_row)
    return read_rows(session, rows.where(_in_scope(scope), OrderLine.need != held).order_by(OrderLine.id))


def waiting_product_ids(session: Session, skus: Sequence[str] = ()) -> list[int]:
    """Return the products for which demand waits, by id; of `skus` only, where some are given."""
    need = OrderLine.quantity > OrderLine.packed + OrderLine.cancelled + OrderLine.allocated
    wanted = Product.sku.in_(skus) if skus else true()
    rows = _demand(OrderLine.product_id).where(is_waiting(), need, wanted).distinct().order_by(OrderLine.product_id)
    return list(session.scalars(rows))


def unpacked_allocations(*conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """Select allocations with something unpacked, with line, order, balance, lot and location joined."""
    return (
        select(Allocation)
        .join(OrderLine, OrderLine.id == Allocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Balance, Balance.id == Allocation.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Allocation.packed < Allocation.quantity, *conditions)
    )


def overdue_backorders(
    session: Session, made_before: date, product_ids: Sequence[int]
) -> Sequence[Row[int, int, Decimal]]:
    """Return (backorder id, line id, open quantity) of these products' rows that count from before `made_before`."""
    return session.execute(
        select(Backorder.id, Backorder.line_id, Backorder.open_quantity)
        .join(OrderLine, OrderLine.id == Backorder.line_id)
        .where(
            is_one_of(session, OrderLine.product_id, product_ids),
            Backorder.state == BackorderState.open,
            Backorder.kind == BackorderKind.backorder,
            Backorder.counts_from < made_before,
        )
        .order_by(Backorder.id)
    ).all()
