"""What earlier orders would lose if an order were allocated now, before its turn (Allocate Order)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import or_
from sqlalchemy.orm import Session

from erp.db import from_raw, is_one_of, raw, read_rows, to_raw
from erp.numbers import sums
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import usable_balances
from modules.sales.domain import plan_by_product
from modules.sales.hooks import IncomingRun, incoming_quantities
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries.lines import select_lines
from modules.sales.queries.orders import products_of
from modules.sales.queries.purchase_allocations import purchase_allocated_quantities
from modules.sales.queries.queue import is_allocatable, is_waiting, service_order


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


class _Waiting(NamedTuple):
    """A line in the queue of its product, with its raw need."""

    line_id: int
    product_id: int
    order_id: int
    need: int


def losses(session: Session, order_id: int) -> list[Loss]:
    """Return what earlier orders would lose if all of this order were allocated now, first in the queue first.

    An order loses what the next run would cover it with, from stock or from purchase orders, and could not after this
    one was served first. Nothing is locked or written.
    """
    product_ids = products_of(session, order_id)
    queue = _queue(session, order_id, product_ids)
    own = [line for line in queue if line.order_id == order_id]
    earlier = _earlier(queue, order_id)
    if not own or not earlier:
        return []
    stock = read_rows(session, usable_balances(session, product_ids))
    held = purchase_allocated_quantities(session, [line.line_id for line in (*own, *earlier)])
    supply = _Supply(stock, {line_id: to_raw(quantity) for line_id, quantity in held.items()})
    in_turn, after = _covered(session, supply, [earlier]), _covered(session, supply, [own, earlier])
    lost = {line.line_id: in_turn[line.line_id] - after[line.line_id] for line in earlier}
    return _described(session, {line_id: quantity for line_id, quantity in lost.items() if quantity > 0})


def fingerprint(found: Sequence[Loss]) -> str:
    """Return a text that is equal only for equal losses; empty where nobody loses anything."""
    if not found:
        return ""
    text = repr([(loss.line_id, to_raw(loss.quantity)) for loss in found])
    return hashlib.sha256(text.encode()).hexdigest()


def _queue(session: Session, order_id: int, product_ids: Sequence[int]) -> list[_Waiting]:
    """Return the lines that a run would serve and all of the order, each product in order of service."""
    may_be_served = or_(is_waiting(), OrderLine.order_id == order_id)
    rows = select_lines(OrderLine.id, OrderLine.product_id, OrderLine.order_id, raw(OrderLine.need))
    rows = rows.where(
        OrderLine.has_need, is_one_of(session, OrderLine.product_id, product_ids), is_allocatable(), may_be_served
    )
    return list(map(_Waiting._make, read_rows(session, rows.order_by(OrderLine.product_id, *service_order()))))


def _earlier(queue: Sequence[_Waiting], order_id: int) -> list[_Waiting]:
    """Return the lines of other orders that are served before the last line of the order, product by product."""
    found: list[_Waiting] = []
    for _, of_product in groupby(queue, key=lambda line: line.product_id):
        lines = list(of_product)
        last = max((at for at, line in enumerate(lines) if line.order_id == order_id), default=0)
        found += [line for line in lines[:last] if line.order_id != order_id]
    return found


class _Supply(NamedTuple):
    """What is in stock, balance by balance, and what each line has on purchase orders."""

    stock: Sequence[tuple[int, ...]]
    held: Mapping[int, int]


def _covered(session: Session, supply: _Supply, runs: Sequence[Sequence[_Waiting]]) -> dict[int, int]:
    """Return how much of each line's need is covered after these runs, one after the other."""
    lines = [line for run in runs for line in run]
    grants = plan_by_product(((line.line_id, line.product_id, line.need) for line in lines), supply.stock)  # type: ignore[arg-type]
    from_stock = sums((grant.demand, grant.quantity) for grant in grants)
    incoming: dict[int, int] = {}
    for answer in incoming_quantities(session, [_incoming_run(run, from_stock, supply.held) for run in runs]):
        incoming = sums((*incoming.items(), *answer.items()))
    return {
        line.line_id: min(
            line.need,
            from_stock.get(line.line_id, 0) + supply.held.get(line.line_id, 0) + incoming.get(line.line_id, 0),
        )
        for line in lines
    }


def _incoming_run(run: Sequence[_Waiting], from_stock: Mapping[int, int], held: Mapping[int, int]) -> IncomingRun:
    """Return what stock leaves of a run's lines beyond their purchase allocations, and what these give back."""
    short = [
        (line.line_id, line.product_id, line.need - from_stock.get(line.line_id, 0) - held.get(line.line_id, 0))
        for line in run
    ]
    return IncomingRun(
        demands=[demand for demand in short if demand[2] > 0],
        freed=sums((product_id, -quantity) for _, product_id, quantity in short if quantity < 0),
    )


def _described(session: Session, lost: Mapping[int, int]) -> list[Loss]:
    if not lost:
        return []
    rows = session.execute(
        select_lines(OrderLine.id, Order.id, Order.number, OrderLine.position, Customer.name, Product.sku, Product.unit)
        .join(Order.customer)
        .where(is_one_of(session, OrderLine.id, lost))
        .order_by(*service_order())
    )
    return [
        Loss(line_id, order_id, order, position, customer, product, unit, from_raw(lost[line_id]))
        for line_id, order_id, order, position, customer, product, unit in rows
    ]
