"""A run of the whole book computed from the rows, unit by unit, by plain loops without any of the product's rules."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from erp.db import db
from modules.inventory_lots.models import Product
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Allocation, Backorder
from tests.properties.reference_model import open_of, queue, rows, summed, unit_by_unit, usable

OVERDUE_DAYS = 7


class Outcome:
    """What the book holds: units by (line, balance), open backorders by line, units by (line, purchase line)."""

    def __init__(self, lots: Counter, backorders: Counter, purchases: Counter) -> None:
        self.lots, self.backorders, self.purchases = +lots, +backorders, +purchases

    @classmethod
    def stored(cls) -> Outcome:
        """Return what the rows say."""
        lots = summed(((row.line_id, row.balance_id), row.quantity - row.packed) for row in rows(Allocation))
        is_open = Backorder.state == "open"
        waiting = summed(
            (row.line_id, row.quantity - row.allocated_quantity - row.cancelled_quantity)
            for row in rows(Backorder, is_open)
        )
        purchases = summed(
            ((row.line_id, row.purchase_line_id), row.quantity - row.received)
            for row in rows(PurchaseAllocation, PurchaseAllocation.ended_at.is_(None))
        )
        return cls(lots, waiting, purchases)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Outcome) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return repr(vars(self))


def slow_run(today: date, *, rule: str, rebalances: bool = False) -> Outcome:
    """Return what the book holds after a run; `rule` is `off`, `skip` or `partial`. Nothing is written."""
    outcome = Outcome.stored()
    for product in rows(Product):
        _run(product.id, outcome, today, rule, rebalances)
    db.session.rollback()
    return Outcome(outcome.lots, outcome.backorders, outcome.purchases)


def _run(product_id: int, outcome: Outcome, today: date, rule: str, rebalances: bool) -> None:
    lines = queue(product_id)
    need = {line.id: open_of(line) - line.allocated for line in lines}
    given = unit_by_unit(list(need.items()), usable(product_id, today, removal="fifo"))
    for (line_id, balance_id), units in given.items():
        outcome.lots[line_id, balance_id] += units
        need[line_id] -= units
    supplies = _supplies(product_id, today)
    free = {supply.id: open_of(supply) - supply.allocated for supply, _ in supplies}
    order = [supply.id for supply, _ in supplies]
    for line in lines:
        outcome.backorders[line.id] = need[line.id]
        _shrink(line.id, outcome, order, free)
    if rule == "off":
        return
    for line in lines if rebalances else ():
        _exchange(line.id, outcome, {supply.id: day or date.max for supply, day in supplies}, free)
    for line in lines:
        uncovered = outcome.backorders[line.id] - sum(_held(line.id, outcome).values())
        if rule == "skip" and uncovered > sum(free.values()):
            continue
        for id_ in order:
            while free[id_] and uncovered:
                free[id_], uncovered = free[id_] - 1, uncovered - 1
                outcome.purchases[line.id, id_] += 1


def _supplies(product_id: int, today: date) -> list[tuple[Any, date | None]]:
    """Return the purchase order lines that are to come with the day on which they count, in the order of serving."""
    orders = {order.id: order for order in rows(PurchaseOrder, PurchaseOrder.state.in_(("ordered", "partly_received")))}
    found = []
    for line in rows(PurchaseOrderLine, PurchaseOrderLine.product_id == product_id):
        if line.order_id in orders and open_of(line) > 0:
            day = line.expected_on
            counted = today + timedelta(days=OVERDUE_DAYS) if day and day < today else day
            place = (counted or date.max, day or date.max, orders[line.order_id].ordered_on, line.id)
            found.append((place, line, counted))
    return [(line, counted) for _, line, counted in sorted(found, key=lambda each: each[0])]


def _held(line_id: int, outcome: Outcome) -> dict[int, Decimal]:
    return {id_: units for (holder, id_), units in outcome.purchases.items() if holder == line_id and units}


def _shrink(line_id: int, outcome: Outcome, order: list[int], free: dict[int, Decimal]) -> None:
    """Give back what a line has on purchase orders beyond its backorder: the latest first, made by hand last."""
    held = _held(line_id, outcome)
    by_hand = _made_by_hand(line_id) if held else Counter()
    latest_first = sorted(held, key=lambda id_: -order.index(id_))
    by_runs = [(id_, held[id_] - by_hand[id_]) for id_ in latest_first]
    excess = sum(held.values()) - outcome.backorders[line_id]
    for id_, units in [*by_runs, *((id_, by_hand[id_]) for id_ in latest_first)]:
        for _ in range(int(units)):
            if excess > 0:
                outcome.purchases[line_id, id_] -= 1
                free[id_], excess = free[id_] + 1, excess - 1


def _exchange(line_id: int, outcome: Outcome, days: dict[int, date], free: dict[int, Decimal]) -> None:
    """Exchange unit by unit the latest that a line has for the earliest that is free, while that gains a day."""
    by_hand, order = _made_by_hand(line_id), list(days)
    while held := [id_ for id_, units in _held(line_id, outcome).items() if units > by_hand[id_]]:
        latest = max(held, key=order.index)
        earliest = next((id_ for id_ in order if free[id_]), latest)
        if days[earliest] >= days[latest]:
            return
        for id_, unit in ((latest, 1), (earliest, -1)):
            free[id_] += unit
            outcome.purchases[line_id, id_] -= unit


def _made_by_hand(line_id: int) -> Counter:
    """Return what a clerk allocated of each purchase order line to a line and is still outstanding."""
    of_line = (PurchaseAllocation.line_id == line_id, PurchaseAllocation.ended_at.is_(None))
    made = rows(PurchaseAllocation, *of_line, PurchaseAllocation.source == "manual")
    return summed((row.purchase_line_id, row.quantity - row.received) for row in made)
