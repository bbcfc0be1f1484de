"""What earlier orders would lose if an order were allocated now, before its turn (Allocate Order)."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import format_quantity, from_raw, is_one_of, to_raw
from erp.text import say
from modules.inventory_lots.models import Product
from modules.sales import planning
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.planning import Rules, Snapshot
from modules.sales.queries.lines import select_lines
from modules.sales.queries.queue import Scope
from modules.sales.queries.service_order import service_order
from modules.sales.queries.snapshot import read_snapshots, rules_of_runs


@dataclass(frozen=True)
class Loss:
    """What a line of an earlier order would be covered with in the next run, and would not be any more."""

    line_id: int
    order_id: int
    order: str
    position: int
    customer: str
    product: str
    unit: str
    quantity: Decimal

    def __str__(self) -> str:
        lost = format_quantity(self.quantity)
        return say("{order} of {customer} ({loss})", order=self.order, customer=self.customer, loss=lost)


def losses(session: Session, order_id: int) -> list[Loss]:
    """Return what earlier orders would lose if all of this order were allocated now, first in the queue first.

    An order loses what the next run would cover it with, from stock or from purchase orders, and could not after this
    one was served first. Nothing is locked or written.
    """
    rows = session.execute(select(OrderLine.product_id, OrderLine.id).where(OrderLine.order_id == order_id)).all()
    own, rules = tuple(line_id for _, line_id in rows), rules_of_runs(session)
    scope = Scope(tuple(sorted({product_id for product_id, _ in rows})), beyond_queue=own)
    return losses_in(session, read_snapshots(session, scope, rules), own, rules)


def losses_in(session: Session, snapshots: Iterable[Snapshot], own: Container[int], rules: Rules) -> list[Loss]:
    """Return what other lines lose when one's own are served first, as `losses`, for snapshots that have them all."""
    lost = {id_: quantity for snapshot in snapshots for id_, quantity in planning.losses(snapshot, own, rules).items()}
    return _described(session, lost)


def fingerprint(found: Sequence[Loss]) -> str:
    """Return a text that is equal only for equal losses; empty where nobody loses anything."""
    if not found:
        return ""
    text = repr([(loss.line_id, to_raw(loss.quantity)) for loss in found])
    return hashlib.sha256(text.encode()).hexdigest()


def _described(session: Session, lost: Mapping[int, int]) -> list[Loss]:
    if not lost:
        return []
    rows = session.execute(
        select_lines(OrderLine.id, Order.id, Order.number, OrderLine.position, Customer.name, Product.sku, Product.unit)
        .join(Order.customer)
        .where(is_one_of(session, OrderLine.id, lost))
        .order_by(*service_order(session))
    )
    return [
        Loss(line_id, order_id, order, position, customer, product, unit, from_raw(lost[line_id]))
        for line_id, order_id, order, position, customer, product, unit in rows
    ]
