"""Reversed receipts: what they turned into allocations becomes the same purchase allocations again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services import add_allocated
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import service_order
from modules.sales.services import free_allocations, return_to_backorders

CONVERSION = cast(Table, Conversion.__table__)
PURCHASE_ALLOCATION = cast(Table, PurchaseAllocation.__table__)


def free_converted(session: Session, fall: ReceiptFall) -> list[Freed]:
    """Free what a receipt turned into allocations, latest in the queue first, where unallocated stock is too little."""
    wanted = to_raw(fall.quantity - session.get_one(Balance, fall.balance_id, populate_existing=True).unallocated)
    if wanted <= 0:
        return []
    rows = session.execute(
        select(Conversion.id, Allocation.id, raw(Conversion.quantity), raw(Allocation.unpacked))
        .join(Allocation, Allocation.id == Conversion.allocation_id)
        .join(Allocation.line)
        .join(OrderLine.order)
        .where(Conversion.receipt_id == fall.receipt_id, Allocation.is_unpacked)
        .order_by(*service_order(), Conversion.id)
    ).all()
    of_rows = {id_: allocation_id for id_, allocation_id, *_ in rows}
    parts = give_back([(id_, min(quantity, unpacked)) for id_, _, quantity, unpacked in reversed(rows)], wanted)
    free_allocations(session, [(of_rows[id_], amount) for id_, amount in parts], action="released")
    bulk_add(session, CONVERSION, ("quantity",), [(id_, -amount) for id_, amount in parts])
    return [Freed(id_, from_raw(amount)) for id_, amount in parts]


class _Freed(NamedTuple):
    id: int
    purchase_allocation_id: int
    backorder_id: int
    line_id: int


def restore_purchase_allocations(session: Session, event: ReceiptReversed) -> None:
    """Turn what a reversal freed into the same purchase allocations again, as far as their line has room for them.

    The first in the queue come first. Nothing comes back where backorders are off, or of a deleted backorder row. It
    is no news: nobody is notified.
    """
    if not event.freed or not options.sales.backorders:
        return
    amounts = {id_: to_raw(quantity) for id_, quantity in event.freed}
    line = session.get_one(PurchaseOrderLine, event.line_id, populate_existing=True)
    rows = {row.id: row for row in _in_order_of_service(session, amounts)}
    parts = give_back([(id_, amounts[id_]) for id_ in rows], to_raw(line.outstanding - line.allocated))
    _reopen(session, line.id, sums((rows[id_].purchase_allocation_id, amount) for id_, amount in parts))
    add_allocated(session, [(line.id, amount) for _, amount in parts])
    return_to_backorders(session, [(rows[id_].backorder_id, amount) for id_, amount in parts])


def _in_order_of_service(session: Session, ids: Mapping[int, int]) -> Sequence[_Freed]:
    rows = (
        select(Conversion.id, Conversion.purchase_allocation_id, Conversion.backorder_id, PurchaseAllocation.line_id)
        .join(Conversion.purchase_allocation)
        .join(PurchaseAllocation.line)
        .join(OrderLine.order)
        .where(is_one_of(session, Conversion.id, ids), Conversion.backorder_id.is_not(None), Order.is_confirmed)
        .order_by(*service_order(), Conversion.id)
    )
    return [_Freed._make(row) for row in session.execute(rows)]


def _reopen(session: Session, purchase_line_id: int, amounts: Mapping[int, int]) -> None:
    """Count raw quantities as not received on purchase allocations (by id) of one purchase order line.

    One that has ended is open again; where its pair has got another open one since, the quantity moves into that.
    """
    allocation = PurchaseAllocation
    of_line = select(allocation.id, allocation.line_id, allocation.is_open, raw(allocation.quantity))
    rows = session.execute(of_line.where(allocation.purchase_line_id == purchase_line_id)).all()
    open_rows = {line_id: id_ for id_, line_id, is_open, _ in rows if is_open}
    reopened: list[tuple[int, int]] = []
    grown: list[tuple[int, int]] = []
    shrunk: list[tuple[int, ...]] = []
    gone: list[int] = []
    for id_, line_id, _, quantity in rows:
        if amount := amounts.get(id_, 0):
            into = open_rows.get(line_id, id_)
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
