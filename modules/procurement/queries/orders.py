"""Purchase orders: found by number or supplier, counted, and when their next line is expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from erp.db import is_named
from erp.identity import ByKey
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine


def order_ids_by_number(session: Session, numbers: Iterable[str]) -> ByKey[str, int]:
    """Return the ids of the orders of these numbers; one that does not exist is left out."""
    rows = select(PurchaseOrder.number, PurchaseOrder.id).where(is_named(session, PurchaseOrder.number, numbers))
    return ByKey((str(number), order_id) for number, order_id in session.execute(rows))


def numbers_in_use(session: Session, numbers: Iterable[str]) -> ByKey[str, str]:
    """Return those of the numbers that orders have, each as it is written there."""
    rows = select(PurchaseOrder.number).where(is_named(session, PurchaseOrder.number, numbers))
    return ByKey((number, number) for number in map(str, session.scalars(rows)))


def orders_of_supplier(session: Session, supplier_id: int, limit: int) -> list[PurchaseOrder]:
    """Return a supplier's latest purchase orders, the latest first."""
    orders = select(PurchaseOrder).where(PurchaseOrder.supplier_id == supplier_id)
    return list(session.scalars(orders.order_by(PurchaseOrder.id.desc()).limit(limit)))


def count_orders_of_supplier(session: Session, supplier_id: int) -> int:
    """Count a supplier's purchase orders."""
    orders = select(func.count()).select_from(PurchaseOrder).where(PurchaseOrder.supplier_id == supplier_id)
    return session.scalar(orders) or 0


@dataclass(frozen=True)
class Outlook:
    """How many lines an order has, and when the next one is expected."""

    lines: int
    next_on: date | None


def outlooks(session: Session, order_ids: Sequence[int]) -> Mapping[int, Outlook]:
    """Return the outlook of each order that has lines, by the order's id."""
    line = PurchaseOrderLine
    next_on = func.min(case((line.has_outstanding, line.expected_on)))
    rows = select(line.order_id, func.count(), next_on).where(line.order_id.in_(order_ids)).group_by(line.order_id)
    return {order_id: Outlook(count, day) for order_id, count, day in session.execute(rows)}
