"""Writing what is allocated of supply that is to come to sales order lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import bulk_add, bulk_insert, is_one_of, new_ids, raw_instant, read_rows
from erp.events import current_run, publish
from erp.options import options
from modules.preorder.events import Pair, PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.procurement.events import Arrival
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import status_by_name
from modules.procurement.services import add_allocated, set_status
from modules.sales.services import Incoming, count_incoming
from modules.sales.states import AllocationSource

PURCHASE_ALLOCATION = cast(Table, PurchaseAllocation.__table__)


class Reservation(NamedTuple):
    """A raw quantity of a purchase order line for a sales order line."""

    line_id: int
    purchase_line_id: int
    quantity: int

    @property
    def pair(self) -> Pair:
        """The two lines."""
        return Pair(self.line_id, self.purchase_line_id)


def write_chosen(session: Session, reservations: Sequence[Reservation], source: AllocationSource) -> None:
    """Write purchase allocations that no run has planned: their lines count them, too."""
    days = expected_days(session, {each.purchase_line_id for each in reservations})
    count_incoming(session, [Incoming(line_id, quantity, days[id_]) for line_id, id_, quantity in reservations])
    write_purchase_allocations(session, reservations, source)


def expected_days(session: Session, purchase_line_ids: Collection[int]) -> dict[int, date | None]:
    """Return when purchase order lines are expected, by id."""
    days = select(PurchaseOrderLine.id, PurchaseOrderLine.expected_on)
    return dict(session.execute(days.where(is_one_of(session, PurchaseOrderLine.id, purchase_line_ids))).all())


def count_postponed(session: Session, arrivals: Sequence[Arrival]) -> None:
    """Let sales order lines know that what they have on purchase order lines comes later, or nobody knows when."""
    days = {each.line_id: each.new for each in arrivals if each.old and (each.new is None or each.new > each.old)}
    if days:
        pairs = _open_pairs(session, days)
        count_incoming(session, [Incoming(pair.line_id, 0, days[pair.purchase_line_id]) for pair in pairs])


def write_purchase_allocations(session: Session, reservations: Sequence[Reservation], source: AllocationSource) -> None:
    """Write purchase allocations as `add_purchase_allocations` does; new ones are announced last."""
    if ids := add_purchase_allocations(session, reservations, source):
        publish(session, PurchaseAllocated(tuple(ids)))


def add_purchase_allocations(
    session: Session, reservations: Sequence[Reservation], source: AllocationSource
) -> list[int]:
    """Write purchase allocations: an open one of the same pair and source grows, others are new.

    Purchase order lines count them as allocated and get the default status if they have none. Returns the ids of those
    whose pair had none: more for a pair is no news, by hand or not.
    """
    if not reservations:
        return []
    existing = _open_pairs(session, {reservation.purchase_line_id for reservation in reservations})
    same = {pair: ids[source] for pair, ids in existing.items() if source in ids}
    grown = [(same[each.pair], each.quantity) for each in reservations if each.pair in same] if same else []
    new = [each for each in reservations if each.pair not in same] if same else reservations
    add_allocated(session, [(each.purchase_line_id, each.quantity) for each in reservations])
    bulk_add(session, PURCHASE_ALLOCATION, ("quantity",), grown)
    ids = _insert(session, new, source)
    session.expire_all()
    _give_default_status(session, sorted({each.purchase_line_id for each in new}))
    return [id_ for id_, each in zip(ids, new, strict=True) if each.pair not in existing] if existing else ids


def _open_pairs(session: Session, purchase_line_ids: Collection[int]) -> dict[Pair, dict[AllocationSource, int]]:
    """Return the ids of the open purchase allocations of each pair, by source."""
    allocation = PurchaseAllocation
    columns = (allocation.line_id, allocation.purchase_line_id, allocation.source, allocation.id)
    rows = select(*columns).where(
        allocation.is_open, is_one_of(session, allocation.purchase_line_id, purchase_line_ids)
    )
    found: dict[Pair, dict[AllocationSource, int]] = {}
    for line_id, purchase_line_id, source, id_ in read_rows(session, rows):
        found.setdefault(Pair(line_id, purchase_line_id), {})[AllocationSource(source)] = id_
    return found


def _insert(session: Session, reservations: Sequence[Reservation], source: AllocationSource) -> list[int]:
    """Write new purchase allocations; return their ids."""
    if not reservations:
        return []
    run = current_run(session)
    shared = {
        "received": 0,
        "source": source.value,
        "run_id": run.id(session),
        "user_name": run.user_name,
        "created_at": raw_instant(clock.now()),
    }
    ids = new_ids(session, PURCHASE_ALLOCATION, len(reservations))
    rows = [(id_, *reservation) for id_, reservation in zip(ids, reservations, strict=True)]
    bulk_insert(session, PURCHASE_ALLOCATION, ("id", *Reservation._fields), rows, shared=shared)
    return ids


def _give_default_status(session: Session, purchase_line_ids: Sequence[int]) -> None:
    """Give `[preorder] default_line_status` to those of these purchase order lines that have no status."""
    status = status_by_name(session, options.preorder.default_line_status) if purchase_line_ids else None
    if status is None:
        return
    without = select(PurchaseOrderLine.id).where(
        is_one_of(session, PurchaseOrderLine.id, purchase_line_ids), PurchaseOrderLine.status_id.is_(None)
    )
    if line_ids := list(session.scalars(without.order_by(PurchaseOrderLine.id))):
        set_status(session, line_ids, status.id, is_default=True)
