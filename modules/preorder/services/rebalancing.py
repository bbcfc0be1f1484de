"""Rebalance: earlier orders exchange what they have on purchase orders for earlier supply."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import format_quantity, from_raw, is_one_of
from erp.events import publish
from erp.numbers import sums
from erp.options import options
from modules.preorder import queries
from modules.preorder.events import Pair, PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.services.promise_dates import expectations, sync_moved
from modules.preorder.services.purchase_allocations import Reservation, add_purchase_allocations
from modules.preorder.services.releases import take_off
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.queries import Scope
from modules.sales.rebalancing import Exchange
from modules.sales.states import AllocationSource


def rebalance_in_run(session: Session, scope: Scope) -> None:
    """Rebalance products whose whole queue is served, where `[preorder] rebalance` and `auto_allocate` say so."""
    is_automatic = options.preorder.auto_allocate and options.preorder.rebalance == "auto"
    if scope.line_ids is None and is_automatic and options.sales.backorders:
        exchange_supply(session, queries.planned_exchanges(session, scope.product_ids))


def exchange_supply(session: Session, exchanges: Sequence[Exchange]) -> None:
    """Write planned exchanges; promise dates follow where `[preorder] sync_dates` is `auto`.

    The purchase allocations that were taken are announced as an exchange, then those that ended. The caller holds the
    products' locks and has planned under them.
    """
    if not exchanges:
        return
    before = expectations(session, {exchange.line_id for exchange in exchanges})
    _record(session, exchanges)
    net = sums(
        part
        for line_id, given_id, taken_id, quantity in exchanges
        for part in ((Pair(line_id, given_id), -quantity), (Pair(line_id, taken_id), quantity))
    )
    ended = _give(session, {pair: -quantity for pair, quantity in net.items() if quantity < 0})
    taken = [Reservation(*pair, quantity) for pair, quantity in net.items() if quantity > 0]
    if ids := add_purchase_allocations(session, taken, AllocationSource.automatic):
        publish(session, PurchaseAllocated(tuple(ids), is_exchange=True))
    if ended:
        publish(session, PurchaseAllocationRemoved(ended))
    sync_moved(session, before, why="exchanged for earlier supply")


def _give(session: Session, given: Mapping[Pair, int]) -> tuple[Pair, ...]:
    """Take raw quantities off the automatic purchase allocations of pairs; return the pairs that ended."""
    rows = queries.automatic_allocations(session, {pair.line_id for pair in given}, {pair[1] for pair in given})
    giving = {row.id: given[pair] for row in rows if (pair := Pair(row.line_id, row.purchase_line_id)) in given}
    return take_off(session, [row for row in rows if row.id in giving], giving)


def _record(session: Session, exchanges: Sequence[Exchange]) -> None:
    subjects = _subjects(session, {exchange.line_id for exchange in exchanges})
    names = _names(session, {id_ for _, given_id, taken_id, _ in exchanges for id_ in (given_id, taken_id)})
    changes = []
    for line_id, given_id, taken_id, raw_quantity in exchanges:
        quantity = format_quantity(from_raw(raw_quantity))
        old, new = (f"{quantity} of {names[id_]}" for id_ in (given_id, taken_id))
        changes.append(history.Change(subjects[line_id], "exchanged", "purchase allocation", old, new))
    history.record_all(session, changes)


def _subjects(session: Session, line_ids: Collection[int]) -> dict[int, history.Subject]:
    rows = select(OrderLine.id, Order.id, Order.number, OrderLine.position).join(OrderLine.order)
    return {
        line_id: history.Subject("sales.order", order_id, number or "", position)
        for line_id, order_id, number, position in session.execute(
            rows.where(is_one_of(session, OrderLine.id, line_ids))
        )
    }


def _names(session: Session, purchase_line_ids: Collection[int]) -> dict[int, str]:
    rows = select(PurchaseOrderLine.id, PurchaseOrder.number, PurchaseOrderLine.position).join(PurchaseOrderLine.order)
    wanted = rows.where(is_one_of(session, PurchaseOrderLine.id, purchase_line_ids))
    return {line_id: f"{number}/{position}" for line_id, number, position in session.execute(wanted)}
