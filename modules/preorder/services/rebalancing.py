"""Rebalance: earlier orders exchange what they have on purchase orders for earlier supply."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import format_quantity, from_raw, is_one_of
from erp.errors import SomeFailed
from erp.events import publish
from erp.numbers import sums
from erp.text import Stored, plural, say, storing
from modules.inventory_lots.services import Watch, commit_by_products, lock_products
from modules.preorder import queries
from modules.preorder.errors import RebalanceChanged
from modules.preorder.events import Pair, PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.queries import RebalancePreview
from modules.preorder.services.promise_dates import expectations, promise_in_scope, sync_moved
from modules.preorder.services.purchase_allocations import Reservation, add_purchase_allocations, expected_days
from modules.preorder.services.releases import take_off
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.queries import Scope
from modules.sales.rebalancing import Exchange
from modules.sales.services import Incoming, count_incoming
from modules.sales.states import AllocationSource


def rebalance_products(session: Session, product_ids: Collection[int]) -> Sequence[Exchange]:
    """Lock products and rebalance them; return what was exchanged."""
    lock_products(session, product_ids)
    exchanges = queries.planned_exchanges(session, product_ids)
    exchange_supply(session, exchanges)
    promise_in_scope(session, Scope(tuple(product_ids)))
    return exchanges


def rebalance_book(session: Session, skus: Sequence[str] = (), *, watch: Watch = iter) -> str:
    """Rebalance every product with free supply, or those of `skus`, committing each batch; return a summary.

    `watch` is given the batches and yields them. Raises SomeFailed at the end where products could not be rebalanced.
    """
    product_ids = queries.products_to_rebalance(session, skus)
    results, failed = commit_by_products(session, product_ids, rebalance_products, watch=watch)
    exchanges = [exchange for result in results for exchange in result]
    lines = plural(len({exchange.line_id for exchange in exchanges}), "line")
    units = format_quantity(from_raw(sum(exchange.quantity for exchange in exchanges)))
    summary = say(
        "{products} rebalanced, {units} exchanged by {lines}.",
        products=plural(len(product_ids) - len(failed), "product"),
        units=units,
        lines=lines,
    )
    if failed:
        raise SomeFailed(summary, "product", failed)
    return summary


def apply_rebalance(
    session: Session, product_ids: Collection[int], ticked: Collection[int], *, fingerprint: str
) -> RebalancePreview:
    """Lock products and do exactly what a preview showed; raise RebalanceChanged where it would do something else."""
    lock_products(session, product_ids)
    preview = queries.preview_rebalance(session, product_ids, ticked)
    if preview.fingerprint != fingerprint:
        raise RebalanceChanged
    exchange_supply(session, preview.exchanges)
    promise_in_scope(session, Scope(tuple(product_ids)))
    return preview


def exchange_supply(session: Session, exchanges: Sequence[Exchange]) -> None:
    """Write planned exchanges; promise dates follow where `[preorder] sync_dates` is `auto`.

    The purchase allocations that were taken are announced as an exchange, then those that ended. The caller holds the
    products' locks and has planned under them.
    """
    if not exchanges:
        return
    before = expectations(session, {exchange.line_id for exchange in exchanges})
    _count_later(session, exchanges)
    _record(session, exchanges)
    net = sums(
        part
        for line_id, given_id, taken_id, quantity in exchanges
        for part in (((line_id, given_id), -quantity), ((line_id, taken_id), quantity))
    )
    ended = _give(session, {pair: -quantity for pair, quantity in net.items() if quantity < 0})
    taken = [Reservation(*pair, quantity) for pair, quantity in net.items() if quantity > 0]
    if ids := add_purchase_allocations(session, taken, AllocationSource.automatic):
        publish(session, PurchaseAllocated(tuple(ids), is_exchange=True))
    if ended:
        publish(session, PurchaseAllocationRemoved(ended))
    sync_moved(session, before, why="exchanged for earlier supply")


def _count_later(session: Session, exchanges: Sequence[Exchange]) -> None:
    """Let lines know that they get what comes later than what they give: they let others have the earlier supply."""
    days = expected_days(session, {id_ for _, given_id, taken_id, _ in exchanges for id_ in (given_id, taken_id)})
    later = [
        Incoming(line_id, 0, days[taken_id])
        for line_id, given_id, taken_id, _ in exchanges
        if (days[taken_id] or date.max) > (days[given_id] or date.max)
    ]
    count_incoming(session, later)


def _give(session: Session, given: Mapping[tuple[int, int], int]) -> tuple[Pair, ...]:
    """Take raw quantities off the automatic purchase allocations of pairs; return the pairs that ended."""
    rows = queries.automatic_allocations(session, {line_id for line_id, _ in given}, {id_ for _, id_ in given})
    giving = {row.id: given[pair] for row in rows if (pair := (row.line_id, row.purchase_line_id)) in given}
    return take_off(session, [row for row in rows if row.id in giving], giving)


def _record(session: Session, exchanges: Sequence[Exchange]) -> None:
    subjects = _subjects(session, {exchange.line_id for exchange in exchanges})
    names = _names(session, {id_ for _, given_id, taken_id, _ in exchanges for id_ in (given_id, taken_id)})
    numbers = {quantity: format_quantity(from_raw(quantity)) for quantity in {each.quantity for each in exchanges}}
    store = storing(say("{quantity} of {names}"))

    @cache
    def part(purchase_line_id: int, quantity: int) -> Stored:
        return store(quantity=numbers[quantity], names=names[purchase_line_id])

    history.record_all(
        session,
        [
            history.Change(
                subjects[line_id],
                "exchanged",
                "purchase allocation",
                part(given_id, quantity),
                part(taken_id, quantity),
            )
            for line_id, given_id, taken_id, quantity in exchanges
        ],
    )


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
