"""Reversed receipts: what they turned into allocations becomes the same purchase allocations again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple, cast

from sqlalchemy import Table, delete, select
from sqlalchemy.orm import Session

from erp.db import bulk_add, bulk_update, from_raw, is_one_of, raw, to_raw
from erp.numbers import sums
from erp.options import options
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.models import Balance
from modules.preorder.models import Conversion, PurchaseAllocation
from modules.procurement.events import Freed, ReceiptReversed
from modules.procurement.hooks import ReceiptFall
from modules.procurement.models import PurchaseOrderLine, Receipt
from modules.procurement.services import add_allocated
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import service_order
from modules.sales.services import Incoming, count_incoming, free_allocations, return_to_backorders

CONVERSION = cast(Table, Conversion.__table__)
PURCHASE_ALLOCATION = cast(Table, PurchaseAllocation.__table__)


def free_converted(session: Session, fall: ReceiptFall) -> list[Freed]:
    """Free what receipts turned into allocations of a balance, where unallocated stock of it is too little.

    What this receipt turned goes first, then what others did, as far as their purchase order lines have room for it:
    it can wait for them again. Each latest in the queue first.
    """
    wanted = to_raw(fall.quantity - session.get_one(Balance, fall.balance_id, populate_existing=True).unallocated)
    if wanted <= 0:
        return []
    rows = list(reversed(_converted(session, fall.balance_id)))
    parts = give_back([(row.id, row.most) for row in rows if row.receipt_id == fall.receipt_id], wanted)
    others = [row for row in rows if row.receipt_id != fall.receipt_id]
    if others and (left := wanted - sum(amount for _, amount in parts)):
        parts += give_back(_with_room(others, _room_after(session, fall, others, sum(dict(parts).values()))), left)
    of_rows = {row.id: row.allocation_id for row in rows}
    free_allocations(session, [(of_rows[id_], amount) for id_, amount in parts], action="released")
    bulk_add(session, CONVERSION, ("quantity",), [(id_, -amount) for id_, amount in parts])
    return [Freed(id_, from_raw(amount)) for id_, amount in parts]


def _with_room(rows: Iterable[_Converted], room: dict[int, int]) -> Iterator[tuple[int, int]]:
    """Yield how much of each conversion its purchase order line has room for, in the order given."""
    for row in rows:
        amount = min(row.most, room.get(row.purchase_line_id, 0))
        room[row.purchase_line_id] = room.get(row.purchase_line_id, 0) - amount
        yield row.id, amount


def _room_after(session: Session, fall: ReceiptFall, rows: Iterable[_Converted], own: int) -> dict[int, int]:
    """Return what purchase order lines of conversions can take back once the goods have left, and `own` is back."""
    line_id = session.get_one(Receipt, fall.receipt_id).line_id
    room = _room(session, {line_id, *(row.purchase_line_id for row in rows)})
    room[line_id] += to_raw(fall.quantity) - own
    return room


class _Converted(NamedTuple):
    id: int
    receipt_id: int
    allocation_id: int
    purchase_line_id: int
    quantity: int
    unpacked: int

    @property
    def most(self) -> int:
        """What of the allocation is still what the receipt turned."""
        return min(self.quantity, self.unpacked)


def _converted(session: Session, balance_id: int) -> list[_Converted]:
    """Return what receipts turned into allocations of a balance that still hold something, in order of service."""
    rows = (
        select(
            Conversion.id,
            Conversion.receipt_id,
            Allocation.id.label("allocation_id"),
            PurchaseAllocation.purchase_line_id,
            raw(Conversion.quantity).label("quantity"),
            raw(Allocation.unpacked).label("unpacked"),
        )
        .join(Allocation, Allocation.id == Conversion.allocation_id)
        .join(Conversion.purchase_allocation)
        .join(Allocation.line)
        .join(OrderLine.order)
        .where(Allocation.balance_id == balance_id, Allocation.is_unpacked)
        .order_by(*service_order(session), Conversion.id)
    )
    return [_Converted._make(row) for row in session.execute(rows)]


class _Freed(NamedTuple):
    id: int
    purchase_allocation_id: int
    purchase_line_id: int
    backorder_id: int
    line_id: int
    expected_on: date | None


def restore_purchase_allocations(session: Session, event: ReceiptReversed) -> None:
    """Turn what a reversal freed into the same purchase allocations again, as far as their lines have room for them.

    The first in the queue come first. Nothing comes back where backorders are off, or of a deleted backorder row. It
    is no news: nobody is notified.
    """
    if not event.freed or not options.sales.backorders:
        return
    amounts = {id_: to_raw(quantity) for id_, quantity in event.freed}
    rows = {row.id: row for row in _in_order_of_service(session, amounts)}
    of_lines: dict[int, list[tuple[int, int]]] = {}
    for row in rows.values():
        of_lines.setdefault(row.purchase_line_id, []).append((row.id, amounts[row.id]))
    room = _room(session, of_lines)
    parts = [part for line_id, most in room.items() for part in give_back(of_lines[line_id], most)]
    _reopen(session, room, sums((rows[id_].purchase_allocation_id, amount) for id_, amount in parts))
    add_allocated(session, [(rows[id_].purchase_line_id, amount) for id_, amount in parts])
    count_incoming(session, [Incoming(rows[id_].line_id, amount, rows[id_].expected_on) for id_, amount in parts])
    return_to_backorders(session, [(rows[id_].backorder_id, amount) for id_, amount in parts])


def _room(session: Session, purchase_line_ids: Collection[int]) -> dict[int, int]:
    """Return what purchase order lines have outstanding and not allocated, by line id, as raw quantities."""
    lines = select(PurchaseOrderLine.id, raw(PurchaseOrderLine.outstanding), raw(PurchaseOrderLine.taken))
    rows = session.execute(lines.where(is_one_of(session, PurchaseOrderLine.id, purchase_line_ids)))
    return {id_: max(0, outstanding - allocated) for id_, outstanding, allocated in rows}


def _in_order_of_service(session: Session, ids: Mapping[int, int]) -> Sequence[_Freed]:
    rows = (
        select(
            Conversion.id,
            Conversion.purchase_allocation_id,
            PurchaseAllocation.purchase_line_id,
            Conversion.backorder_id,
            PurchaseAllocation.line_id,
            PurchaseOrderLine.expected_on,
        )
        .join(Conversion.purchase_allocation)
        .join(PurchaseAllocation.purchase_line)
        .join(PurchaseAllocation.line)
        .join(OrderLine.order)
        .where(is_one_of(session, Conversion.id, ids), Conversion.backorder_id.is_not(None), Order.is_confirmed)
        .order_by(*service_order(session), Conversion.id)
    )
    return [_Freed._make(row) for row in session.execute(rows)]


def _reopen(session: Session, purchase_line_ids: Collection[int], amounts: Mapping[int, int]) -> None:
    """Count raw quantities as not received on purchase allocations (by id) of purchase order lines.

    One that has ended is open again; where its pair has got another open one of the same source since, the quantity
    moves into that.
    """
    allocation = PurchaseAllocation
    columns = (allocation.id, allocation.line_id, allocation.purchase_line_id, allocation.source)
    of_lines = select(*columns, allocation.is_open, raw(allocation.quantity))
    rows = session.execute(of_lines.where(is_one_of(session, allocation.purchase_line_id, purchase_line_ids))).all()
    open_rows = {(row.line_id, row.purchase_line_id, row.source): row.id for row in rows if row.is_open}
    reopened: list[tuple[int, int]] = []
    grown: list[tuple[int, int]] = []
    shrunk: list[tuple[int, ...]] = []
    gone: list[int] = []
    for id_, line_id, purchase_line_id, source, _, quantity in rows:
        if amount := amounts.get(id_, 0):
            into = open_rows.setdefault((line_id, purchase_line_id, source), id_)
            if into == id_:
                reopened.append((id_, amount))
            else:
                grown.append((into, amount))
                if quantity == amount:
                    gone.append(id_)
                else:
                    shrunk.append((id_, -amount, -amount))
    sets = {"received": "received - {amount}", "ended_at": "NULL"}
    bulk_update(session, PURCHASE_ALLOCATION, sets, {"amount": "bigint"}, reopened)
    drop = delete(allocation).where(is_one_of(session, allocation.id, gone))
    session.execute(drop.execution_options(synchronize_session=False))
    bulk_add(session, PURCHASE_ALLOCATION, ("quantity", "received"), shrunk)
    bulk_add(session, PURCHASE_ALLOCATION, ("quantity",), sorted(sums(grown).items()))
    session.expire_all()
