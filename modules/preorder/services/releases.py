"""Releasing purchase allocations: shrunk, removed, or turned into allocations when their goods arrive."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sqlalchemy import Select, Table, delete, select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import bulk_insert, bulk_update, format_quantity, from_raw, is_one_of, raw_instant, to_raw
from erp.events import publish
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import PurchaseAllocationsGone, PurchaseAllocationsOutstanding
from modules.preorder.events import Pair, PurchaseAllocationRemoved
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.preorder.queries import OpenAllocation
from modules.preorder.services.quotes import break_excess, hold_what_landed
from modules.procurement.hooks import OutstandingFall
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import release_allocated
from modules.sales.domain import plan
from modules.sales.models import Order, OrderLine
from modules.sales.services import Converted, Grant, Incoming, allocate_on, count_incoming, hold_lines

PURCHASE_ALLOCATION = cast(Table, PurchaseAllocation.__table__)


class Part(NamedTuple):
    """A raw quantity of a purchase allocation."""

    id: int
    quantity: int


def shrink_purchase_allocations(session: Session, line_ids: Collection[int]) -> None:
    """Release what sales order lines have on purchase orders beyond their open backorders.

    Latest expected first, made by hand last.
    """
    excess = queries.excess_of_lines(session, line_ids) if line_ids else {}
    if not excess:
        return
    by_line: dict[int, list[Part]] = {}
    for row in queries.in_shrinking_order(session, excess):
        by_line.setdefault(row.line_id, []).append(Part(row.id, row.outstanding))
    parts = [Part(*part) for line_id, amount in excess.items() for part in give_back(by_line[line_id], amount)]
    release_purchase_allocations(session, parts, action="released")


def remove_purchase_allocations(
    session: Session, purchase_allocation_ids: Collection[int], *, hold: bool = True
) -> int:
    """Remove chosen purchase allocations; with `hold` their lines stay out of automatic runs (Remove Allocation).

    Locks the products. The sales orders then wait for other supply. Returns how many were chosen; raises
    PurchaseAllocationsGone when one of them is not open any more.
    """
    chosen = is_one_of(session, PurchaseAllocation.id, purchase_allocation_ids)
    allocations = select(PurchaseAllocation).where(chosen)
    _lock_products(session, allocations)
    rows = session.scalars(allocations.where(PurchaseAllocation.is_open)).all()
    if len(rows) < len(set(purchase_allocation_ids)):
        raise PurchaseAllocationsGone
    line_ids = sorted({row.line_id for row in rows})
    parts = [Part(row.id, to_raw(row.outstanding)) for row in rows]
    release_purchase_allocations(session, parts, action="removed")
    if hold:
        hold_lines(session, line_ids, True)
    return len(purchase_allocation_ids)


def release_all(session: Session, *, release: bool) -> None:
    """Release every purchase allocation so that preorder can be disabled.

    Raises PurchaseAllocationsOutstanding where there are some, unless `release` is true. No hold is set and nothing is
    allocated elsewhere: enabled again, the next run allocates again.
    """
    count, orders = queries.count_outstanding(session)
    if count and not release:
        raise PurchaseAllocationsOutstanding(purchase_allocations=count, orders=orders)
    allocations = select(PurchaseAllocation).where(PurchaseAllocation.is_open)
    _lock_products(session, allocations)
    rows = session.scalars(allocations.order_by(PurchaseAllocation.id))
    parts = [Part(row.id, to_raw(row.outstanding)) for row in rows]
    release_purchase_allocations(session, parts, action="released", why="preorder was disabled")


def _lock_products(session: Session, allocations: Select[PurchaseAllocation]) -> None:
    """Lock the products of these purchase allocations."""
    products = allocations.join(PurchaseAllocation.line).with_only_columns(OrderLine.product_id)
    lock_products(session, list(session.scalars(products.distinct())))


def release_purchase_allocations(session: Session, parts: Sequence[Part], *, action: str, why: str = "") -> None:
    """Take quantities off purchase allocations, and free them on their purchase order lines; their lines count less.

    The history of the sales orders says what was taken, under `action`; those taken in full are announced.
    """
    amounts = dict(parts)
    if amounts:
        rows = _recorded(session, amounts, action, why)
        count_incoming(session, [Incoming(row.line_id, -amounts[row.id]) for row in rows])
        _release(session, rows, amounts)


def release_planned(session: Session, amounts: Mapping[int, int]) -> None:
    """Release what a run planned as raw quantities by id, and has counted on the lines."""
    if amounts:
        _release(session, _recorded(session, amounts, "released"), amounts)


def _recorded(session: Session, amounts: Mapping[int, int], action: str, why: str = "") -> list[OpenAllocation]:
    """Write into the history of sales orders what is taken; return the purchase allocations."""
    rows = session.execute(
        queries.open_purchase_allocations(session, is_one_of(session, PurchaseAllocation.id, amounts))
        .with_only_columns(PurchaseAllocation, OrderLine, Order, PurchaseOrder.number, PurchaseOrderLine.position)
        .order_by(None)
        .order_by(PurchaseAllocation.id)
    ).all()
    history.record_all(session, _removals(rows, amounts, action, why))
    return [
        OpenAllocation(row.id, row.line_id, row.purchase_line_id, to_raw(row.outstanding), to_raw(row.received))
        for row, *_ in rows
    ]


def _release(session: Session, rows: Sequence[OpenAllocation], amounts: Mapping[int, int]) -> None:
    if pairs := take_off(session, rows, amounts):
        publish(session, PurchaseAllocationRemoved(pairs))


def take_off(session: Session, rows: Sequence[OpenAllocation], amounts: Mapping[int, int]) -> tuple[Pair, ...]:
    """Take raw quantities by id off purchase allocations, and free them; return the pairs of which nothing is left.

    One of which nothing is left is deleted; one that was received in part ends at what it got.
    """
    ended = [row for row in rows if row.outstanding == amounts[row.id]]
    gone = {row.id for row in ended if not row.received}
    drop = delete(PurchaseAllocation).where(is_one_of(session, PurchaseAllocation.id, gone))
    session.execute(drop.execution_options(synchronize_session=False))
    kept = [(row.id, amounts[row.id]) for row in rows if row.id not in gone]
    _reduce_outstanding(session, kept, {"quantity": "quantity - {amount}"})
    release_allocated(session, sorted(sums((row.purchase_line_id, amounts[row.id]) for row in rows).items()))
    session.expire_all()
    pairs = dict.fromkeys(Pair(row.line_id, row.purchase_line_id) for row in ended)
    still_open = queries.open_pairs(session, {line_id for line_id, _ in pairs}) if pairs else ()
    return tuple(pair for pair in pairs if pair not in still_open)


def _removals(rows: Sequence[Any], amounts: Mapping[int, int], action: str, why: str) -> list[history.Change]:
    return [
        history.Change(
            history.Subject("sales.order", order.id, order.name, line.position),
            action,
            "purchase allocation",
            old=say(
                "{from_raw} of {number}/{position}",
                from_raw=format_quantity(from_raw(amounts[row.id])),
                number=number,
                position=position,
            ),
            why=why,
        )
        for row, line, order, number, position in rows
    ]


def _reduce_outstanding(session: Session, parts: Sequence[tuple[int, int]], change: Mapping[str, str]) -> None:
    """Change a column of purchase allocations by raw quantities; those with nothing outstanding then are ended."""
    now = raw_instant(clock.now())
    sets = {**change, "ended_at": "CASE WHEN quantity - received > {amount} THEN NULL ELSE {now} END"}
    types = {"amount": "bigint", "now": "timestamp"}
    bulk_update(session, PURCHASE_ALLOCATION, sets, types, [(id_, amount, now) for id_, amount in parts])


def convert_or_release(session: Session, falls: Sequence[OutstandingFall]) -> None:
    """Make room before what purchase order lines have outstanding falls.

    Goods that landed where they may be allocated are allocated to the lines' sales orders in order of service, then
    held for quotes; then quotes that no longer fit are broken, the latest first, and purchase allocations that no
    longer fit are released, last in the queue first. Nothing new is allocated here.
    """
    _convert(session, falls)
    left: dict[int, int] = {}
    for fall in falls:
        outstanding = to_raw(max(Decimal(0), fall.outstanding))
        left[fall.line_id] = min(left.get(fall.line_id, outstanding), outstanding)
    break_excess(session, left)
    excess = queries.excess_of_purchase_lines(session, left)
    if not excess:
        return
    queue: dict[int, list[Part]] = {}
    for row in reversed(queries.in_order_of_service(session, excess)):
        queue.setdefault(row.purchase_line_id, []).append(Part(row.id, row.outstanding))
    parts = [Part(*part) for line_id, amount in excess.items() for part in give_back(queue[line_id], amount)]
    release_purchase_allocations(session, parts, action="released")


def _convert(session: Session, falls: Sequence[OutstandingFall]) -> None:
    """Turn purchase allocations into allocations of the goods that landed on usable balances."""
    usable = _usable_balances(session, {fall.balance_id for fall in falls if fall.balance_id is not None})
    balances = {fall.receipt_id: fall.balance_id for fall in falls if fall.receipt_id and fall.balance_id in usable}
    landed: dict[int, list[tuple[int, int]]] = {}
    for fall in falls:
        if fall.receipt_id in balances:
            landed.setdefault(fall.line_id, []).append((fall.receipt_id, to_raw(fall.landed_quantity)))
    rows = {row.id: row for row in queries.in_order_of_service(session, landed)}
    queue: dict[int, list[tuple[int, int]]] = {}
    for id_, row in rows.items():
        queue.setdefault(row.purchase_line_id, []).append((id_, row.outstanding))
    # The demand of each is a purchase allocation, its supply a receipt.
    landings = [each for line_id, receipts in landed.items() for each in plan(queue.get(line_id, ()), receipts)]
    gone = sums((receipt_id, quantity) for _, receipt_id, quantity in landings)
    left = {
        line_id: [(receipt_id, quantity - gone.get(receipt_id, 0)) for receipt_id, quantity in receipts]
        for line_id, receipts in landed.items()
    }
    _receive(session, landings, rows, balances)
    hold_what_landed(session, left, balances)


def _receive(
    session: Session,
    landings: Sequence[Grant],
    rows: Mapping[int, OpenAllocation],
    balances: Mapping[int, int],
) -> None:
    """Write purchase allocations that became allocations of the goods that landed."""
    if not landings:
        return
    received = sums((id_, quantity) for id_, _, quantity in landings)
    freed = sums((rows[id_].purchase_line_id, quantity) for id_, quantity in received.items())
    _reduce_outstanding(session, sorted(received.items()), {"received": "received + {amount}"})
    release_allocated(session, sorted(freed.items()))
    grants = [Grant(rows[id_].line_id, balances[receipt_id], quantity) for id_, receipt_id, quantity in landings]
    _record(session, landings, allocate_on(session, grants))
    session.expire_all()


def _record(session: Session, landings: Sequence[Grant], made: Sequence[Converted]) -> None:
    """Write which receipt turned which purchase allocation into which allocation."""
    columns = ("purchase_allocation_id", "receipt_id", "quantity", "allocation_id", "backorder_id")
    rows = [(*landing, *each) for landing, each in zip(landings, made, strict=True)]
    bulk_insert(session, cast(Table, Conversion.__table__), columns, rows)


def _usable_balances(session: Session, balance_ids: Collection[int]) -> set[int]:
    rows = (
        select(Balance.id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(is_one_of(session, Balance.id, balance_ids), usable_condition(clock.today()))
    )
    return set(session.scalars(rows))
