"""A trial: what would become of the lines of some products after changes that nobody writes.

It begins with what the database says at one moment, and works in memory, change after change: supply comes later or
short, stock is lost, a run is made, lines are served from something else. Quantities are raw, the integers that the
database keeps (× 10⁴).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

from erp.numbers import from_raw, sums, to_raw
from modules.inventory_lots.domain import give_back
from modules.preorder.coverage import (
    AllocatedStock,
    AllocatedSupply,
    Arrivals,
    Coverage,
    OpenLine,
    Serials,
    cover,
    with_expected_dates,
    with_more_stock,
    with_more_supply,
)
from modules.sales.domain import HeldStock, Part, plan
from modules.sales.planning import Demand, Holding, Plan, Rules, Snapshot, Supply, only, plan_run, settle_backorders


class RemedyKind(StrEnum):
    """What serves a line instead: a purchase order line, free stock, or stock that another line has."""

    purchase = "purchase"
    stock = "stock"
    take = "take"


class Remedy(NamedTuple):
    """What could serve a line; `source_id` is the purchase order line, or the line that has the stock."""

    line_id: int
    kind: RemedyKind
    source_id: int = 0


class Served(NamedTuple):
    """What a remedy does: what the line gives back of purchase order lines, and what it gets.

    `parts` are by purchase order line, or by balance where it comes from stock.
    """

    remedy: Remedy
    quantity: int
    given_back: Sequence[Part] = ()
    parts: Sequence[Part] = ()


class _Shift(NamedTuple):
    """A quantity of a purchase order line that a line gets, or loses where it is below 0."""

    line_id: int
    supply_id: int
    quantity: int
    is_manual: bool = False
    holding_id: int | None = None


@dataclass
class Trial:
    """Products and their lines, as the changes so far would leave them.

    `snapshots` are by product. `lines` are all open lines of the products, and the others of their orders that ship
    complete. `supplies` are purchase order lines, `stock` balances, by id, each as supply of which a line has nothing
    yet; `kind` is that of purchase order lines in snapshots. `places` give the order of service to lines that join the
    queue. The `log` says what was changed.
    """

    snapshots: dict[int, Snapshot]
    lines: dict[int, OpenLine]
    chosen: set[int]
    arrivals: Arrivals
    supplies: dict[int, AllocatedSupply]
    stock: Mapping[int, AllocatedStock]
    serials: Mapping[int, Sequence[Serials]] = field(default_factory=dict)
    places: Mapping[int, Any] = field(default_factory=dict)
    kind: str = ""
    log: list[tuple[Any, ...]] = field(default_factory=list)
    _new_ids: Iterator[int] = field(default_factory=lambda: count(-1, -1))

    def coverage(self) -> dict[int, Coverage]:
        """Return the coverage of each line by id, as it would be now."""
        found = cover(self.lines.values(), self.arrivals, self.serials)
        return {line_id: each for line_id, each in found.items() if line_id in self.chosen}

    def coverage_of(self, line: OpenLine) -> Coverage:
        """Return the coverage of a line if it were this one, with the lines of its order where that ships complete."""
        together = [line]
        if line.ships_complete:
            others = (each for each in self.lines.values() if each.order_id == line.order_id)
            together += [each for each in others if each.line_id != line.line_id]
        return cover(together, self.arrivals, self.serials)[line.line_id]

    def arrive(self, product_id: int, supply_id: int, expected_on: date, free: int) -> None:
        """Let a purchase order line of which so much is free arrive on another day."""
        day, snapshot = self.arrivals.arrival(expected_on), self.snapshots[product_id]
        incoming = [each for each in snapshot.incoming if each.id != supply_id]
        if not self.arrivals.is_too_overdue(expected_on):
            incoming.append(Supply(self.kind, supply_id, product_id, free, day))
        holdings = {
            line_id: [each._replace(day=day) if each.supply_id == supply_id else each for each in held]
            for line_id, held in snapshot.holdings.items()
        }
        ordered = sorted(incoming, key=lambda each: each.day or date.max)
        self.snapshots[product_id] = replace(snapshot, incoming=ordered, holdings=holdings)
        self.supplies[supply_id] = self.supplies[supply_id]._replace(expected_on=expected_on)
        for line_id, line in self.lines.items():
            if any(each.purchase_line_id == supply_id for each in line.supply):
                self.lines[line_id] = with_expected_dates(line, {supply_id: expected_on})
        self.log.append(("arrives", supply_id, expected_on))

    def shorten(self, product_id: int, supply_id: int, short: int, lost: Iterable[Part]) -> None:
        """Let so much of a purchase order line never come; `lost` is what lines, by id, lose of it."""
        self._shift(product_id, [_Shift(line_id, supply_id, -quantity) for line_id, quantity in lost])
        snapshot = self.snapshots[product_id]
        incoming = [
            each._replace(quantity=each.quantity - short) if each.id == supply_id else each
            for each in snapshot.incoming
        ]
        self.snapshots[product_id] = replace(snapshot, incoming=incoming)
        self.log.append(("short", supply_id, short))

    def lose_stock(self, product_id: int, balance_id: int, free: int, lost: Iterable[Part]) -> None:
        """Let so much of a balance be free; `lost` is what lines, by id, lose of it."""
        self._move_stock((line_id, balance_id, -quantity) for line_id, quantity in lost)
        snapshot = self.snapshots[product_id]
        stock = [(id_, free if id_ == balance_id else quantity) for id_, quantity in snapshot.stock]
        self.snapshots[product_id] = replace(snapshot, stock=stock)
        self.log.append(("counted", balance_id, free))

    def run(self, product_id: int, rules: Rules) -> None:
        """Let a run do what it would do with a product now."""
        self._carry_out(plan_run(self.snapshots[product_id], rules))

    def _carry_out(self, planned: Plan) -> None:
        self._move_stock((*grant,) for grant in planned.grants)
        snapshot = self.snapshots[planned.product_id]
        granted = sums((grant.demand, grant.quantity) for grant in planned.grants)
        left = sums((grant.supply, grant.quantity) for grant in planned.grants)
        after = {each.line_id: each.after for each in planned.backorders}
        demands = [
            each._replace(
                need=each.need - granted.get(each.line_id, 0), backordered=after.get(each.line_id, each.backordered)
            )
            for each in snapshot.demands
        ]
        stock = [(id_, quantity - left.get(id_, 0)) for id_, quantity in snapshot.stock]
        self.snapshots[planned.product_id] = replace(snapshot, demands=demands, stock=stock)
        self._shift(planned.product_id, list(_shifts(planned)))

    def _move_stock(self, moves: Iterable[tuple[int, int, int]]) -> None:
        """Let lines get raw quantities of balances, or lose them where they are below 0: (line, balance, quantity)."""
        changes: dict[int, list[AllocatedStock]] = {}
        for line_id, balance_id, quantity in moves:
            changes.setdefault(line_id, []).append(self.stock[balance_id]._replace(quantity=from_raw(quantity)))
            self.log.append(("stock", line_id, balance_id, quantity))
        for line_id, parts in changes.items():
            self.lines[line_id] = with_more_stock(self.lines[line_id], parts)

    def _shift(self, product_id: int, shifts: Sequence[_Shift]) -> None:
        """Let lines get quantities of purchase order lines of a product, or lose them."""
        if not shifts:
            return
        changes: dict[int, list[AllocatedSupply]] = {}
        for each in shifts:
            supply = self.supplies[each.supply_id]._replace(quantity=from_raw(each.quantity))
            changes.setdefault(each.line_id, []).append(supply)
            self.log.append(each[:4])
        for line_id, parts in changes.items():
            self.lines[line_id] = with_more_supply(self.lines[line_id], parts)
        snapshot = self.snapshots[product_id]
        taken = sums((each.supply_id, each.quantity) for each in shifts)
        incoming = [each._replace(quantity=each.quantity - taken.get(each.id, 0)) for each in snapshot.incoming]
        places = {each.id: place for place, each in enumerate(incoming)}
        holdings = dict(snapshot.holdings)
        for line_id, of_line in _by_line(shifts).items():
            held = self._after(list(holdings.get(line_id, ())), of_line)
            holdings[line_id] = sorted(
                held, key=lambda each: (each.is_manual, -places.get(each.supply_id, len(places)))
            )
        self.snapshots[product_id] = replace(snapshot, incoming=incoming, holdings=holdings)

    def _after(self, held: list[Holding], shifts: Iterable[_Shift]) -> list[Holding]:
        """Return what a line holds after shifts."""
        for shift in shifts:
            if shift.quantity > 0:
                held = self._added(held, shift)
            else:
                held = _taken_off(held, shift)
        return held

    def _added(self, held: list[Holding], shift: _Shift) -> list[Holding]:
        same = (shift.supply_id, shift.is_manual)
        if any((each.supply_id, each.is_manual) == same for each in held):
            return [
                each._replace(quantity=each.quantity + shift.quantity)
                if (each.supply_id, each.is_manual) == same
                else each
                for each in held
            ]
        line, supply = self.lines[shift.line_id], self.supplies[shift.supply_id]
        new = Holding(
            self.kind, next(self._new_ids), line.line_id, shift.supply_id, shift.quantity, shift.is_manual,
            not (shift.is_manual or line.is_pinned), self.arrivals.arrival(supply.expected_on), line.launch_date,
        )  # fmt: skip
        return [*held, new]

    def _source(self, remedy: Remedy) -> tuple[int, date]:
        """Return what is free of that from which a remedy serves a line, and from when; no date is the latest."""
        snapshot = self.snapshots[self.lines[remedy.line_id].product_id]
        if remedy.kind is RemedyKind.stock:
            return sum(quantity for _, quantity in snapshot.stock), self.arrivals.today
        found = [each for each in snapshot.incoming if each.id == remedy.source_id]
        return sum(each.quantity for each in found), found[0].day or date.max if found else date.max

    def lacking(self, line_id: int, after: date = date.min) -> list[tuple[int | None, int]]:
        """Return what of a line comes too late for its promise, by purchase order line, and what nothing covers.

        Only what comes `after` a day counts. What nothing covers (None) is first, then what comes latest.
        """
        found = cover([replace(self.lines[line_id], ships_complete=False)], self.arrivals)[line_id]
        latest = max(found.promised or date.max, after)
        late = [
            (part.day or date.max, part.supply.purchase_line_id, to_raw(part.quantity))
            for part in found.parts
            if part.supply and (part.day or date.max) > latest
        ]
        uncovered = [(None, to_raw(found.uncovered))] if found.uncovered else []
        return [*uncovered, *((supply_id, quantity) for _, supply_id, quantity in sorted(late, reverse=True))]

    def served(self, remedy: Remedy) -> Served:
        """Return what a remedy would do now: it serves what nothing covers, then the latest of what comes after it."""
        free, day = self._source(remedy)
        lacking = self.lacking(remedy.line_id, day)
        quantity = min(sum(part for _, part in lacking), free)
        parts = give_back([(place, part) for place, (_, part) in enumerate(lacking)], quantity)
        given = [(id_, part) for place, part in parts if (id_ := lacking[place][0]) is not None]
        if remedy.kind is RemedyKind.stock:
            snapshot = self.snapshots[self.lines[remedy.line_id].product_id]
            grants = plan([(remedy.line_id, quantity)], snapshot.stock)
            return Served(remedy, quantity, given, [(grant.supply, grant.quantity) for grant in grants])
        return Served(remedy, quantity, given, [(remedy.source_id, quantity)])

    def line_with(self, served: Served) -> OpenLine:
        """Return a line as a remedy would leave it."""
        line = self.lines[served.remedy.line_id]
        lost = [self.supplies[id_]._replace(quantity=from_raw(-quantity)) for id_, quantity in served.given_back]
        if served.remedy.kind is RemedyKind.stock:
            got = [self.stock[id_]._replace(quantity=from_raw(quantity)) for id_, quantity in served.parts]
            return with_more_stock(with_more_supply(line, lost), got)
        gained = [self.supplies[id_]._replace(quantity=from_raw(quantity)) for id_, quantity in served.parts]
        return with_more_supply(line, [*lost, *gained])

    def serve(self, served: Served) -> None:
        """Let a remedy serve its line."""
        line_id = served.remedy.line_id
        product_id = self.lines[line_id].product_id
        self._shift(product_id, [_Shift(line_id, id_, -quantity) for id_, quantity in served.given_back])
        if served.remedy.kind is RemedyKind.stock:
            self._move_stock((line_id, id_, quantity) for id_, quantity in served.parts)
            snapshot, less = self.snapshots[product_id], dict(served.parts)
            stock = [(id_, quantity - less.get(id_, 0)) for id_, quantity in snapshot.stock]
            self.snapshots[product_id] = replace(snapshot, stock=stock)
        else:
            self._shift(product_id, [_Shift(line_id, id_, quantity, True) for id_, quantity in served.parts])
        self._settle(product_id, {line_id: served.quantity if served.remedy.kind is RemedyKind.stock else 0})

    def _settle(self, product_id: int, granted: Mapping[int, int]) -> None:
        """Let the backorders of lines be what they need, after they got so much of stock."""
        snapshot = self.snapshots[product_id]
        demands = [
            each._replace(need=need, backordered=need)
            if each.line_id in granted and (need := each.need - granted[each.line_id]) >= 0
            else each
            for each in snapshot.demands
        ]
        self.snapshots[product_id] = replace(snapshot, demands=demands)

    def take(self, line_id: int, held: Sequence[HeldStock], rules: Rules) -> None:
        """Let a line take what others have in stock; they are offered incoming supply as by a run (Take From)."""
        product_id = self.lines[line_id].product_id
        self._move_stock((each.line_id, each.balance_id, -each.quantity) for each in held)
        snapshot = self.snapshots[product_id]
        free = snapshot.stock
        taken = [(each.balance_id, each.quantity) for each in held]
        self.snapshots[product_id] = replace(snapshot, stock=taken)
        alone = Rules(grows_backorders=rules.grows_backorders)
        self._carry_out(plan_run(only(self.snapshots[product_id], {line_id}), alone))
        self.snapshots[product_id] = replace(self.snapshots[product_id], stock=free)
        self._join(product_id, held, rules)
        if rules.allocates_incoming:
            self.run(product_id, replace(rules, serves_stock=False))

    def _join(self, product_id: int, held: Sequence[HeldStock], rules: Rules) -> None:
        """Let lines that lost stock need it, in their places in the queue."""
        snapshot, lost = self.snapshots[product_id], sums((each.line_id, each.quantity) for each in held if each.waits)
        known = {each.line_id for each in snapshot.demands}
        new = [Demand(line_id, product_id, 0, None, 0) for line_id in lost if line_id not in known]
        demands = [
            each._replace(need=each.need + lost.get(each.line_id, 0))
            for each in sorted((*snapshot.demands, *new), key=lambda each: self.places[each.line_id])
        ]
        losers = [each for each in demands if each.line_id in lost]
        grown = {each.line_id: each.after for each in settle_backorders(losers, (), rules)}
        demands = [each._replace(backordered=grown.get(each.line_id, each.backordered)) for each in demands]
        self.snapshots[product_id] = replace(snapshot, demands=demands)


def _shifts(planned: Plan) -> Iterable[_Shift]:
    for holding, quantity in planned.given_back:
        yield _Shift(holding.line_id, holding.supply_id, -quantity, holding.is_manual, holding.id)
    for holding, supply, quantity in planned.exchanged:
        yield _Shift(holding.line_id, holding.supply_id, -quantity, holding.is_manual, holding.id)
        yield _Shift(holding.line_id, supply.id, quantity)
    for line_id, supply, quantity in planned.taken:
        yield _Shift(line_id, supply.id, quantity)


def _by_line(shifts: Iterable[_Shift]) -> dict[int, list[_Shift]]:
    found: dict[int, list[_Shift]] = {}
    for shift in shifts:
        found.setdefault(shift.line_id, []).append(shift)
    return found


def _taken_off(held: Sequence[Holding], shift: _Shift) -> list[Holding]:
    """Return what a line holds after it lost a quantity of a supply: what was made automatically goes first."""
    of_supply = [each for each in held if each.supply_id == shift.supply_id]
    chosen = [each for each in of_supply if shift.holding_id in (None, each.id)] or of_supply
    parts = dict(give_back([(each.id, each.quantity) for each in chosen], -shift.quantity))
    left = (each._replace(quantity=each.quantity - parts.get(each.id, 0)) for each in held)
    return [each for each in left if each.quantity]
