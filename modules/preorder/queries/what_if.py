"""What if a purchase order line comes later, short or never: answered without a lock and without writing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from erp.db import from_raw, to_raw
from erp.numbers import sums
from modules.inventory_lots.domain import check_quantity, give_back
from modules.preorder.coverage import AllocatedSupply, OpenLine, with_expected_dates, with_more_supply
from modules.preorder.errors import NoArrivalDate, NothingToFall
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.broken_promises import in_time
from modules.preorder.queries.coverage import coverage_snapshot
from modules.preorder.queries.line_changes import LineChange, line_changes
from modules.preorder.queries.purchase_allocations import in_order_of_service
from modules.preorder.queries.purchase_lines import Incoming, incoming_lines
from modules.preorder.queries.rebalance_preview import purchase_line_offers
from modules.preorder.queries.snapshot import PURCHASE_LINE
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import OrderLine
from modules.sales.planning import Holding, Plan, Rules, Snapshot, plan_run
from modules.sales.queries import Scope, read_snapshots, rules_of_runs

_READS_ALL = Rules(serves_stock=False, allocates_incoming=True, rebalances=True)
_REBALANCES = Rules(serves_stock=False, rebalances=True)

Move = tuple[int, int, int]  # a sales order line, a purchase order line, and the raw quantity that it gets or loses


@dataclass(frozen=True)
class Question:
    """What happens to a purchase order line: it comes `days` later, or `short` of it never comes."""

    purchase_line_id: int
    days: int = 0
    short: Decimal = Decimal(0)


@dataclass(frozen=True)
class Remedy:
    """A change with what else could serve the line where its promise would be broken."""

    change: LineChange
    others: Sequence[Incoming]
    now: Decimal


@dataclass(frozen=True)
class Answer:
    """What would happen: the lines that change, and what a rebalance would make of it.

    `remedies` are the broken promises with what else could serve them. `rebalances` says that a rebalance follows
    automatically. The fingerprint is equal only for the same answer.
    """

    line: PurchaseOrderLine
    expected_on: date | None
    outstanding: Decimal
    changes: Sequence[LineChange]
    rebalanced: Sequence[LineChange]
    remedies: Sequence[Remedy]
    fingerprint: str

    @property
    def broken(self) -> Sequence[LineChange]:
        """The changes that break a promise."""
        return [change for change in self.changes if change.is_broken]


def shorten(line: PurchaseOrderLine, short: Decimal | None) -> Question:
    """Return the question what happens if `short` of a line never comes; None: all that is outstanding.

    Raises NothingToFall where nothing or less is outstanding, and BadQuantity.
    """
    quantity = line.outstanding if short is None else short
    check_quantity(quantity, line.product.unit_decimals, what=str(line))
    if not 0 < quantity <= line.outstanding:
        raise NothingToFall(line=str(line), outstanding=line.outstanding)
    return Question(line.id, short=quantity)


def what_if(session: Session, question: Question) -> Answer:
    """Answer a question; raises NoArrivalDate where a line without a date is to come later."""
    line = session.get_one(PurchaseOrderLine, question.purchase_line_id)
    expected_on = _later(line, question.days)
    outstanding = line.outstanding - question.short
    released = _released(session, line, outstanding) if question.short else []
    run, rebalanced = _moves(session, line, expected_on, question, released)
    lost = [(line_id, line.id, -quantity) for line_id, quantity in released]
    offers = purchase_line_offers(session, {id_ for _, id_, _ in (*run, *rebalanced)} | {line.id})
    snapshot = coverage_snapshot(session, OrderLine.product_id == line.product_id)
    before = snapshot.coverage()
    after = snapshot.coverage(_changed({line.id: expected_on}, [*lost, *run], offers))
    then = snapshot.coverage(_changed({line.id: expected_on}, [*lost, *run, *rebalanced], offers))
    changes = line_changes(session, before, after)
    shown = [(each.line_id, each.promised, each.before, each.after, then[each.line_id]) for each in changes]
    return Answer(
        line=line,
        expected_on=expected_on,
        outstanding=outstanding,
        changes=changes,
        rebalanced=line_changes(session, after, then),
        remedies=_remedies(session, line, changes),
        fingerprint=hashlib.sha256(repr((question, expected_on, run, rebalanced, shown)).encode()).hexdigest(),
    )


def _later(line: PurchaseOrderLine, days: int) -> date | None:
    """Return when a line is expected if it comes so many days later than it counts now."""
    if not days:
        return line.expected_on
    counted = arrivals_now().arrival(line.expected_on) or line.expected_on
    if counted is None:
        raise NoArrivalDate(line=str(line))
    return counted + timedelta(days)


def _released(session: Session, line: PurchaseOrderLine, outstanding: Decimal) -> list[tuple[int, int]]:
    """Return (line id, raw quantity) of what sales order lines lose: the last in the queue first."""
    queue = in_order_of_service(session, [line.id])
    excess = sum(each.outstanding for each in queue) - to_raw(outstanding)
    return give_back([(each.line_id, each.outstanding) for each in reversed(queue)], excess)


def _moves(
    session: Session,
    line: PurchaseOrderLine,
    expected_on: date | None,
    question: Question,
    released: Sequence[tuple[int, int]],
) -> tuple[list[Move], list[Move]]:
    """Return what runs then move automatically, and what a rebalance moves after that."""
    (found,) = read_snapshots(session, Scope((line.product_id,)), _READS_ALL)
    snapshot = _with_date(found, line.id, arrivals_now().arrival(expected_on))
    snapshot = _without(snapshot, line, to_raw(line.outstanding - question.short), dict(released))
    rules = rules_of_runs(session, serves_stock=False) if question.short else Rules(serves_stock=False)
    planned = plan_run(snapshot, rules)
    return _moved(planned), _moved(plan_run(_after(snapshot, planned), _REBALANCES))


def _with_date(snapshot: Snapshot, supply_id: int, day: date | None) -> Snapshot:
    """Return a snapshot in which a purchase order line arrives on another day."""
    incoming = [each._replace(day=day) if each.id == supply_id else each for each in snapshot.incoming]
    holdings = {
        line_id: [each._replace(day=day) if each.supply_id == supply_id else each for each in held]
        for line_id, held in snapshot.holdings.items()
    }
    ordered = sorted(incoming, key=lambda each: each.day or date.max)
    return replace(snapshot, incoming=ordered, holdings=holdings)


def _without(snapshot: Snapshot, line: PurchaseOrderLine, outstanding: int, released: dict[int, int]) -> Snapshot:
    """Return a snapshot in which so much of a purchase order line is outstanding, and lines have lost some of it."""
    free = outstanding - to_raw(line.allocated) + sum(released.values())
    incoming = [each._replace(quantity=free) if each.id == line.id else each for each in snapshot.incoming]
    lost = {(line_id, line.id): -quantity for line_id, quantity in released.items()}
    return replace(snapshot, incoming=incoming, holdings=_held(snapshot, lost))


def _after(snapshot: Snapshot, planned: Plan) -> Snapshot:
    """Return a snapshot as a plan of incoming supply leaves it."""
    moved = sums(((line_id, id_), quantity) for line_id, id_, quantity in _moved(planned))
    taken = sums((id_, quantity) for (_, id_), quantity in moved.items())
    incoming = [each._replace(quantity=each.quantity - taken.get(each.id, 0)) for each in snapshot.incoming]
    return replace(snapshot, incoming=incoming, holdings=_held(snapshot, moved))


def _held(snapshot: Snapshot, changes: dict[tuple[int, int], int]) -> dict[int, list[Holding]]:
    """Return what lines hold after changes by (line, supply); what is new may move."""
    left, found = dict(changes), dict[int, list[Holding]]()
    for line_id, holdings in snapshot.holdings.items():
        for each in holdings:
            quantity = each.quantity + left.pop((line_id, each.supply_id), 0)
            if quantity:
                found.setdefault(line_id, []).append(each._replace(quantity=quantity))
    days = {each.id: each.day for each in snapshot.incoming}
    gained = [(pair, quantity) for pair, quantity in left.items() if quantity > 0]
    for number, ((line_id, id_), quantity) in enumerate(gained, start=1):
        known = snapshot.holdings.get(line_id)
        new = Holding(PURCHASE_LINE, -number, line_id, id_, quantity, False, True, days[id_])
        found.setdefault(line_id, []).append(new._replace(ready=known[0].ready) if known else new)
    return found


def _moved(planned: Plan) -> list[Move]:
    """Return what a plan of incoming supply moves."""
    exchanged = [
        move
        for holding, supply, quantity in planned.exchanged
        for move in ((holding.line_id, holding.supply_id, -quantity), (holding.line_id, supply.id, quantity))
    ]
    return [*exchanged, *((line_id, supply.id, quantity) for line_id, supply, quantity in planned.taken)]


def _changed(
    dates: dict[int, date | None], moves: Sequence[Move], offers: dict[int, AllocatedSupply]
) -> Callable[[OpenLine], OpenLine]:
    """Return a function that gives lines as they are after moves, with these expected dates."""
    changes: dict[int, list[AllocatedSupply]] = {}
    for line_id, id_, quantity in moves:
        changes.setdefault(line_id, []).append(offers[id_]._replace(quantity=from_raw(quantity)))
    return lambda line: with_expected_dates(with_more_supply(line, changes.get(line.line_id, ())), dates)


def _remedies(session: Session, line: PurchaseOrderLine, changes: Sequence[LineChange]) -> list[Remedy]:
    """Return what else could serve the lines whose promises break: other supply in time, or part of it now."""
    broken = [change for change in changes if change.is_broken]
    others = [each for each in incoming_lines(session, [line.product_id]) if each.id != line.id] if broken else []
    today = arrivals_now().today
    return [
        Remedy(
            change=change,
            others=in_time(others, change.promised or today),
            now=sum((part.quantity for part in change.after.parts if part.day == today), Decimal(0)),
        )
        for change in broken
    ]
