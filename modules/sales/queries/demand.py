"""Who waits for what, in order of service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, and_, func, literal, select, true
from sqlalchemy.orm import Session

from erp.db import Quantity, is_one_of, raw, read_rows
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.states import Tracking
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.states import BackorderKind, BackorderState, OrderState

# Line id, product id, raw need, id of the open backorder, raw open quantity of it.
Needing = tuple[int, int, int, int | None, int]


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


def has_need() -> ColumnElement[bool]:
    """Return the condition that stock does not cover a line; the partial index of the lines answers it."""
    return OrderLine.quantity > OrderLine.packed + OrderLine.cancelled + OrderLine.allocated


def _in_scope(session: Session, scope: Scope) -> ColumnElement[bool]:
    of_products = is_one_of(session, OrderLine.product_id, scope.product_ids)
    if scope.line_ids is None:
        return and_(of_products, is_waiting())
    named = is_one_of(session, OrderLine.id, scope.line_ids)
    return and_(of_products, named, Order.state == OrderState.confirmed, Product.tracking != Tracking.serial)


def needing_lines(session: Session, scope: Scope) -> list[Needing]:
    """Return the lines that stock does not cover, product by product, each in order of service."""
    rows = _needs(session, scope).order_by(OrderLine.product_id, *service_order())
    return cast(list[Needing], read_rows(session, rows))


def open_backorder_quantity() -> ColumnElement[Decimal]:
    """Return the open quantity of an outer-joined open backorder row, 0 where there is none."""
    return func.coalesce(Backorder.open_quantity, literal(Decimal(0), Quantity()))


def backorder_is_open() -> ColumnElement[bool]:
    """Return the condition of an open backorder row."""
    return Backorder.state == BackorderState.open


def lines_out_of_step(session: Session, scope: Scope) -> list[Needing]:
    """Return those of the needing lines whose need is not what they have on backorder."""
    rows = _needs(session, scope).where(OrderLine.need != open_backorder_quantity())
    return cast(list[Needing], read_rows(session, rows))


def _needs(session: Session, scope: Scope) -> Select[*tuple[Any, ...]]:
    # The backorder comes first: where it agrees with the need, the order is not looked up at all.
    columns = (OrderLine.id, OrderLine.product_id, raw(OrderLine.need), Backorder.id, raw(open_backorder_quantity()))
    return (
        select(*columns)
        .select_from(OrderLine)
        .outerjoin(Backorder, and_(Backorder.line_id == OrderLine.id, backorder_is_open()))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(has_need(), _in_scope(session, scope))
    )


def waiting_product_ids(session: Session, skus: Sequence[str] = ()) -> list[int]:
    """Return the products for which demand waits, by id; of `skus` only, where some are given."""
    waits = select(OrderLine.id).join(Order, Order.id == OrderLine.order_id)
    waits = waits.where(OrderLine.product_id == Product.id, is_waiting(), has_need()).correlate(Product)
    wanted = Product.sku.in_(skus) if skus else true()
    return list(session.scalars(select(Product.id).where(wanted, waits.exists()).order_by(Product.id)))


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
