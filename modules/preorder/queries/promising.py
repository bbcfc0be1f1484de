"""Which lines may be promised a date now, and which date."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    CompoundSelect,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    false,
    literal,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session

from erp import clock
from erp.db import given, is_among, is_one_of, raw, read_rows, typed_rows
from erp.options import options
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import unusable_column
from modules.inventory_lots.services import BATCH
from modules.inventory_lots.states import Tracking
from modules.preorder.coverage import Coverage, LeanPart, promise_alone, promise_when
from modules.preorder.domain import PURCHASE_LINE
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.coverage import line_coverage, with_siblings
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.planning import LastArrival
from modules.sales.queries import Scope
from modules.sales.states import OrderState, ShippingPolicy


def lines_to_promise(session: Session, *conditions: ColumnElement[bool]) -> list[int]:
    """Return the open lines without a promise date that may have an expected date, for those that meet conditions."""
    return [line_id for (line_id,) in read_rows(session, select(_to_promise(*conditions).c.id))]


def _to_promise(*conditions: ColumnElement[bool], columns: Sequence[Any] = (OrderLine.id,)) -> Subquery:
    # A line has no expected date unless stock covers all of it or something of it is on purchase orders.
    is_incoming = PurchaseAllocation.line_id == OrderLine.id
    incoming = select(PurchaseAllocation.id).where(PurchaseAllocation.is_open, is_incoming).correlate(OrderLine)
    wanted = and_(
        OrderLine.promise_date.is_(None),
        OrderLine.is_open,
        or_(OrderLine.allocated >= OrderLine.open_quantity, incoming.exists()),
    )
    return with_siblings(*conditions, among=wanted, columns=columns)


def promises_in_scope(session: Session, scope: Scope) -> dict[int, date]:
    """Return the dates that may be promised to lines of a scope, of those that `lines_to_promise` finds.

    Most leave alone: one statement reads all that decides on their dates.
    """
    rows = typed_rows(
        session,
        _parts_to_promise,
        scope.line_ids is not None,
        len(scope.product_ids) < BATCH,
        product_ids=scope.product_ids,
        line_ids=scope.line_ids or (),
        today=clock.today(),
    )
    arrivals, buffer_days = arrivals_now(), options.preorder.promise_buffer_days
    dates: dict[int, date] = {}
    together: list[int] = []
    for line_id, of_line in groupby(rows, key=attrgetter("id")):
        parts = list(of_line)
        first = parts[0]
        if first.is_complete:
            together.append(line_id)
            continue
        lean = (LeanPart._make(row[-len(LeanPart._fields) :]) for row in parts)
        if day := promise_alone(first.open, first.launch, lean, arrivals, buffer_days):
            dates[line_id] = day
    if together:
        dates |= new_promises(line_coverage(session, is_one_of(session, OrderLine.id, together)))
    return dates


def _parts_to_promise(session: Session, are_named: bool, are_few: bool) -> CompoundSelect[*tuple[Any, ...]]:
    """Select what decides when lines can leave: each part of them in stock and each that is incoming, line by line.

    PostgreSQL plans once for products that `are_few`.
    """
    of_products = is_among(session, OrderLine.product_id, "product_ids", hides_number=are_few)
    # A named line may be closed by what has just happened, and have kept the others of its order back.
    named = is_among(session, OrderLine.id, "line_ids", hides_number=are_few) if are_named else and_(OrderLine.is_open)
    of_line = (OrderLine.id, OrderLine.order_id, OrderLine.product_id, OrderLine.is_preorder)
    columns = (*of_line, raw(OrderLine.open_quantity).label("open"))
    # SQLite takes a table that it makes for a large one, and would read all orders for a filter of them.
    wanted = (
        select(_to_promise(of_products, named, columns=columns))
        .cte("wanted")
        .prefix_with("not materialized", dialect="sqlite")
    )
    # What is computed has no index: so SQLite looks the rows of a wanted line up, and not the line of every row.
    line_id = wanted.c.id + 0
    stock = (raw(Allocation.unpacked), false(), Lot.expires_on, unusable_column(given("today")))
    incoming = (raw(PurchaseAllocation.outstanding), true(), PurchaseOrderLine.expected_on, literal(""))
    in_stock = (
        _decided(wanted, *stock)
        .join(Allocation, and_(Allocation.line_id == line_id, Allocation.is_unpacked))
        .join(Balance, Balance.id == Allocation.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
    )
    on_purchase_orders = (
        _decided(wanted, *incoming)
        .join(PurchaseAllocation, and_(PurchaseAllocation.line_id == line_id, PurchaseAllocation.is_open))
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
    )
    return union_all(in_stock, on_purchase_orders).order_by("id")


def _decided(wanted: CTE, *part: SQLColumnExpression[Any]) -> Select[*tuple[Any, ...]]:
    launch = case((wanted.c.is_preorder, ProductPreorder.launch_date)).label("launch")
    is_complete = (Order.shipping_policy == ShippingPolicy.complete).label("is_complete")
    columns = (wanted.c.id.label("id"), is_complete, wanted.c.open.label("open"), launch)
    named: list[Any] = [each.label(name) for each, name in zip(part, LeanPart._fields, strict=True)]
    return (
        select(*columns, *named)
        .join(Order, Order.id == wanted.c.order_id)
        .join(Product, Product.id == wanted.c.product_id)
        .outerjoin(ProductPreorder, ProductPreorder.product_id == wanted.c.product_id)
        .where(Order.state == OrderState.confirmed, or_(Product.tracking != Tracking.serial, is_complete))
    )


def new_promises(found: Mapping[int, Coverage]) -> dict[int, date]:
    """Return the date that each line may be promised now, with the buffer; lines without one are left out."""
    buffer_days = options.preorder.promise_buffer_days
    dates = {line_id: coverage.promise(buffer_days) for line_id, coverage in found.items()}
    return {line_id: day for line_id, day in dates.items() if day is not None}


def promise_days(_session: Session, arrivals: Collection[LastArrival]) -> dict[LastArrival, date]:
    """Return the day that may be promised to lines by when the last of what covers them is there: stock, or purchase
    order lines."""
    today, buffer_days = clock.today(), options.preorder.promise_buffer_days
    return {
        each: promise_when(max(today, each.day or today), buffer_days, is_incoming=each.kind == PURCHASE_LINE)
        for each in arrivals
        if each.kind in ("", PURCHASE_LINE)
    }
