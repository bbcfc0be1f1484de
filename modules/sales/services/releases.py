"""Giving back what is reserved on balances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from erp import history
from erp.db import bulk_add, bulk_delete, bulk_update, format_quantity, from_raw, is_one_of, raw, to_raw
from erp.errors import StaleRecord
from erp.numbers import sums
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.services import lock_products, unreserve
from modules.sales import queries
from modules.sales.domain import Part
from modules.sales.errors import AllocationsHeld
from modules.sales.models import Allocation, OrderLine
from modules.sales.queries import Reserved, run_order, select_unpacked
from modules.sales.services.quote_endings import break_quotes_on_balances

ALLOCATION = cast(Table, Allocation.__table__)
LINE = cast(Table, OrderLine.__table__)


def free_allocations(session: Session, parts: Sequence[Part], *, action: str, why: str = "") -> None:
    """Give back raw quantities of allocations: a row shrinks to what is packed, and goes when nothing is.

    Writes the history of what disappears.
    """
    if parts:
        amounts = dict(parts)
        free_reserved(session, queries.reserved(session, amounts), amounts, action=action, why=why)


def free_reserved(
    session: Session,
    rows: Sequence[Reserved],
    amounts: Mapping[int, int],
    *,
    action: str,
    why: str = "",
    held: Sequence[OrderLine] = (),
) -> None:
    """Give back raw quantities by id of allocations that were read under the locks, as `free_allocations` does.

    Those of their lines that are `held` stay out of automatic runs from now on.
    """
    changes = [_freed(row, amounts[row.id], action, why) for row in rows]
    history.record_all(session, hold_changes(held, True) + changes)
    freed = sums((row.line_id, amounts[row.id]) for row in rows)
    balances = sums((row.balance_id, amounts[row.id]) for row in rows)
    bulk_delete(session, ALLOCATION, [row.id for row in rows if row.quantity == amounts[row.id]])
    shrunk = [(row.id, -amounts[row.id]) for row in rows if row.quantity != amounts[row.id]]
    bulk_add(session, ALLOCATION, ("quantity",), shrunk)
    sets = {"allocated": "allocated - {freed}", "hold_allocation": "hold_allocation OR {hold}"}
    holding = {line.id for line in held}
    lines = [(line_id, quantity, line_id in holding) for line_id, quantity in sorted(freed.items())]
    bulk_update(session, LINE, sets, {"freed": "bigint", "hold": "boolean"}, lines)
    unreserve(session, sorted(balances.items()))
    session.expire_all()


def hold_changes(lines: Iterable[OrderLine], hold: bool) -> list[history.Change]:
    """Return what the history says of lines that are held or let in again: nothing of those that are so already."""
    return [
        history.Change(line.history_subject(), "changed", "hold_allocation", not hold, hold)
        for line in lines
        if line.hold_allocation != hold
    ]


def _freed(row: Reserved, amount: int, action: str, why: str) -> history.Change:
    subject = history.Subject("sales.order", row.order_id, row.order, row.position)
    old = recorded_allocation(amount, row.lot, row.location)
    return history.Change(subject, action, "allocation", old=old, why=why)


def recorded_allocation(quantity: int, lot: str, location: str) -> str:
    """Return how the history names a raw quantity of a lot at a location: without words, so as in every language."""
    return f"{format_quantity(from_raw(quantity))} × {lot}, {location}"


def release_balance_allocations(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Release so much of what is held or allocated of each balance (by id), under locks; return how much it was.

    Quotes break first, then allocations go, the latest of a run first. A line that loses supply keeps its place.
    """
    freed = break_quotes_on_balances(session, quantities)
    quantities = {id_: left for id_, quantity in quantities.items() if (left := quantity - freed[id_]) > 0}
    rows = select_unpacked(Allocation.id, Allocation.balance_id, raw(Allocation.unpacked))
    rows = rows.where(is_one_of(session, Allocation.balance_id, quantities))
    held: dict[int, list[Part]] = {}
    for id_, balance_id, unpacked in reversed(session.execute(rows.order_by(*run_order(session))).all()):
        held.setdefault(balance_id, []).append((id_, unpacked))
    parts = [part for id_, parts in held.items() for part in give_back(parts, to_raw(quantities[id_]))]
    free_allocations(session, parts, action="released")
    return from_raw(sum(amount for _, amount in parts)) + sum(freed.values(), Decimal(0))


def release_or_refuse(session: Session, *, release: bool) -> None:
    """Give back every unpacked allocation so that sales can be switched off, or raise AllocationsHeld.

    Raises StaleRecord when stock of another product was allocated while the locks were waited for.
    """
    held = session.execute(
        select(OrderLine.product_id, OrderLine.order_id, OrderLine.allocated).where(OrderLine.allocated > Decimal(0))
    ).all()
    if held and not release:
        raise AllocationsHeld(quantity=sum((row[2] for row in held), Decimal(0)), orders=len({row[1] for row in held}))
    locked = {row[0] for row in held}
    lock_products(session, locked)
    rows = session.execute(select_unpacked(Allocation.id, raw(Allocation.unpacked), OrderLine.product_id)).all()
    if not {product_id for *_, product_id in rows} <= locked:
        raise StaleRecord
    parts = [(id_, unpacked) for id_, unpacked, _ in rows]
    free_allocations(session, parts, action="released", why="sales was disabled")


def lower_allocations(session: Session, quantities: Mapping[int, int]) -> None:
    """Give back raw quantities of lines' allocations: those on stock that may not leave, then the latest of a run."""
    ids = [line_id for line_id, quantity in quantities.items() if quantity]
    held: dict[int, list[Part]] = {line_id: [] for line_id in ids}
    rows = select_unpacked(OrderLine.id, Allocation.id, raw(Allocation.unpacked))
    for line_id, id_, unpacked in session.execute(
        rows.where(is_one_of(session, OrderLine.id, ids)).order_by(*run_order(session))
    ):
        held[line_id].append((id_, unpacked))
    parts = [part for line_id in ids for part in give_back(reversed(held[line_id]), quantities[line_id])]
    free_allocations(session, parts, action="released")


def release_lines(session: Session, line_ids: Sequence[int]) -> None:
    """Give back every unpacked allocation of lines that are cancelled."""
    rows = select_unpacked(Allocation.id, raw(Allocation.unpacked)).where(OrderLine.id.in_(line_ids))
    free_allocations(session, [(id_, unpacked) for id_, unpacked in session.execute(rows)], action="released")
