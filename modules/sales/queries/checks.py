"""The invariants of sales, recomputed from the rows themselves for `erp check`."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from sqlalchemy import Select, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from erp.db import Quantity, format_quantity, total
from modules.inventory_lots.models import Balance, Location, Lot
from modules.sales.models import Allocation, Backorder, Order, OrderLine, Pack, PackLine, PackReversal
from modules.sales.queries.allocations import select_allocations
from modules.sales.states import OrderState


def broken_invariants(session: Session) -> Iterator[str]:
    """Yield a sentence for each line, balance and order whose quantities or state differ from what its rows say."""
    per_line = select(Allocation.line_id.label("id"), total(Allocation.unpacked).label("held"))
    per_line = per_line.group_by(Allocation.line_id)
    yield from _lines(session, per_line, OrderLine.allocated, "allocated", "its allocations hold")
    per_line = select(PackLine.line_id.label("id"), total(PackLine.unreversed).label("held")).group_by(PackLine.line_id)
    yield from _lines(session, per_line, OrderLine.packed, "packed", "its packs hold")
    yield from _allocations(session)
    yield from _pack_lines(session)
    yield from _balances(session)
    yield from _backorders(session)
    yield from _orders(session)


def _lines(
    session: Session, counted: Select[int, Decimal], counter: InstrumentedAttribute[Decimal], name: str, found: str
) -> Iterator[str]:
    parts = counted.subquery()
    held = func.coalesce(parts.c.held, literal(Decimal(0), Quantity()))
    rows = (
        select(Order.number, OrderLine.position, counter, held)
        .join(OrderLine.order)
        .outerjoin(parts, parts.c.id == OrderLine.id)
        .where(counter != held)
        .order_by(OrderLine.id)
    )
    for number, position, counter_value, held_value in session.execute(rows):
        yield (
            f"Sales order {number} line {position}: {name} is {format_quantity(counter_value)}, "
            f"{found} {format_quantity(held_value)}."
        )


def _allocations(session: Session) -> Iterator[str]:
    counted = select(PackLine.allocation_id, total(PackLine.unreversed).label("held"))
    parts = counted.group_by(PackLine.allocation_id).subquery()
    held = func.coalesce(parts.c.held, literal(Decimal(0), Quantity()))
    rows = (
        select_allocations(Order.number, OrderLine.position, Lot.number, Location.path, Allocation.packed, held)
        .outerjoin(parts, parts.c.allocation_id == Allocation.id)
        .where(Allocation.packed != held)
        .order_by(Allocation.id)
    )
    for number, position, lot, path, packed, held_value in session.execute(rows):
        yield (
            f"Sales order {number} line {position}: {format_quantity(packed)} of lot {lot} at {path} are packed, "
            f"its packs hold {format_quantity(held_value)}."
        )


def _pack_lines(session: Session) -> Iterator[str]:
    counted = select(PackReversal.pack_line_id, total(PackReversal.quantity).label("held"))
    parts = counted.group_by(PackReversal.pack_line_id).subquery()
    held = func.coalesce(parts.c.held, literal(Decimal(0), Quantity()))
    rows = (
        select(Pack.number, OrderLine.position, PackLine.reversed, held)
        .select_from(PackLine)
        .join(PackLine.pack)
        .join(PackLine.line)
        .outerjoin(parts, parts.c.pack_line_id == PackLine.id)
        .where(PackLine.reversed != held)
        .order_by(PackLine.id)
    )
    for number, position, reversed_quantity, held_value in session.execute(rows):
        yield (
            f"Pack {number} line {position}: reversed is {format_quantity(reversed_quantity)}, "
            f"its reversals add up to {format_quantity(held_value)}."
        )


def _balances(session: Session) -> Iterator[str]:
    counted = select(Allocation.balance_id, total(Allocation.unpacked).label("held"))
    parts = counted.group_by(Allocation.balance_id).subquery()
    held = func.coalesce(parts.c.held, literal(Decimal(0), Quantity()))
    rows = (
        select(Lot.number, Location.path, Balance.allocated, held)
        .select_from(Balance)
        .join(Balance.lot)
        .join(Balance.location)
        .outerjoin(parts, parts.c.balance_id == Balance.id)
        .where(Balance.allocated != held)
        .order_by(Balance.id)
    )
    for lot, path, allocated, held_value in session.execute(rows):
        yield (
            f"Lot {lot} at {path}: allocated is {format_quantity(allocated)}, its allocations hold "
            f"{format_quantity(held_value)}."
        )


def _backorders(session: Session) -> Iterator[str]:
    parts = (
        select(Backorder.line_id, total(Backorder.open_quantity).label("waiting"))
        .where(Backorder.is_open)
        .group_by(Backorder.line_id)
        .subquery()
    )
    rows = (
        select(Order.number, OrderLine.position, parts.c.waiting, OrderLine.need)
        .select_from(OrderLine)
        .join(OrderLine.order)
        .join(parts, parts.c.line_id == OrderLine.id)
        .where(parts.c.waiting > OrderLine.need)
        .order_by(OrderLine.id)
    )
    for number, position, waiting, need in session.execute(rows):
        yield (
            f"Sales order {number} line {position}: {format_quantity(waiting)} are on backorder, "
            f"only {format_quantity(need)} are open and not allocated."
        )


def _orders(session: Session) -> Iterator[str]:
    still_open = total(OrderLine.open_quantity)
    rows = (
        select(Order.number, Order.state, still_open)
        .join(Order.lines)
        .where(Order.state.in_((OrderState.done, OrderState.cancelled)))
        .group_by(Order.id, Order.number, Order.state)
        .having(still_open > Decimal(0))
        .order_by(Order.id)
    )
    for number, state, quantity in session.execute(rows):
        yield f"Sales order {number} is {state}, yet {format_quantity(quantity)} are open."
