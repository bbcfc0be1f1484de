"""What the screens of sales show: each read is one statement, whatever the number of rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import total
from erp.models import RunEntry
from erp.registry import current_registry
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import removal_order, unusable_column, usable_condition
from modules.sales.domain import Progress, fulfilment
from modules.sales.hooks import pack_refusals, purchase_allocated
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack, PackLine
from modules.sales.queries.demand import backorder_is_open
from modules.sales.states import Fulfilment, OrderState

MOST_COUNTED = 10_000


@dataclass(frozen=True)
class OrderStatus:
    """How many lines an order has and how far it is."""

    lines: int
    fulfilment: Fulfilment


def order_statuses(session: Session, order_ids: Sequence[int]) -> dict[int, OrderStatus]:
    """Return the standing of each of these orders that has lines."""
    rows = session.execute(
        select(
            OrderLine.order_id,
            func.count(),
            total(OrderLine.quantity),
            total(OrderLine.packed),
            total(OrderLine.cancelled),
            total(OrderLine.allocated),
        )
        .where(OrderLine.order_id.in_(order_ids))
        .group_by(OrderLine.order_id)
    )
    return {order_id: OrderStatus(count, fulfilment([Progress(*numbers)])) for order_id, count, *numbers in rows}


def fulfilment_of(lines: Iterable[OrderLine]) -> Fulfilment:
    """Say how far a line is, or an order of these lines."""
    return fulfilment([Progress(line.quantity, line.packed, line.cancelled, line.allocated) for line in lines])


def backordered(session: Session, line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return the open backorder quantity of each of these lines that has one."""
    rows = select(Backorder.line_id, Backorder.open_quantity).where(
        Backorder.line_id.in_(line_ids), backorder_is_open()
    )
    return dict(session.execute(rows).all())


def is_allocating_purchases() -> bool:
    """Say whether anybody links incoming supply to order lines, so that there is something to show of it."""
    return bool(current_registry().answers(purchase_allocated))


def purchase_allocated_quantities(session: Session, line_ids: Sequence[int]) -> dict[int, Decimal]:
    """Return how much incoming supply is linked to each of these lines, added up over whoever answers."""
    sums: dict[int, Decimal] = {}
    for answer in purchase_allocated(session, line_ids):
        for line_id, quantity in answer.items():
            sums[line_id] = sums.get(line_id, Decimal(0)) + quantity
    return sums


def allocation_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return an order's allocation lines, packed ones too, with their lot and place and why they may not leave."""
    return session.execute(_allocation_rows().where(OrderLine.order_id == order_id)).all()


def removable_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return those of an order's allocation lines that hold something which is not packed."""
    return session.execute(
        _allocation_rows().where(OrderLine.order_id == order_id, Allocation.packed < Allocation.quantity)
    ).all()


