"""What the screens of procurement show: a fixed number of statements a page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.db import is_one_of
from modules.inventory_lots.models import Balance, Location
from modules.inventory_lots.states import LocationKind
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine, Receipt
from modules.procurement.queries.supply import SUPPLY_STATES, has_outstanding, is_supply
from modules.procurement.states import PurchaseState

RECEIPT_LOADS = (
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.order),
    joinedload(Receipt.line).joinedload(PurchaseOrderLine.product),
    joinedload(Receipt.balance).joinedload(Balance.lot),
    joinedload(Receipt.balance).joinedload(Balance.location),
)


@dataclass(frozen=True)
class Outlook:
    """How many lines an order has, how many are still to come, and when the next one is expected."""

    lines: int
    open_lines: int
    next_on: date | None


def outlooks(session: Session, order_ids: Sequence[int]) -> Mapping[int, Outlook]:
    """Return the outlook of each order that has lines."""
    line = PurchaseOrderLine
    is_open = case((has_outstanding(), 1), else_=0)
    next_on = func.min(case((has_outstanding(), line.expected_on)))
    rows = select(line.order_id, func.count(), func.sum(is_open), next_on).where(line.order_id.in_(order_ids))
    found = session.execute(rows.group_by(line.order_id))
    return {order_id: Outlook(count, int(still_open), day) for order_id, count, still_open, day in found}


def supplier_orders(session: Session, supplier_id: int, limit: int) -> list[PurchaseOrder]:
    """Return a supplier's latest purchase orders."""
    orders = select(PurchaseOrder).where(PurchaseOrder.supplier_id == supplier_id)
    return list(session.scalars(orders.order_by(PurchaseOrder.id.desc()).limit(limit)))


def receipts_of(session: Session, order_id: int) -> list[Receipt]:
    """Return what arrived of an order, latest first."""
    lines = select(PurchaseOrderLine.id).where(PurchaseOrderLine.order_id == order_id)
    receipts = select(Receipt).where(Receipt.line_id.in_(lines)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id.desc())))


def receipts_by_id(session: Session, ids: Sequence[int]) -> list[Receipt]:
    """Return these receipts in order."""
    receipts = select(Receipt).where(is_one_of(session, Receipt.id, ids)).options(*RECEIPT_LOADS)
    return list(session.scalars(receipts.order_by(Receipt.id)))


def location_paths(session: Session, limit: int = 500) -> list[str]:
    """Return places that goods may be put in, for a person to choose from."""
    return list(session.scalars(select(Location.path).order_by(Location.path).limit(limit)))


def locations_by_path(session: Session, paths: Iterable[str]) -> dict[str, Location]:
    """Return the places of these paths; one that does not exist is left out."""
    found = session.scalars(select(Location).where(Location.path.in_(set(paths))))
    return {place.path: place for place in found}


def usual_location(session: Session) -> str:
    """Return where goods were last put, or the first place of stock."""
    last = select(Location.path).join(Balance).join(Receipt).order_by(Receipt.id.desc()).limit(1)
    first = select(Location.path).where(Location.kind == LocationKind.stock).order_by(Location.id).limit(1)
    return session.scalar(last) or session.scalar(first) or ""


@dataclass(frozen=True)
class Work:
    """What waits for a person."""

    drafts: int
    ordered: int
    partly_received: int
    overdue_lines: int


def waiting_work(session: Session) -> Work:
    """Count the orders that wait and the lines that should have come before today."""
    states = select(PurchaseOrder.state, func.count()).group_by(PurchaseOrder.state)
    waiting = states.where(PurchaseOrder.state.in_((PurchaseState.draft, *SUPPLY_STATES)))
    orders = {row.state: row[1] for row in session.execute(waiting)}
    overdue = select(func.count()).select_from(PurchaseOrderLine).join(PurchaseOrderLine.order)
    overdue = overdue.where(is_supply(), PurchaseOrderLine.expected_on < clock.today())
    return Work(
        drafts=orders.get(PurchaseState.draft, 0),
        ordered=orders.get(PurchaseState.ordered, 0),
        partly_received=orders.get(PurchaseState.partly_received, 0),
        overdue_lines=session.scalar(overdue) or 0,
    )
