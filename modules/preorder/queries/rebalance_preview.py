"""What a rebalance would do, without a lock and without writing: who gains, and who that is ticked loses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp.db import format_quantity, from_raw, is_one_of
from erp.options import options
from erp.text import plural, say
from modules.preorder.coverage import AllocatedSupply, Coverage, OpenLine, with_more_supply
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.coverage import coverage_snapshot, line_coverage, with_siblings
from modules.preorder.queries.line_changes import LineChange, describe_lines
from modules.preorder.queries.promising import new_promises
from modules.preorder.queries.rebalancing import planned_exchanges, rebalance_books
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import OrderLine
from modules.sales.rebalancing import Exchange, may_give_way

MOST_CANDIDATES = 200


@dataclass(frozen=True)
class Exchanged:
    """A quantity of one purchase order line that a sales order line exchanges for as much of another."""

    given: AllocatedSupply
    taken: AllocatedSupply
    days: int | None

    def __str__(self) -> str:
        quantity = say(
            "{taken} of {taken_} for {given}",
            taken=format_quantity(self.taken.quantity),
            taken_=self.taken.name,
            given=self.given.name,
        )
        if self.days is None:
            return say("{quantity}, which has no arrival date", quantity=quantity)
        days = plural(abs(self.days), "day")
        if self.days > 0:
            return say("{quantity}, {days} earlier", quantity=quantity, days=days)
        return say("{quantity}, {days} later", quantity=quantity, days=days)


@dataclass(frozen=True)
class Move:
    """What one line exchanges, and how its expected date changes with it."""

    change: LineChange
    exchanges: Sequence[Exchanged]
    is_ticked: bool

    @property
    def loses(self) -> bool:
        """Whether something of it comes later than before."""
        return any(each.days is None or each.days < 0 for each in self.exchanges)

    def __str__(self) -> str:
        return f"{self.change.name} {self.change.sku}, {self.change.customer}: {'; '.join(map(str, self.exchanges))}."


@dataclass(frozen=True)
class RebalancePreview:
    """What a rebalance would do now, and a fingerprint that is equal only where it would do the same.

    `dates` are the promise dates that would be synced, by line.
    """

    exchanges: Sequence[Exchange]
    moves: Sequence[Move]
    dates: Mapping[int, date]
    fingerprint: str


def preview_rebalance(
    session: Session, product_ids: Collection[int], ticked: Collection[int] = frozenset()
) -> RebalancePreview:
    """Return what a rebalance of products would do, with the lines that are ticked; nothing is locked or written."""
    exchanges = planned_exchanges(session, product_ids, ticked)
    offers = purchase_line_offers(session, {id_ for each in exchanges for id_ in (each.given_id, each.taken_id)})
    line_ids = {exchange.line_id for exchange in exchanges}
    wanted = is_one_of(session, OrderLine.id, line_ids)
    snapshot = coverage_snapshot(session, OrderLine.id.in_(select(with_siblings(wanted).c.id)))
    before, after = snapshot.coverage(), snapshot.coverage(exchanging(exchanges, offers))
    found: dict[int, list[Exchanged]] = {}
    for each in exchanges:
        found.setdefault(each.line_id, []).append(_exchanged(each, offers, before[each.line_id]))
    changes = describe_lines(session, line_ids, before, after)
    moves = [Move(change, found[change.line_id], change.line_id in ticked) for change in changes]
    shown = [(exchange, offers[exchange.given_id], offers[exchange.taken_id]) for exchange in exchanges]
    fingerprint = hashlib.sha256(repr(shown).encode()).hexdigest()
    return RebalancePreview(exchanges, moves, synced_dates(before, after), fingerprint)


def rebalance_candidates(session: Session, product_ids: Collection[int]) -> list[LineChange]:
    """Return the first lines that have earlier supply than a line before them, in order of service."""
    books = rebalance_books(session, product_ids, whole=True)
    line_ids = [line_id for book in books.values() for line_id in may_give_way(*book)][:MOST_CANDIDATES]
    found = line_coverage(session, is_one_of(session, OrderLine.id, line_ids))
    return describe_lines(session, line_ids, found, found)


def products_of_lines(session: Session, line_ids: Collection[int]) -> dict[int, int]:
    """Return how many of these sales order lines each product has, by its id."""
    rows = select(OrderLine.product_id, func.count()).where(is_one_of(session, OrderLine.id, line_ids))
    grouped = rows.group_by(OrderLine.product_id).order_by(OrderLine.product_id)
    return dict(session.execute(grouped).all())


def synced_dates(before: Mapping[int, Coverage], after: Mapping[int, Coverage]) -> dict[int, date]:
    """Return the promise dates that follow changed expected dates where `[preorder] sync_dates` is `auto`.

    Pinned, undated and unpromised lines keep theirs.
    """
    if options.preorder.sync_dates != "auto":
        return {}
    moved = {
        line_id: found
        for line_id, found in after.items()
        if found.promised and not found.line.is_pinned and found.expected != before[line_id].expected
    }
    return {line_id: day for line_id, day in new_promises(moved).items() if day != moved[line_id].promised}


def exchanging(exchanges: Sequence[Exchange], offers: Mapping[int, AllocatedSupply]) -> Callable[[OpenLine], OpenLine]:
    """Return a function that gives lines as they are after exchanges."""
    changes: dict[int, list[AllocatedSupply]] = {}
    for line_id, given_id, taken_id, quantity in exchanges:
        for id_, amount in ((given_id, -quantity), (taken_id, quantity)):
            changes.setdefault(line_id, []).append(offers[id_]._replace(quantity=from_raw(amount)))
    return lambda line: with_more_supply(line, changes[line.line_id]) if line.line_id in changes else line


def purchase_line_offers(session: Session, purchase_line_ids: Collection[int]) -> dict[int, AllocatedSupply]:
    """Return purchase order lines by id, as supply of which a line has nothing yet."""
    columns = (PurchaseOrderLine.id, PurchaseOrderLine.expected_on, PurchaseOrder.id, PurchaseOrder.number)
    rows = select(*columns, PurchaseOrderLine.position).join(PurchaseOrderLine.order)
    found = session.execute(rows.where(is_one_of(session, PurchaseOrderLine.id, purchase_line_ids)))
    return {row[0]: AllocatedSupply._make((Decimal(0), *row)) for row in found}


def _exchanged(exchange: Exchange, offers: Mapping[int, AllocatedSupply], line: Coverage) -> Exchanged:
    given, taken = (
        offers[id_]._replace(quantity=from_raw(exchange.quantity)) for id_ in (exchange.given_id, exchange.taken_id)
    )
    arrivals, ready = arrivals_now(), line.line.launch_date or date.min
    old, new = (arrivals.arrival(supply.expected_on) for supply in (given, taken))
    return Exchanged(given, taken, (max(old, ready) - max(new, ready)).days if old and new else None)
