"""Which incoming supply is meant for whom."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, Subquery, and_, func, literal, null, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from erp.db import Quantity, is_one_of, raw, read_rows, total
from modules.inventory_lots.models import Product
from modules.preorder.models import PurchaseAllocation
from modules.procurement.hooks import LineAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.hooks import AllocationRow, SupplyNote
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import (
    Scope,
    backorder_is_open,
    has_need,
    is_waiting,
    open_backorder_quantity,
    service_order,
)
from modules.sales.states import AllocationSource, OrderState

NOTHING = literal(Decimal(0), Quantity())


def is_open_purchase_allocation() -> ColumnElement[bool]:
    """Return the condition of a link with something outstanding."""
    return PurchaseAllocation.ended_at.is_(None)


def of_lines(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition of links whose sales order lines meet `conditions`: a sum reads no more than these."""
    return PurchaseAllocation.line_id.in_(select(OrderLine.id).where(*conditions))


def purchase_allocated_by_line(*conditions: ColumnElement[bool]) -> Subquery:
    """Return a subquery of what is linked to each sales order line: `line_id`, `purchase_allocated`."""
    return (
        select(PurchaseAllocation.line_id, total(PurchaseAllocation.outstanding).label("purchase_allocated"))
        .where(is_open_purchase_allocation(), *conditions)
        .group_by(PurchaseAllocation.line_id)
        .subquery()
    )


def purchase_allocated_to(line_id: InstrumentedAttribute[int]) -> ColumnElement[Decimal]:
    """Return what is linked to the sales order line of that id, as a subquery for each row that asks."""
    purchase_allocated = select(total(PurchaseAllocation.outstanding)).where(
        is_open_purchase_allocation(), PurchaseAllocation.line_id == line_id
    )
    return purchase_allocated.correlate_except(PurchaseAllocation).scalar_subquery()


def open_purchase_allocations(*conditions: ColumnElement[bool]) -> Select[PurchaseAllocation]:
    """Select links with something outstanding, in order of service, with both orders joined."""
    return (
        select(PurchaseAllocation)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_open_purchase_allocation(), *conditions)
        .order_by(*service_order(), PurchaseAllocation.id)
    )


def outstanding_purchase_allocations(session: Session) -> tuple[int, int]:
    """Return how many links are outstanding, on how many sales orders."""
    row = session.execute(
        select(func.count(PurchaseAllocation.id), func.count(func.distinct(OrderLine.order_id)))
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .where(is_open_purchase_allocation())
    ).one()
    return int(row[0]), int(row[1])


def purchase_allocated(session: Session, line_ids: Collection[int]) -> dict[int, Decimal]:
    """Return what is linked to each of these sales order lines; a line without links is left out."""
    parts = purchase_allocated_by_line(is_one_of(session, PurchaseAllocation.line_id, line_ids))
    return dict(session.execute(select(parts.c.line_id, parts.c.purchase_allocated)).all())


def uncovered_backorders(session: Session, scope: Scope) -> list[tuple[int, int, int]]:
    """Return (line id, product id, raw rest) of open backorders that links do not cover.

    They come product by product, each in order of service. Lines on hold are left out unless the scope names them.
    """
    may = is_waiting() if scope.line_ids is None else Order.state == OrderState.confirmed
    # What is on backorder is needed too: said here, it lets the index of needing lines find them.
    waiting = _backorders(OrderLine.id, OrderLine.product_id, raw(Backorder.open_quantity))
    waiting = waiting.where(in_scope(session, scope), has_need(), may)
    rows = read_rows(session, waiting.order_by(OrderLine.product_id, *service_order()))
    # Summed for these very lines: a planner that does not know yet how many links there are finds them all the same.
    parts = purchase_allocated_by_line(
        is_one_of(session, PurchaseAllocation.line_id, [line_id for line_id, *_ in rows])
    )
    purchase_allocated: dict[int, int] = dict(
        read_rows(session, select(parts.c.line_id, raw(parts.c.purchase_allocated)))
    )
    return [
        (line_id, product_id, remainder)
        for line_id, product_id, quantity in rows
        if (remainder := quantity - purchase_allocated.get(line_id, 0)) > 0
    ]


def in_scope(session: Session, scope: Scope) -> ColumnElement[bool]:
    """Return the condition of the sales order lines that a run serves."""
    of_products = is_one_of(session, OrderLine.product_id, scope.product_ids)
    if scope.line_ids is None:
        return of_products
    return and_(of_products, is_one_of(session, OrderLine.id, scope.line_ids))


def _backorders(*columns: Any) -> Select[Any]:
    return (
        select(*columns)
        .select_from(Backorder)
        .join(OrderLine, and_(OrderLine.id == Backorder.line_id, backorder_is_open()))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
    )


