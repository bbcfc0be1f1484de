"""Letting go of incoming supply: shrunk, removed, released, or turned into allocations by its arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_update, format_quantity, from_raw, is_one_of, raw_instant, to_raw
from erp.events import publish
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import PurchaseAllocationsGone, PurchaseAllocationsOutstanding
from modules.preorder.events import PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import (
    is_open_purchase_allocation,
    queue_of_purchase_lines,
    shrinking_order,
)
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import release
from modules.sales.domain import give_back, plan
from modules.sales.models import Order, OrderLine
from modules.sales.services import Grant, allocate_on, hold_lines


def shrink_purchase_allocations(session: Session, line_ids: Collection[int]) -> None:
    """Let go of what is linked to lines beyond their open backorders: latest expected first, made by hand last."""
    excess = queries.excess_of_lines(session, line_ids) if line_ids else {}
    if not excess:
        return
    by_line: dict[int, list[tuple[int, int]]] = {}
    for purchase_allocation_id, line_id, outstanding in shrinking_order(session, excess):
        by_line.setdefault(line_id, []).append((purchase_allocation_id, outstanding))
    parts = [part for line_id, amount in excess.items() for part in give_back(by_line[line_id], amount)]
    release_purchase_allocations(session, parts, action="released")


def remove_purchase_allocations(
    session: Session, purchase_allocation_ids: Collection[int], *, hold: bool = True
) -> int:
    """Undo chosen links; with `hold` their lines stay out of automatic runs (Remove Allocation).

    What is freed waits for a clerk or a run. Raises PurchaseAllocationsGone when one is not open any more.
    """
    chosen = is_one_of(session, PurchaseAllocation.id, purchase_allocation_ids)
    product_ids = (
        select(OrderLine.product_id)
        .join(PurchaseAllocation, PurchaseAllocation.line_id == OrderLine.id)
        .where(chosen)
        .distinct()
    )
    lock_products(session, list(session.scalars(product_ids)))
    purchase_allocations = session.scalars(
        select(PurchaseAllocation).where(chosen, is_open_purchase_allocation())
    ).all()
    if len(purchase_allocations) < len(set(purchase_allocation_ids)):
        raise PurchaseAllocationsGone
    line_ids = sorted({purchase_allocation.line_id for purchase_allocation in purchase_allocations})
    release_purchase_allocations(
        session,
        [
            (purchase_allocation.id, to_raw(purchase_allocation.outstanding))
            for purchase_allocation in purchase_allocations
        ],
        action="removed",
    )
    if hold:
        hold_lines(session, line_ids, True)
    return len(purchase_allocation_ids)


def release_purchase_allocations(
    session: Session, parts: Sequence[tuple[int, int]], *, action: str, why: str = ""
) -> None:
    """Take raw quantities off links: one with nothing received goes, one received in part ends at what it got.

    Purchase lines get the quantities back, the history says what disappeared, and full undoings are announced.
    """
    amounts = dict(parts)
    if not amounts:
        return
    rows = session.execute(
        select(PurchaseAllocation, OrderLine, Order, PurchaseOrder.number, PurchaseOrderLine.position)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(is_one_of(session, PurchaseAllocation.id, amounts))
        .order_by(PurchaseAllocation.id)
    ).all()
    history.record_all(session, _removals(rows, amounts, action, why))
    purchase_allocations = [found[0] for found in rows]
    undone = tuple((row.line_id, row.purchase_line_id) for row in purchase_allocations if _is_all(row, amounts))
    purchases = [(row.purchase_line_id, amounts[row.id]) for row in purchase_allocations]
    gone = [row.id for row in purchase_allocations if _is_all(row, amounts) and not row.received]
    kept = [(row.id, amounts[row.id]) for row in purchase_allocations if row.id not in set(gone)]
    drop = delete(PurchaseAllocation).where(is_one_of(session, PurchaseAllocation.id, gone))
    session.execute(drop.execution_options(synchronize_session=False))
    _reduce(session, kept, "quantity = quantity - {amount}")
    release(session, _summed(purchases))
    session.expire_all()
    if undone:
        publish(session, PurchaseAllocationRemoved(undone))


def _removals(rows: Sequence[Any], amounts: Mapping[int, int], action: str, why: str) -> list[history.Change]:
    return [
        history.Change(
            history.Subject("sales.order", order.id, order.name, line.position),
            action,
            "purchase allocation",
            old=f"{format_quantity(from_raw(amounts[row.id]))} of {number}/{position}",
            why=why,
        )
        for row, line, order, number, position in rows
    ]


def _is_all(purchase_allocation: PurchaseAllocation, amounts: Mapping[int, int]) -> bool:
    return to_raw(purchase_allocation.outstanding) == amounts[purchase_allocation.id]


def _reduce(session: Session, parts: Sequence[tuple[int, int]], change: str) -> None:
    """Bring links closer to their end; one with nothing outstanding is over."""
    column, _, value = change.partition(" = ")
    over = "CASE WHEN quantity - received > {amount} THEN NULL ELSE {now} END"
    now = raw_instant(clock.now())
    sets = {column: value, "ended_at": over}
    types = {"amount": "bigint", "now": "timestamp"}
    bulk_update(session, PurchaseAllocation.__table__, sets, types, [(id_, amount, now) for id_, amount in parts])  # type: ignore[arg-type]


def convert_or_release(session: Session, falls: Sequence[OutstandingFall]) -> None:
    """Make room before what purchase lines have outstanding falls.

    Goods that landed where they may be allocated go to the lines' links in order of service; then links that no
    longer fit are released, last in the queue first. Nothing is linked here.
    """
    _convert(session, falls)
    left: dict[int, int] = {}
    for fall in falls:
        outstanding = to_raw(max(Decimal(0), fall.outstanding))
        left[fall.line_id] = min(left.get(fall.line_id, outstanding), outstanding)
    excess = queries.excess_of_purchase_lines(session, left)
    by_line: dict[int, list[tuple[int, int]]] = {}
    for purchase_allocation_id, purchase_id, _, outstanding in reversed(queue_of_purchase_lines(session, excess)):
        by_line.setdefault(purchase_id, []).append((purchase_allocation_id, outstanding))
    parts = [part for purchase_id, amount in excess.items() for part in give_back(by_line[purchase_id], amount)]
    release_purchase_allocations(session, parts, action="released")


def _convert(session: Session, falls: Sequence[OutstandingFall]) -> None:
    usable = _usable_balances(session, {fall.balance_id for fall in falls if fall.balance_id is not None})
    landed: dict[int, list[tuple[int, int]]] = {}
    for fall in falls:
        if fall.balance_id in usable and fall.landed_quantity:
            landed.setdefault(fall.line_id, []).append((fall.balance_id, to_raw(fall.landed_quantity)))
    queue: dict[int, list[tuple[int, int]]] = {}
    lines: dict[int, int] = {}
    for purchase_allocation_id, purchase_id, line_id, outstanding in queue_of_purchase_lines(session, landed):
        queue.setdefault(purchase_id, []).append((purchase_allocation_id, outstanding))
        lines[purchase_allocation_id] = line_id
    grants = [
        (purchase_id, *grant)
        for purchase_id, balances in landed.items()
        for grant in plan(queue.get(purchase_id, ()), balances)
    ]
    if not grants:
        return
    received = _summed((purchase_allocation_id, amount) for _, purchase_allocation_id, _, amount in grants)
    _reduce(session, received, "received = received + {amount}")
    release(session, _summed((purchase_id, amount) for purchase_id, _, _, amount in grants))
    allocate_on(
        session,
        [
            Grant(lines[purchase_allocation_id], balance_id, amount)
            for _, purchase_allocation_id, balance_id, amount in grants
        ],
    )
    session.expire_all()


def _usable_balances(session: Session, balance_ids: Collection[int]) -> set[int]:
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(is_one_of(session, Balance.id, balance_ids), usable_condition(clock.today()))
    )
    return set(session.scalars(rows))


def release_everything(session: Session, *, release_them: bool) -> None:
    """Let go of every link so that preorder can be switched off, or raise PurchaseAllocationsOutstanding.

    No hold is set and nothing is linked elsewhere: enabled again, the next run links anew.
    """
    purchase_allocations, orders = queries.outstanding_purchase_allocations(session)
    if purchase_allocations and not release_them:
        raise PurchaseAllocationsOutstanding(purchase_allocations=purchase_allocations, orders=orders)
    products = session.scalars(
        select(OrderLine.product_id)
        .join(PurchaseAllocation, PurchaseAllocation.line_id == OrderLine.id)
        .where(is_open_purchase_allocation())
        .distinct()
    )
    lock_products(session, list(products))
    rows = session.execute(
        select(PurchaseAllocation.id, PurchaseAllocation.outstanding)
        .where(is_open_purchase_allocation())
        .order_by(PurchaseAllocation.id)
    ).all()
    release_purchase_allocations(
        session, [(id_, to_raw(left)) for id_, left in rows], action="released", why="preorder was disabled"
    )


def _summed(parts: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    sums: dict[int, int] = {}
    for id_, amount in parts:
        sums[id_] = sums.get(id_, 0) + amount
    return sorted(sums.items())
