"""Adjustments: the stock on hand becomes what was counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import SCALE, from_raw, to_raw
from erp.events import publish
from erp.identity import ByKey, identity_key
from erp.numbers import sums
from erp.text import say
from modules.inventory_lots import queries
from modules.inventory_lots.domain import check_count, check_lot_number, give_back
from modules.inventory_lots.errors import (
    CountedTwice,
    ManyRefused,
    SerialInStock,
    StockAllocated,
    StockRefused,
    TotalAndLots,
)
from modules.inventory_lots.events import StockChanged
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.queries import StockOnHand
from modules.inventory_lots.services.balances import Posting, post
from modules.inventory_lots.services.lots import LotWanted, find_or_make_lots, release_on_balances
from modules.inventory_lots.services.products import lock_products
from modules.inventory_lots.states import MoveKind, Tracking


@dataclass(frozen=True)
class Count:
    """What was counted at a location: of one lot, or without a lot number (tracking none only) of the whole product.

    A new lot is received today unless a date is given; an empty date leaves what an existing lot has. A `reason` of its
    own stands in the moves in the place of that of all counts.
    """

    product_id: int
    location_id: int
    quantity: Decimal
    lot_number: str | None = None
    received_on: date | None = None
    expires_on: date | None = None
    reason: str = ""

    @property
    def key(self) -> tuple[int, int]:
        """The product and the location."""
        return self.product_id, self.location_id

    @property
    def lot_key(self) -> str | None:
        """What the lot number is compared by; None without a number."""
        return None if self.lot_number is None else identity_key(self.lot_number)


@dataclass(frozen=True)
class Adjusted:
    """How many balances changed, and how many lots are new."""

    changed: int
    new_lots: int


@dataclass(frozen=True)
class _Shortage:
    """A count that is less than what is allocated or held on some balances: `missing` more would have to be free."""

    balance_ids: tuple[int, ...]
    allocated: int
    missing: int


@dataclass
class _Plan:
    """What to write for counts: raw changes of lots by number, losses of balances; and the counts that cannot be."""

    changes: list[tuple[Count, int]] = field(default_factory=list)
    losses: list[Posting] = field(default_factory=list)
    shortages: dict[int, _Shortage] = field(default_factory=dict)
    refusals: dict[int, StockRefused] = field(default_factory=dict)


def adjust(session: Session, count: Count, *, reason: str = "", release: bool = False) -> Adjusted:
    """Make the stock on hand what was counted; locks the product.

    Less than is allocated is refused, naming the documents; with `release` the latest in the queue lose theirs first.
    """
    try:
        return adjust_many(session, [count], reason=reason, release=release)
    except ManyRefused as refused:
        raise refused.refusals[0] from None


def adjust_many(session: Session, counts: Sequence[Count], *, reason: str = "", release: bool = False) -> Adjusted:
    """Adjust to many counts, in a fixed number of statements; locks the products.

    Raises ManyRefused with each refusal; nothing is changed then.
    """
    lock_products(session, {count.product_id for count in counts})
    stock = _Stock(session, counts)
    plan = stock.plan(counts)
    if release and plan.shortages and not plan.refusals:
        _release(session, plan)
        stock = _Stock(session, counts)
        plan = stock.plan(counts)
    if refusals := plan.refusals | _shortage_refusals(session, stock, counts, plan):
        raise ManyRefused(refusals=dict(sorted(refusals.items())))
    return _book(session, plan, reason)


class _Stock:
    """The stock of the products and locations that were counted, read once under the locks."""

    def __init__(self, session: Session, counts: Sequence[Count]) -> None:
        self.products = queries.products_by_id(session, {count.product_id for count in counts})
        self.paths = queries.paths_by_id(session, {count.location_id for count in counts})
        self.on_hand: dict[tuple[int, int], list[StockOnHand]] = defaultdict(list)
        for stock in queries.on_hand_in_run_order(session, self.products, self.paths):
            self.on_hand[stock.product_id, stock.location_id].append(stock)
        serials = [
            (count.product_id, count.lot_number)
            for count in counts
            if count.lot_number and self.products[count.product_id].tracking is Tracking.serial
        ]
        self.serials = queries.on_hand_of_lots(session, serials)

    def plan(self, counts: Sequence[Count]) -> _Plan:
        """Return what has to be written so that the stock becomes what was counted."""
        plan = _Plan()
        self._refuse_wrong_counts(counts, plan)
        for index, count in enumerate(counts):
            if index not in plan.refusals:
                (self._count_total if count.lot_number is None else self._count_lot)(plan, index, count)
        self._refuse_serials_in_two_locations(counts, plan)
        return plan

    def what(self, count: Count) -> str:
        """Return the words for what was counted."""
        lot = say(" lot {lot_number}", lot_number=count.lot_number) if count.lot_number else ""
        return say(
            "{products}{lot} at {paths}",
            products=self.products[count.product_id].sku,
            lot=lot,
            paths=self.paths[count.location_id],
        )

    def _refuse_wrong_counts(self, counts: Sequence[Count], plan: _Plan) -> None:
        seen: dict[tuple[int, int], set[str | None]] = defaultdict(set)
        for index, count in enumerate(counts):
            product, before = self.products[count.product_id], seen[count.key]
            try:
                check_count(count.quantity, product.unit_decimals, what=product.sku)
                check_lot_number(count.lot_number, count.quantity, tracking=product.tracking, sku=product.sku)
                if count.lot_key in before:
                    raise CountedTwice(what=self.what(count))
                if before and (count.lot_key is None or None in before):
                    raise TotalAndLots(sku=product.sku, location=self.paths[count.location_id])
            except StockRefused as refusal:
                plan.refusals[index] = refusal
            before.add(count.lot_key)

    def _count_lot(self, plan: _Plan, index: int, count: Count) -> None:
        stock = [each for each in self.on_hand[count.key] if identity_key(each.lot_number) == count.lot_key]
        change = to_raw(count.quantity) - sum(each.on_hand for each in stock)
        if -change > sum(each.unallocated for each in stock):
            plan.shortages[index] = _shortage(stock, -change)
        plan.changes.append((count, change))

    def _count_total(self, plan: _Plan, index: int, count: Count) -> None:
        stock = {each.balance_id: each for each in self.on_hand[count.key]}
        change = to_raw(count.quantity) - sum(each.on_hand for each in stock.values())
        if change > 0:
            plan.changes.append((count, change))
            return
        latest_first = reversed(stock.values())
        taken = give_back(((each.balance_id, each.unallocated) for each in latest_first), -change)
        if sum(quantity for _, quantity in taken) < -change:
            plan.shortages[index] = _shortage(list(stock.values()), -change)
        plan.losses += [
            Posting(count.product_id, stock[id_].lot_id, count.location_id, -quantity, reason=count.reason)
            for id_, quantity in taken
        ]

    def _refuse_serials_in_two_locations(self, counts: Sequence[Count], plan: _Plan) -> None:
        after = ByKey(self.serials.items())
        for count, change in plan.changes:
            if count.lot_number and (count.product_id, count.lot_number) in after:
                after[count.product_id, count.lot_number] += change
        for index, count in enumerate(counts):
            number = count.lot_number
            if number and (after.get((count.product_id, number)) or 0) > SCALE and count.quantity:
                sku = self.products[count.product_id].sku
                plan.refusals.setdefault(index, SerialInStock(sku=sku, number=number))


def _shortage(stock: Sequence[StockOnHand], loss: int) -> _Shortage:
    taken, unallocated = sum(each.allocated + each.held for each in stock), sum(each.unallocated for each in stock)
    return _Shortage(tuple(each.balance_id for each in stock), taken, loss - unallocated)


def _allocations(session: Session, plan: _Plan) -> list[BalanceAllocation]:
    balance_ids = sorted({id_ for shortage in plan.shortages.values() for id_ in shortage.balance_ids})
    return queries.allocations(session, balance_ids) if balance_ids else []


def _release(session: Session, plan: _Plan) -> None:
    allocations = _allocations(session, plan)
    wanted: dict[int, int] = {}
    for shortage in plan.shortages.values():
        held = [
            (allocation.balance_id, to_raw(allocation.quantity))
            for allocation in allocations
            if allocation.balance_id in shortage.balance_ids
        ]
        wanted |= sums(give_back(reversed(held), shortage.missing))
    if wanted:
        release_on_balances(session, wanted)


def _shortage_refusals(
    session: Session, stock: _Stock, counts: Sequence[Count], plan: _Plan
) -> dict[int, StockRefused]:
    documents: dict[int, list[str]] = defaultdict(list)
    for allocation in _allocations(session, plan):
        documents[allocation.balance_id].append(allocation.document)
    return {
        index: StockAllocated(
            what=stock.what(counts[index]),
            quantity=counts[index].quantity,
            allocated=from_raw(shortage.allocated),
            documents=list(dict.fromkeys(name for id_ in shortage.balance_ids for name in documents[id_])),
        )
        for index, shortage in plan.shortages.items()
    }


def _book(session: Session, plan: _Plan, reason: str) -> Adjusted:
    wanted = [
        LotWanted(count.product_id, count.lot_number, count.received_on, count.expires_on) for count, _ in plan.changes
    ]
    lot_ids, new_lots = find_or_make_lots(session, wanted)
    named = [
        Posting(count.product_id, lot_id, count.location_id, change, reason=count.reason)
        for (count, change), lot_id in zip(plan.changes, lot_ids, strict=True)
    ]
    postings = [*plan.losses, *named]
    post(session, postings, MoveKind.adjustment, reason=reason)
    publish(session, StockChanged(tuple(sorted({posting.product_id for posting in postings}))))
    return Adjusted(sum(1 for posting in postings if posting.quantity), new_lots)