def excess_of_lines(session: Session, line_ids: Collection[int]) -> dict[int, int]:
    """Return by how much (raw) the links of each of these lines are more than its open backorder."""
    parts = purchase_allocated_by_line(is_one_of(session, PurchaseAllocation.line_id, line_ids))
    excess = parts.c.purchase_allocated - open_backorder_quantity()
    rows = session.execute(
        select(parts.c.line_id, raw(excess))
        .outerjoin(Backorder, and_(Backorder.line_id == parts.c.line_id, backorder_is_open()))
        .where(excess > NOTHING)
    )
    return dict(rows.all())


def shrinking_order(session: Session, line_ids: Collection[int]) -> Sequence[Row[int, int, int]]:
    """Return (link id, line id, raw outstanding) in the order in which a line's links shrink.

    Latest expected first (no date = latest), those made by hand last.
    """
    return session.execute(
        select(PurchaseAllocation.id, PurchaseAllocation.line_id, raw(PurchaseAllocation.outstanding))
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .where(is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.line_id, line_ids))
        .order_by(
            (PurchaseAllocation.source == AllocationSource.by_hand).asc(),
            PurchaseOrderLine.expected_on.is_(None).desc(),
            PurchaseOrderLine.expected_on.desc(),
            PurchaseAllocation.id.desc(),
        )
    ).all()


def queue_of_purchase_lines(session: Session, purchase_line_ids: Collection[int]) -> Sequence[Row[int, int, int, int]]:
    """Return (link id, purchase line id, line id, raw outstanding) of open links, in order of service."""
    return session.execute(
        open_purchase_allocations(
            is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
        ).with_only_columns(
            PurchaseAllocation.id,
            PurchaseAllocation.purchase_line_id,
            PurchaseAllocation.line_id,
            raw(PurchaseAllocation.outstanding),
        )
    ).all()


def excess_of_purchase_lines(session: Session, outstanding: dict[int, int]) -> dict[int, int]:
    """Return by how much (raw) the links of each purchase order line exceed what it will have outstanding."""
    rows = session.execute(
        select(PurchaseAllocation.purchase_line_id, raw(total(PurchaseAllocation.outstanding)))
        .where(is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.purchase_line_id, outstanding))
        .group_by(PurchaseAllocation.purchase_line_id)
    )
    return {
        id_: int(purchase_allocated) - outstanding[id_]
        for id_, purchase_allocated in rows
        if int(purchase_allocated) > outstanding[id_]
    }


def allocations_of_lines(session: Session, purchase_line_ids: Sequence[int]) -> list[LineAllocation]:
    """Answer for whom purchase order lines are meant, first in the queue first."""
    rows = open_purchase_allocations(
        is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    ).with_only_columns(PurchaseAllocation.purchase_line_id, Order.number, PurchaseAllocation.outstanding)
    return [LineAllocation(line_id, number or "", quantity) for line_id, number, quantity in session.execute(rows)]


def purchase_allocation_notes(session: Session, line_ids: Collection[int]) -> dict[int, list[SupplyNote]]:
    """Return a note for each link of these sales order lines: the purchase order, what is to come and when."""
    rows = open_purchase_allocations(is_one_of(session, PurchaseAllocation.line_id, line_ids)).with_only_columns(
        PurchaseAllocation.line_id,
        PurchaseOrder.number,
        PurchaseOrderLine.position,
        PurchaseOrderLine.expected_on,
        PurchaseAllocation.outstanding,
    )
    notes: dict[int, list[SupplyNote]] = {}
    for line_id, number, position, expected_on, quantity in session.execute(rows):
        note = SupplyNote(f"Purchase order {number}/{position}", quantity, when_expected(expected_on))
        notes.setdefault(line_id, []).append(note)
    return notes


def incoming_allocations(session: Session) -> Iterator[AllocationRow]:
    """Return every open link as a row of the export `allocations`: orders by creation, lines by position."""
    rows = session.execute(
        select(
            Order.id,
            Order.number,
            OrderLine.position,
            Product.sku,
            literal("purchase"),
            null(),
            null(),
            PurchaseOrder.number,
            PurchaseOrderLine.position,
            PurchaseAllocation.outstanding,
            NOTHING,
            OrderLine.promise_date,
        )
        .select_from(PurchaseAllocation)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Product, Product.id == OrderLine.product_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_open_purchase_allocation())
        .order_by(Order.id, OrderLine.position, PurchaseOrder.id, PurchaseOrderLine.position)
        .execution_options(yield_per=5000)
    )
    return (AllocationRow._make(row) for row in rows)


def when_expected(expected_on: date | None) -> str:
    """Say when supply is expected."""
    return f"expected {expected_on.isoformat()}" if expected_on else "without a date"
