"""What if: what would happen to whom, what else could serve them, and what a rebalance would make of it.

It is answered without a lock and without writing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from sqlalchemy import and_
from sqlalchemy.orm import Session

from erp import clock
from erp.db import from_raw, is_one_of, to_raw
from erp.numbers import format_quantity
from erp.options import options
from erp.text import say
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.queries import usable_condition
from modules.preorder.coverage import Coverage
from modules.preorder.queries.broken_promises import in_time
from modules.preorder.queries.line_changes import LineChange, line_changes
from modules.preorder.queries.purchase_lines import Incoming, incoming_lines
from modules.preorder.queries.what_if.questions import Question, RushQuestion
from modules.preorder.trial import Remedy, RemedyKind, Served, Trial
from modules.sales.domain import HeldStock
from modules.sales.models import OrderLine
from modules.sales.planning import Rules
from modules.sales.queries import Holder, held_stock, holders_of, read_places, rules_of_runs

MOST_SERVED = 500
MOST_SUPPLIES = 5
MOST_HOLDERS = 20
_REBALANCES = Rules(serves_stock=False, rebalances=True)


_KEY = re.compile(rf"(-?\d{{1,18}}):({'|'.join(RemedyKind)}):(\d{{1,18}})")


def remedy_key(remedy: Remedy) -> str:
    """Return the text by which a form names a remedy."""
    return f"{remedy.line_id}:{remedy.kind}:{remedy.source_id}"


def read_remedies(keys: Iterable[str]) -> frozenset[Remedy]:
    """Return the remedies that a form names; other texts are left out."""
    found = filter(None, map(_KEY.fullmatch, keys))
    return frozenset(Remedy(int(each[1]), RemedyKind(each[2]), int(each[3])) for each in found)


@dataclass(frozen=True)
class OfferedRemedy:
    """What a remedy would do to its line: how much it would serve, from what, and when the line is expected then."""

    remedy: Remedy
    quantity: Decimal
    source: str
    expected: date | None
    is_ticked: bool

    @property
    def key(self) -> str:
        """The text by which a form names the remedy."""
        return remedy_key(self.remedy)

    def __str__(self) -> str:
        then = (
            say("then expected {expected:%d %b %Y}", expected=self.expected)
            if self.expected
            else say("then without a date")
        )
        return say(
            "{quantity} of {source}, {then}", quantity=format_quantity(self.quantity), source=self.source, then=then
        )


@dataclass(frozen=True)
class Remedies:
    """A broken promise with what else could serve its line; `now` is what of it can leave today."""

    change: LineChange
    offered: Sequence[OfferedRemedy]
    now: Decimal


@dataclass(frozen=True)
class Candidate:
    """A line that has usable stock which a rush order needs, and which it could take (Take From)."""

    remedy: Remedy
    position: int
    holder: Holder
    quantity: Decimal
    is_ticked: bool

    @property
    def key(self) -> str:
        """The text by which a form names it."""
        return remedy_key(self.remedy)

    def __str__(self) -> str:
        promise = (
            say("breaks the promise of {date:%d %b %Y}", date=self.holder.promise_date)
            if self.holder.promise_date
            else say("never promised")
        )
        quantity = format_quantity(self.quantity)
        return say(
            "line {position}: {quantity} from {holder}, {customer}, {promise}",
            position=self.position,
            quantity=quantity,
            holder=self.holder.name,
            customer=self.holder.customer,
            promise=promise,
        )


@dataclass(frozen=True)
class Answer:
    """What would happen: the lines that change, and what a rebalance would make of it.

    `own` are the lines of a rush order, by their place from 1; `candidates` have stock that they need. `remedies` are
    the broken promises with what else could serve them; those that are ticked have been `served` in `changes`.
    `taken` is what a rush order takes from others. `gained` are the pairs that would be newly allocated. `after` and
    `rebalanced_to` are the coverage of every line without and with the rebalance. The fingerprint is equal only for the
    same answer.
    """

    question: Question
    ticked: Collection[Remedy]
    changes: Sequence[LineChange]
    rebalanced: Sequence[LineChange]
    remedies: Sequence[Remedies]
    own: Mapping[int, Coverage]
    candidates: Sequence[Candidate]
    served: Sequence[Served]
    taken: Mapping[int, Mapping[int, Decimal]]
    gained: Collection[tuple[int, int]]
    after: Mapping[int, Coverage]
    rebalanced_to: Mapping[int, Coverage]
    fingerprint: str

    @property
    def can_be_ticked(self) -> bool:
        """Whether there is something to tick."""
        return bool(self.candidates) or any(each.offered for each in self.remedies)

    @property
    def ticked_keys(self) -> list[str]:
        """The texts by which a form names what is ticked."""
        return sorted(map(remedy_key, self.ticked))

    @property
    def broken(self) -> Sequence[LineChange]:
        """The changes that break a promise."""
        return [change for change in self.changes if change.is_broken]


def what_if(session: Session, question: Question, ticked: Collection[Remedy] = frozenset()) -> Answer:
    """Answer a question, with the remedies that are `ticked`. Raises what the question raises."""
    trial = question.begin(session)
    before = trial.coverage()
    question.happen(session, trial)
    candidates = _candidates(session, question, trial, ticked)
    taken = _take(session, trial, candidates)
    after = trial.coverage()
    changes = line_changes(session, before, after)
    broken = [change for change in changes if change.is_broken]
    remedies = [_remedies(trial, change, others, ticked) for change, others in _others(session, broken)]
    served = _serve(trial, remedies)
    if served:
        after = trial.coverage()
        changes = line_changes(session, before, after)
    log = list(trial.log)
    for product_id in list(trial.snapshots):
        trial.run(product_id, _REBALANCES)
    then = trial.coverage()
    return Answer(
        question=question,
        ticked=ticked,
        changes=changes,
        rebalanced=line_changes(session, after, then),
        remedies=remedies,
        own={-line_id: found for line_id, found in after.items() if line_id < 0},
        candidates=candidates,
        served=served,
        taken=taken,
        gained=_gained(before, after),
        after=after,
        rebalanced_to=then,
        fingerprint=_fingerprint(question, ticked, log, trial, (before, after, then)),
    )


def _fingerprint(
    question: Question,
    ticked: Collection[Remedy],
    log: Sequence[object],
    trial: Trial,
    coverages: Sequence[Mapping[int, Coverage]],
) -> str:
    shown = [
        (line_id, each.promised, each.expected, each.uncovered)
        for coverage in coverages
        for line_id, each in coverage.items()
    ]
    written = (question, sorted(ticked), log, trial.log[len(log) :], shown)
    return hashlib.sha256(repr(written).encode()).hexdigest()


def _gained(before: Mapping[int, Coverage], after: Mapping[int, Coverage]) -> list[tuple[int, int]]:
    """Return the pairs of lines and purchase order lines that are allocated after, and were not before."""
    return [
        (line_id, supply.purchase_line_id)
        for line_id, found in after.items()
        if line_id > 0
        for supply in found.line.supply
        if all(supply.purchase_line_id != each.purchase_line_id for each in before[line_id].line.supply)
    ]


def _others(session: Session, broken: Sequence[LineChange]) -> Iterable[tuple[LineChange, Sequence[Incoming]]]:
    """Yield the first broken promises, each with the purchase order lines that could serve it."""
    shown = broken[:MOST_SERVED]
    if not options.sales.backorders:
        return [(change, ()) for change in shown]
    found: dict[int, list[Incoming]] = {}
    for incoming in incoming_lines(session, {change.after.line.product_id for change in shown}) if shown else ():
        found.setdefault(incoming.product_id, []).append(incoming)
    return [(change, found.get(change.after.line.product_id, ())) for change in shown]


def _remedies(trial: Trial, change: LineChange, others: Sequence[Incoming], ticked: Collection[Remedy]) -> Remedies:
    """Return what could serve a line: free stock, and other purchase order lines, in time where there are some."""
    today = trial.arrivals.today
    sources: dict[Remedy, str] = {Remedy(change.line_id, RemedyKind.stock): say("free stock")}
    for other in in_time(_as_tried(trial, others), change.promised or today)[:MOST_SUPPLIES]:
        sources[Remedy(change.line_id, RemedyKind.purchase, other.id)] = other.name
    offered = []
    for remedy, source in sources.items():
        if change.after.line.product_id in trial.snapshots and (served := trial.served(remedy)).quantity:
            found = trial.coverage_of(trial.line_with(served))
            quantity = from_raw(served.quantity)
            offered.append(OfferedRemedy(remedy, quantity, source, found.expected, remedy in ticked))
    now = sum((part.quantity for part in change.after.parts if part.day == today), Decimal(0))
    return Remedies(change, offered, now)


def _as_tried(trial: Trial, others: Iterable[Incoming]) -> list[Incoming]:
    """Return purchase order lines with the days on which they would arrive, without those that are used up."""
    free = {each.id: each for snapshot in trial.snapshots.values() for each in snapshot.incoming if each.quantity > 0}
    return [replace(other, arrival=free[other.id].day) for other in others if other.id in free]


def _serve(trial: Trial, remedies: Iterable[Remedies]) -> list[Served]:
    """Carry out what is ticked, line by line in order of service, and return it."""
    done = []
    for each in remedies:
        for offered in each.offered:
            if offered.is_ticked and (served := trial.served(offered.remedy)).quantity:
                trial.serve(served)
                done.append(served)
    return done


def _candidates(session: Session, question: Question, trial: Trial, ticked: Collection[Remedy]) -> list[Candidate]:
    """Return what a rush order could take from others: for each of its lines what stock does not give it."""
    if not isinstance(question, RushQuestion):
        return []
    needs = {
        snapshot.product_id: {each.line_id: each.need for each in snapshot.demands if each.line_id < 0 < each.need}
        for snapshot in trial.snapshots.values()
    }
    needed = {product_id: from_raw(sum(own.values())) for product_id, own in needs.items() if own}
    found = []
    for product_id, holders in holders_of(session, needed, most=MOST_HOLDERS).items() if needed else ():
        own = needs[product_id]
        left = {holder.id: to_raw(holder.quantity) for holder in holders}
        for line_id, need in sorted(own.items(), reverse=True):
            for holder in holders:
                remedy = Remedy(line_id, RemedyKind.take, holder.id)
                is_ticked = remedy in ticked
                quantity = min(need, left[holder.id])
                if quantity:
                    found.append(Candidate(remedy, -line_id, holder, from_raw(quantity), is_ticked))
                if is_ticked:
                    need -= quantity
                    left[holder.id] -= quantity
    return found


def _take(session: Session, trial: Trial, candidates: Iterable[Candidate]) -> dict[int, dict[int, Decimal]]:
    """Let a rush order take what is ticked; return it by line and holder."""
    taken: dict[int, dict[int, Decimal]] = {}
    for each in candidates:
        if each.is_ticked:
            taken.setdefault(each.remedy.line_id, {})[each.holder.id] = each.quantity
    if not taken:
        return taken
    rules = rules_of_runs(session)
    holders = {holder_id for amounts in taken.values() for holder_id in amounts}
    held = _held(session, trial, holders)
    demands = [each.line_id for snapshot in trial.snapshots.values() for each in snapshot.demands]
    trial.places = {**trial.places, **read_places(session, {*demands, *holders} - trial.places.keys())}
    for line_id, amounts in sorted(taken.items(), reverse=True):
        parts = []
        for holder_id, quantity in amounts.items():
            rows = held[holder_id]
            given = dict(give_back([(place, row.quantity) for place, row in enumerate(rows)], to_raw(quantity)))
            parts += [rows[place]._replace(quantity=part) for place, part in given.items()]
            left = (row._replace(quantity=row.quantity - given.get(place, 0)) for place, row in enumerate(rows))
            held[holder_id] = [row for row in left if row.quantity]
        trial.take(line_id, parts, rules)
    return taken


def _held(session: Session, trial: Trial, holders: Collection[int]) -> dict[int, list[HeldStock]]:
    """Return what lines have on usable stock, the latest of a run first."""
    wanted = and_(is_one_of(session, OrderLine.id, holders), usable_condition(clock.today()))
    found: dict[int, list[HeldStock]] = {holder_id: [] for holder_id in holders}
    for row in reversed(held_stock(session, wanted)):
        found[row.line_id].append(row)
    return found
