"""The plan of a run: what stock and incoming supply give to the lines of a product, and what lines give back.

Reading, planning and writing are three things. A snapshot is what the database says of one product at one moment; a
plan is what a run would write, and knows neither database nor module. It is written, shown or compared by the caller.
Quantities are raw, the integers that the database keeps (× 10⁴).
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import NamedTuple

from erp.numbers import sums
from modules.inventory_lots.domain import give_back
from modules.sales.domain import Grant, Part, plan, settle
from modules.sales.planning.promises import BY_COVERAGE, LastArrival, promises
from modules.sales.rebalancing import Holding as Movable
from modules.sales.rebalancing import Line, rebalance
from modules.sales.rebalancing import Supply as Free


class Demand(NamedTuple):
    """A line that has need, and its open backorder where it has one.

    It is `promised` by the plan where nothing is allocated to it yet and it leaves alone, as no preorder.
    """

    line_id: int
    product_id: int
    need: int
    backorder_id: int | None
    backordered: int
    promised: int = BY_COVERAGE


class Supply(NamedTuple):
    """What is free of a supply that is to come. `kind` says whose it is; without a `day` nobody knows when it comes."""

    kind: str
    id: int
    product_id: int
    quantity: int
    day: date | None


class Holding(NamedTuple):
    """A quantity of an incoming supply that is reserved for a line.

    One that `may_move` is exchanged for supply that comes earlier than its `day`; `ready` is the day before which
    nothing counts as coming for the line.
    """

    kind: str
    id: int
    line_id: int
    supply_id: int
    quantity: int
    is_manual: bool
    may_move: bool = False
    day: date | None = None
    ready: date | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """What a run does: serve from stock, make and grow backorders, and allocate incoming supply.

    With `skips` a backorder gets incoming supply only if that covers all that is uncovered of it. A run of a whole
    queue that `rebalances` first lets lines exchange what they hold for supply that comes earlier.
    """

    serves_stock: bool = True
    grows_backorders: bool = True
    allocates_incoming: bool = False
    skips: bool = True
    rebalances: bool = False


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Demand and supply of a product, each in the order in which a run takes it.

    `stock` has the free quantity of each usable balance. `holdings` are by line, in the order in which they are given
    back.
    """

    product_id: int
    demands: Sequence[Demand] = ()
    stock: Sequence[Part] = ()
    incoming: Sequence[Supply] = ()
    holdings: Mapping[int, Sequence[Holding]] = field(default_factory=dict)


class Backordered(NamedTuple):
    """The open backorder of a line before and after; its row is new where it has no id."""

    line_id: int
    backorder_id: int | None
    before: int
    after: int


class GivenBack(NamedTuple):
    """A quantity of a holding that its line needs no more."""

    holding: Holding
    quantity: int


class Exchanged(NamedTuple):
    """A quantity of a holding that its line exchanges for as much of a supply that comes earlier."""

    holding: Holding
    supply: Supply
    quantity: int


class Taken(NamedTuple):
    """A quantity of an incoming supply that a line gets."""

    line_id: int
    supply: Supply
    quantity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would write for a product: `grants` are of (line, balance).

    `complete` are the lines that it covers all of, of those that it promises. Where it `promises_all`, the others that
    it changes have a promise date already, or have none after it.
    """

    product_id: int
    grants: Sequence[Grant] = ()
    backorders: Sequence[Backordered] = ()
    given_back: Sequence[GivenBack] = ()
    taken: Sequence[Taken] = ()
    exchanged: Sequence[Exchanged] = ()
    complete: Mapping[int, LastArrival] = field(default_factory=dict)
    promises_all: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return not (self.grants or self.backorders or self.given_back or self.exchanged or self.taken)


def plan_run(snapshot: Snapshot, rules: Rules) -> Plan:
    """Plan a run: stock, backorders, what is given back of incoming supply, what is exchanged, then what it gives."""
    grants, backorders = [], []
    if rules.serves_stock:
        grants = plan([(each.line_id, each.need) for each in snapshot.demands], snapshot.stock)
        backorders = settle_backorders(snapshot.demands, grants, rules)
    given_back = _given_back(snapshot.holdings, backorders)
    supplies = with_given_back(snapshot.incoming, given_back)
    exchanged: Sequence[Exchanged] = _exchanged(snapshot, given_back, supplies) if rules.rebalances else ()
    taken: list[Taken] = []
    if rules.allocates_incoming:
        taken = _serve_incoming(_after(supplies, exchanged), _uncovered(snapshot, backorders, given_back), rules)
    moved = {each.holding.line_id for each in given_back} | {each.holding.line_id for each in exchanged}
    complete, others = promises(snapshot, grants, taken, moved)
    return Plan(snapshot.product_id, grants, backorders, given_back, taken, exchanged, complete, not others)


def settle_backorders(demands: Iterable[Demand], grants: Iterable[Grant], rules: Rules) -> list[Backordered]:
    """Return the backorders that these grants of stock change, and those that have to follow their line's need."""
    granted, may_grow = sums((grant.demand, grant.quantity) for grant in grants), rules.grows_backorders
    return [
        Backordered(line_id, backorder_id, before, after)
        for line_id, _, need, backorder_id, before, _ in demands
        if (after := settle(need - granted.get(line_id, 0), before, may_grow=may_grow)) != before
    ]


