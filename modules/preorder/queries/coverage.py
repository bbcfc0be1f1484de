"""What covers sales order lines: the snapshot that coverage is computed from, and how far demand is covered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Subquery, and_, or_, select, true, union
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of, total
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.queries import unusable_column, usable_condition, with_lot_and_location
from modules.inventory_lots.states import Tracking
from modules.preorder.coverage import (
    AllocatedStock,
    AllocatedSupply,
    Arrivals,
    Coverage,
    OpenLine,
    Serials,
    cover,
    with_expected_dates,
)
from modules.preorder.domain import CoverageState, coverage_state
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.purchase_allocations import with_purchase_lines
from modules.preorder.queries.sales_lines import confirmed_lines
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.domain import is_too_far_ahead
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import last_served_day
from modules.sales.states import OrderState, ShippingPolicy

# What a part from a purchase order says of it.
_PURCHASE_LINE = (
    *(PurchaseOrderLine.id, PurchaseOrderLine.expected_on),
    *(PurchaseOrder.id, PurchaseOrder.number, PurchaseOrderLine.position),
)

# What coverage has to know of an open line.
_OPEN_LINE = (
    OrderLine.id,
    OrderLine.order_id,
    OrderLine.product_id,
    OrderLine.open_quantity.label("open_quantity"),
    OrderLine.allocated,
    OrderLine.promise_date,
    OrderLine.is_promise_pinned,
    OrderLine.requested_on,
    OrderLine.is_preorder,
    Order.shipping_policy,
    Product.tracking,
    ProductPreorder.launch_date,
)


@dataclass(frozen=True)
class CoverageSnapshot:
    """Open lines and what covers them, read at one moment. `chosen` are the lines that were asked for."""

    lines: Sequence[OpenLine]
    chosen: Set[int]
    serials: Mapping[int, Sequence[Serials]]
    arrivals: Arrivals

    def coverage(self, change: Callable[[OpenLine], OpenLine] | None = None) -> dict[int, Coverage]:
        """Return the coverage of each chosen line by id, as it is or as it would be with changed lines."""
        lines = map(change, self.lines) if change else self.lines
        found = cover(lines, self.arrivals, self.serials)
        wanted = self.chosen & found.keys()
        return {line.line_id: found[line.line_id] for line in self.lines if line.line_id in wanted}


def coverage_snapshot(session: Session, *conditions: ColumnElement[bool]) -> CoverageSnapshot:
    """Read what covers the open lines of confirmed orders that meet `conditions`.

    The other open lines of their orders that ship complete are read with them.
    """
    rows = session.execute(_open_lines(*conditions)).all()
    stock = _allocated_stock(session, [row.id for row in rows if row.allocated])
    supply = _allocated_supply(session, [row.id for row in rows if row.allocated < row.open_quantity])
    until = last_served_day()
    lines = [_open_line(row, stock.get(row.id, ()), supply.get(row.id, ()), until=until) for row in rows]
    serials = usable_serials(session, {line.product_id for line in lines if line.is_serial})
    return CoverageSnapshot(lines, {row.id for row in rows if row.is_chosen}, serials, arrivals_now())


def line_coverage(
    session: Session,
    *conditions: ColumnElement[bool],
    expected: Mapping[int, date | None] | None = None,
    planned: Mapping[int, Collection[int]] | None = None,
) -> dict[int, Coverage]:
    """Return the coverage of each open line of confirmed orders that meets `conditions`, by line id.

    Serial lines have none. `expected` (purchase order line id → date) are used instead of the stored expected dates.
    `planned` (sales order line id → purchase order line ids) count as if they covered what is left of a line.
    """
    snapshot = coverage_snapshot(session, *conditions)
    if planned:
        snapshot = replace(snapshot, lines=_as_planned(session, snapshot.lines, planned))
    return snapshot.coverage(partial(with_expected_dates, dates=expected) if expected else None)


def _open_lines(*conditions: ColumnElement[bool]) -> Any:
    """Select the open lines that meet conditions, and the other open lines of their orders that ship complete."""
    rows: Any = (
        select(*_OPEN_LINE, and_(true(), *conditions).label("is_chosen"))
        .join(OrderLine.order)
        .join(OrderLine.product)
        .outerjoin(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .where(
            Order.state == OrderState.confirmed,
            OrderLine.is_open,
            or_(Product.tracking != Tracking.serial, Order.shipping_policy == ShippingPolicy.complete),
        )
    )
    if not conditions:
        return rows
    wanted = with_siblings(*conditions)
    return rows.join(wanted, wanted.c.id == OrderLine.id)


def with_siblings(
    *conditions: ColumnElement[bool],
    among: ColumnElement[bool] | None = None,
    columns: Sequence[Any] = (OrderLine.id,),
) -> Subquery:
    """Return a subquery of the lines that meet conditions, and of all lines of orders that ship complete and have such
    a line; only of lines `among` them, where that is given. It has their ids, or these columns."""
    wanted = true() if among is None else among
    orders = (
        select(OrderLine.order_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.state == OrderState.confirmed,
            Order.shipping_policy == ShippingPolicy.complete,
            *conditions,
        )
        .subquery()
    )
    siblings = select(*columns).where(OrderLine.order_id.in_(select(orders.c.order_id)), wanted)
    return union(select(*columns).where(wanted, *conditions), siblings).subquery()


def _open_line(
    row: Any, stock: Collection[AllocatedStock], supply: Collection[AllocatedSupply], *, until: date | None
) -> OpenLine:
    return OpenLine(
        line_id=row.id,
        order_id=row.order_id,
        product_id=row.product_id,
        open_quantity=row.open_quantity,
        promised=row.promise_date,
        is_pinned=row.is_promise_pinned,
        requested_on=row.requested_on,
        launch_date=row.launch_date if row.is_preorder else None,
        ships_complete=row.shipping_policy is ShippingPolicy.complete,
        is_serial=row.tracking is Tracking.serial,
        is_scheduled=is_too_far_ahead(row.requested_on, until),
        stock=tuple(stock),
        supply=tuple(supply),
    )


def _allocated_stock(session: Session, line_ids: Collection[int]) -> dict[int, list[AllocatedStock]]:
    """Return what lines have allocated in stock, by line id; first allocated first."""
    found: dict[int, list[AllocatedStock]] = {}
    if not line_ids:
        return found
    unpacked = Allocation.unpacked.label("unpacked")
    rows = select(Allocation.line_id, unpacked, Lot.expires_on, unusable_column(clock.today()))
    rows = with_lot_and_location(rows.join(Balance, Balance.id == Allocation.balance_id))
    wanted = rows.where(is_one_of(session, Allocation.line_id, line_ids), Allocation.is_unpacked)
    for line_id, *stock in session.execute(wanted.order_by(Allocation.id)):
        found.setdefault(line_id, []).append(AllocatedStock._make(stock))
    return found


def _allocated_supply(session: Session, line_ids: Collection[int]) -> dict[int, list[AllocatedSupply]]:
    """Return what lines have of each purchase order line, by line id; first allocated first."""
    found: dict[int, dict[int, AllocatedSupply]] = {}
    if not line_ids:
        return {}
    rows = with_purchase_lines(
        PurchaseAllocation.line_id,
        PurchaseAllocation.outstanding.label("outstanding"),
        *_PURCHASE_LINE,
    ).join(PurchaseOrderLine.order)
    wanted = rows.where(is_one_of(session, PurchaseAllocation.line_id, line_ids)).order_by(PurchaseAllocation.id)
    for line_id, *values in session.execute(wanted):
        supply, has = AllocatedSupply._make(values), found.setdefault(line_id, {})
        same = has.get(supply.purchase_line_id)
        has[supply.purchase_line_id] = (
            supply if same is None else same._replace(quantity=same.quantity + supply.quantity)
        )
    return {line_id: list(has.values()) for line_id, has in found.items()}


def _as_planned(session: Session, lines: Sequence[OpenLine], planned: Mapping[int, Collection[int]]) -> list[OpenLine]:
    """Return the lines with what would cover them if they were allocated to these purchase order lines."""
    wanted = {purchase_line_id for ids in planned.values() for purchase_line_id in ids}
    rows = select(PurchaseOrderLine.unallocated.label("unallocated"), *_PURCHASE_LINE).join(PurchaseOrderLine.order)
    found = session.execute(rows.where(is_one_of(session, PurchaseOrderLine.id, wanted)))
    supply = {each.purchase_line_id: each for each in map(AllocatedSupply._make, found)}
    return [line.covered_by([supply[id_] for id_ in planned.get(line.line_id, ()) if id_ in supply]) for line in lines]


def usable_serials(session: Session, product_ids: Collection[int]) -> dict[int, list[Serials]]:
    """Return how many usable serial numbers of each product are in stock, by their last day of use."""
    found: dict[int, list[Serials]] = {}
    if not product_ids:
        return found
    rows = with_lot_and_location(select(Balance.product_id, total(Balance.on_hand), Lot.expires_on))
    wanted = rows.where(is_one_of(session, Balance.product_id, product_ids), Balance.has_stock)
    usable = wanted.where(usable_condition(clock.today())).group_by(Balance.product_id, Lot.expires_on)
    for product_id, *serials in session.execute(usable):
        found.setdefault(product_id, []).append(Serials._make(serials))
    return found


def coverage_of_line(line: OrderLine, on_purchase_orders: Decimal) -> CoverageState | None:
    """Return how far purchase orders cover what stock leaves open of a line; None where it needs none."""
    waits = line.order.state == OrderState.confirmed and line.need > 0 and line.product.tracking is not Tracking.serial
    return coverage_state(line.need, on_purchase_orders) if waits else None


def coverage_of_orders(session: Session, order_ids: Collection[int]) -> dict[int, CoverageState]:
    """Return how far purchase orders cover what stock leaves open of each order; one that needs none is left out."""
    lines = confirmed_lines(OrderLine.order_id.in_(order_ids), OrderLine.has_need)
    rows = session.execute(
        lines.join(OrderLine.product)
        .with_only_columns(OrderLine.order_id, total(OrderLine.need), total(OrderLine.incoming))
        .where(Product.tracking != Tracking.serial)
        .group_by(OrderLine.order_id)
    )
    return {order_id: coverage_state(need, quantity) for order_id, need, quantity in rows}


def lines_to_sync(session: Session, purchase_line_ids: Collection[int]) -> dict[int, Coverage]:
    """Return the lines whose dates an automatic sync sets when these arrivals change: allocated and not pinned.

    Lines of an order that ships complete follow what any of them waits for.
    """
    moved = is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    waiting = OrderLine.id.in_(select(PurchaseAllocation.line_id).where(PurchaseAllocation.is_open, moved))
    affected = OrderLine.id.in_(select(with_siblings(waiting).c.id))
    return line_coverage(session, affected, OrderLine.is_promise_pinned.is_(False))