def _allocation_rows() -> Any:
    return (
        select(
            Allocation.id,
            Allocation.line_id,
            OrderLine.position,
            Product.sku,
            Product.name,
            Lot.id.label("lot_id"),
            Lot.number.label("lot"),
            Location.path.label("location"),
            Allocation.quantity,
            Allocation.packed,
            (Allocation.quantity - Allocation.packed).label("unpacked"),
            Allocation.source,
            Allocation.user_name,
            Allocation.created_at,
            RunEntry.kind.label("run_kind"),
            RunEntry.name.label("run_name"),
            unusable_column(clock.today()).label("why_unusable"),
        )
        .join(OrderLine, OrderLine.id == Allocation.line_id)
        .join(Product, Product.id == OrderLine.product_id)
        .join(Balance, Balance.id == Allocation.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .join(RunEntry, RunEntry.id == Allocation.run_id)
        .order_by(OrderLine.position, Allocation.id)
    )


def allocated_in_run(session: Session, order_id: int, run_id: int | None) -> dict[int, list[Any]]:
    """Return what one run took for an order, by line id: quantity, lot and location."""
    rows = _allocation_rows().where(OrderLine.order_id == order_id, Allocation.run_id == run_id)
    found: dict[int, list[Any]] = {}
    for row in session.execute(rows) if run_id is not None else ():
        found.setdefault(row.line_id, []).append(row)
    return found


def backorder_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return an order's backorder lines, closed ones too, in order of its lines."""
    return session.execute(
        select(
            Backorder.id,
            Backorder.line_id,
            OrderLine.position,
            Product.sku,
            Product.name,
            Backorder.kind,
            Backorder.quantity,
            Backorder.open_quantity.label("open_quantity"),
            Backorder.allocated_quantity,
            Backorder.cancelled_quantity,
            Backorder.state,
            Backorder.created_at,
            Backorder.closed_at,
            Backorder.counts_from,
        )
        .join(OrderLine, OrderLine.id == Backorder.line_id)
        .join(Product, Product.id == OrderLine.product_id)
        .where(OrderLine.order_id == order_id)
        .order_by(OrderLine.position, Backorder.id)
    ).all()


def pack_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return what left for an order, pack by pack and line by line."""
    return session.execute(_pack_rows().where(Pack.order_id == order_id)).all()


def pack_lines(session: Session, pack_id: int) -> Sequence[Any]:
    """Return what is in one pack."""
    return session.execute(_pack_rows().where(Pack.id == pack_id)).all()


def _pack_rows() -> Any:
    return (
        select(
            Pack.id.label("pack_id"),
            Pack.number,
            Pack.packed_at,
            Pack.user_name,
            OrderLine.position,
            Product.sku,
            Product.name,
            Product.unit,
            Lot.number.label("lot"),
            Location.path.label("location"),
            PackLine.quantity,
        )
        .select_from(PackLine)
        .join(Pack, Pack.id == PackLine.pack_id)
        .join(OrderLine, OrderLine.id == PackLine.line_id)
        .join(Product, Product.id == OrderLine.product_id)
        .join(Balance, Balance.id == PackLine.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .order_by(Pack.id, OrderLine.position, PackLine.id)
    )


def pack_contents(session: Session, pack_ids: Sequence[int]) -> dict[int, int]:
    """Return how many lines each of these packs has."""
    rows = select(PackLine.pack_id, func.count()).where(PackLine.pack_id.in_(pack_ids)).group_by(PackLine.pack_id)
    return dict(session.execute(rows).all())


@dataclass(frozen=True)
class Supply:
    """What lies in stock of one product: free to allocate, allocated, and unusable by reason."""

    available: Decimal = Decimal(0)
    allocated: Decimal = Decimal(0)
    unusable: Mapping[str, Decimal] | None = None


def supplies(session: Session, product_ids: Iterable[int]) -> dict[int, Supply]:
    """Return what lies in stock of each product that has any."""
    # Grouped by name: on PostgreSQL the same expression twice has two sets of parameters, so it is not the same.
    rows = session.execute(
        select(
            Balance.product_id,
            unusable_column(clock.today()).label("why"),
            total(Balance.on_hand - Balance.allocated),
            total(Balance.allocated),
        )
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.product_id.in_(list(product_ids)), Balance.on_hand > Decimal(0))
        .group_by(Balance.product_id, "why")
    )
    found: dict[int, Supply] = {}
    for product_id, why, free, allocated in rows:
        before = found.get(product_id, Supply())
        unusable = dict(before.unusable or {}) | ({why: free} if why and free else {})
        available = before.available + (free if not why else Decimal(0))
        found[product_id] = Supply(available, before.allocated + allocated, unusable)
    return found


def customer_orders(session: Session, customer_id: int, limit: int) -> Sequence[Order]:
    """Return a customer's latest orders."""
    rows = select(Order).where(Order.customer_id == customer_id).order_by(Order.id.desc()).limit(limit)
    return session.scalars(rows).all()


@dataclass(frozen=True)
class Staying:
    """An allocation that did not leave, and why."""

    position: int
    product: str
    quantity: Decimal
    lot: str
    location: str
    why: str


def staying_behind(session: Session, order_id: int) -> list[Staying]:
    """Return what of an order is allocated and may not leave now."""
    rows = removable_rows(session, order_id)
    lines = session.scalars(select(OrderLine).where(OrderLine.id.in_({row.line_id for row in rows}))).all()
    refusals = {id_: str(error) for answer in pack_refusals(session, lines) for id_, error in answer.items()}
    return [
        Staying(
            position=row.position,
            product=f"[{row.sku}] {row.name}",
            quantity=row.unpacked,
            lot=row.lot,
            location=row.location,
            why=refusals.get(row.line_id) or f"The lot is {row.why_unusable}.",
        )
        for row in rows
    ]


def usable_serials(session: Session, product_ids: Iterable[int], most: int) -> dict[int, list[str]]:
    """Return the serial numbers of each product that may leave now, first to be removed first, `most` of each."""
    place = func.row_number().over(partition_by=Balance.product_id, order_by=removal_order()).label("place")
    ranked = (
        select(Balance.product_id, Lot.number, place)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(Balance.product_id.in_(list(product_ids)), Balance.on_hand > Decimal(0), usable_condition(clock.today()))
        .subquery()
    )
    rows = select(ranked.c.product_id, ranked.c.number).where(ranked.c.place <= most)
    found: dict[int, list[str]] = {}
    for product_id, number in session.execute(rows.order_by(ranked.c.product_id, ranked.c.place)):
        found.setdefault(product_id, []).append(number)
    return found


@dataclass(frozen=True)
class WaitingWork:
    """What of sales waits for somebody; each count stops at MOST_COUNTED."""

    drafts: int
    confirmed: int
    open_backorders: int


def waiting_work(session: Session) -> WaitingWork:
    """Count what waits."""
    return WaitingWork(
        drafts=_bounded_count(session, select(Order.id).where(Order.state == OrderState.draft)),
        confirmed=_bounded_count(session, select(Order.id).where(Order.state == OrderState.confirmed)),
        open_backorders=_bounded_count(session, select(Backorder.id).where(backorder_is_open())),
    )


def _bounded_count(session: Session, rows: Select[Any]) -> int:
    return session.scalar(select(func.count()).select_from(rows.limit(MOST_COUNTED).subquery())) or 0