def _given_back(holdings: Mapping[int, Sequence[Holding]], backorders: Iterable[Backordered]) -> list[GivenBack]:
    """Return what lines hold beyond their backorder that has become smaller."""
    given: list[GivenBack] = []
    for line_id, _, before, after in backorders:
        if after < before and line_id in holdings:
            held = {holding.id: holding for holding in holdings[line_id]}
            excess = _held(held.values()) - after
            parts = give_back([(id_, holding.quantity) for id_, holding in held.items()], excess)
            given += [GivenBack(held[id_], quantity) for id_, quantity in parts]
    return given


def _held(holdings: Iterable[Holding]) -> int:
    return sum(holding.quantity for holding in holdings)


def with_given_back(incoming: Sequence[Supply], given_back: Sequence[GivenBack]) -> list[Supply]:
    """Return incoming supply with what is given back of it. Supply that a run may not give out is not there."""
    freed = sums(((each.holding.kind, each.holding.supply_id), each.quantity) for each in given_back)
    if not freed:
        return list(incoming)
    return [each._replace(quantity=each.quantity + freed.get((each.kind, each.id), 0)) for each in incoming]


def _exchanged(snapshot: Snapshot, given_back: Iterable[GivenBack], supplies: Sequence[Supply]) -> list[Exchanged]:
    """Return what lines exchange, in order of service, of what they have not given back."""
    less = {holding.id: quantity for holding, quantity in given_back}
    holdings = {
        (holding.line_id, (holding.kind, holding.supply_id)): holding._replace(quantity=left)
        for each in snapshot.holdings.values()
        for holding in each
        if holding.may_move and (left := holding.quantity - less.get(holding.id, 0)) > 0
    }
    first = min((each.day for each in supplies if each.quantity and each.day), default=date.max)
    if not any((holding.day or date.max) > first for holding in holdings.values()):
        return []
    known = {(each.kind, each.id): each for each in supplies}
    for (_, key), holding in holdings.items():
        known.setdefault(key, Supply(holding.kind, holding.supply_id, snapshot.product_id, 0, holding.day))
    ordered = sorted(known.values(), key=lambda each: each.day or date.max)
    places = {(each.kind, each.id): place for place, each in enumerate(ordered)}
    ready = {line_id: holding.ready for (line_id, _), holding in holdings.items()}
    exchanges = rebalance(
        [Line(each.line_id, ready[each.line_id]) for each in snapshot.demands if each.line_id in ready],
        [Movable(line_id, places[key], holding.quantity) for (line_id, key), holding in holdings.items()],
        [Free(place, each.day, each.quantity) for place, each in enumerate(ordered)],
    )
    found = []
    for line_id, given, taken, quantity in exchanges:
        key = ordered[given].kind, ordered[given].id
        found.append(Exchanged(holdings[line_id, key], ordered[taken], quantity))
    return found


def _after(supplies: Sequence[Supply], exchanged: Sequence[Exchanged]) -> list[Supply]:
    """Return incoming supply as exchanges leave it."""
    if not exchanged:
        return list(supplies)
    moved = sums(
        (
            *(((holding.kind, holding.supply_id), quantity) for holding, _, quantity in exchanged),
            *(((supply.kind, supply.id), -quantity) for _, supply, quantity in exchanged),
        )
    )
    return [each._replace(quantity=each.quantity + moved.get((each.kind, each.id), 0)) for each in supplies]


def _serve_incoming(supplies: Sequence[Supply], demands: Iterable[Part], rules: Rules) -> list[Taken]:
    """Return what incoming supply gives to what it does not cover yet of the lines' backorders."""
    if rules.skips:
        demands = skip_uncoverable(demands, sum(each.quantity for each in supplies))
    grants = plan(demands, [(place, each.quantity) for place, each in enumerate(supplies)])
    return [Taken(line_id, supplies[place], quantity) for line_id, place, quantity in grants]


def _uncovered(
    snapshot: Snapshot, backorders: Iterable[Backordered], given_back: Iterable[GivenBack]
) -> Iterator[Part]:
    """Yield what of each line's backorder no incoming supply covers, in order of service."""
    changed = {line_id: after for line_id, _, _, after in backorders}
    held = {line_id: _held(holdings) for line_id, holdings in snapshot.holdings.items()}
    for holding, quantity in given_back:
        held[holding.line_id] -= quantity
    for line_id, _, _, _, backordered, _ in snapshot.demands:
        uncovered = changed.get(line_id, backordered) - held.get(line_id, 0)
        if uncovered > 0:
            yield line_id, uncovered


def skip_uncoverable(demands: Iterable[Part], supply: int) -> Iterator[Part]:
    """Yield the demands, in their order, that fit whole in what is left of a supply: the supply rule `skip`."""
    for line_id, quantity in demands:
        if quantity <= supply:
            supply -= quantity
            yield line_id, quantity


def only(snapshot: Snapshot, line_ids: Container[int]) -> Snapshot:
    """Return the snapshot with these lines alone."""
    return replace(snapshot, demands=[each for each in snapshot.demands if each.line_id in line_ids])


def served_first(snapshots: Iterable[Snapshot], own: Container[int], rules: Rules) -> list[Plan]:
    """Return the plans that serve one's `own` lines alone, before their turn."""
    alone = replace(rules, rebalances=False)
    return [plan_run(only(snapshot, own), alone) for snapshot in snapshots]


def losses(snapshot: Snapshot, own: Container[int], rules: Rules) -> dict[int, int]:
    """Return what lines lose that come before the last of one's `own` lines when these are served first, by line.

    A line loses what the next run would cover it with, and could not after that.
    """
    rules = replace(rules, rebalances=False)
    last = max((place for place, each in enumerate(snapshot.demands) if each.line_id in own), default=0)
    earlier = replace(snapshot, demands=[each for each in snapshot.demands[:last] if each.line_id not in own])
    if not earlier.demands:
        return {}
    first = only(snapshot, own)
    in_turn = _short(earlier, plan_run(earlier, rules))
    behind = _left_by(earlier, plan_run(first, rules))
    after = _short(behind, plan_run(behind, rules))
    return {line_id: short - in_turn[line_id] for line_id, short in after.items() if short > in_turn[line_id]}


def _left_by(snapshot: Snapshot, done: Plan) -> Snapshot:
    """Return the snapshot with the supply that another plan leaves."""
    granted = sums((grant.supply, grant.quantity) for grant in done.grants)
    taken = sums(((each.supply.kind, each.supply.id), each.quantity) for each in done.taken)
    stock = [(id_, quantity - granted.get(id_, 0)) for id_, quantity in snapshot.stock]
    incoming = [
        each._replace(quantity=each.quantity - taken.get((each.kind, each.id), 0))
        for each in with_given_back(snapshot.incoming, done.given_back)
    ]
    return replace(snapshot, stock=stock, incoming=incoming)


def _short(snapshot: Snapshot, done: Plan) -> dict[int, int]:
    """Return what of each line's need neither stock nor incoming supply covers once a plan is carried out."""
    covered = sums(
        (
            *((line_id, _held(holdings)) for line_id, holdings in snapshot.holdings.items()),
            *((line_id, quantity) for line_id, _, quantity in (*done.grants, *done.taken)),
            *((holding.line_id, -quantity) for holding, quantity in done.given_back),
        )
    )
    return {each.line_id: max(0, each.need - covered.get(each.line_id, 0)) for each in snapshot.demands}
