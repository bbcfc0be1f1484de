"""What a plan changes, line by line, and a fingerprint of it by which two plans are compared."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from erp.numbers import sums
from modules.sales.planning.runs import Plan, Snapshot, Taken

# Digits of a fingerprint: those of the plan decide, the others say what has changed.
_PLAN_DIGITS, _DIGITS = 16, 4


class LineChange(NamedTuple):
    """What a plan changes for a line: what it allocates, its backorder and incoming supply before and after.

    `exchanged` is how much of its incoming supply it exchanges for earlier supply.
    """

    allocated: int
    backordered: tuple[int, int]
    incoming: tuple[int, int]
    exchanged: int = 0


def line_changes(snapshot: Snapshot, planned: Plan) -> dict[int, LineChange]:
    """Return what a plan changes, by line, in order of service."""
    allocated = sums((grant.demand, grant.quantity) for grant in planned.grants)
    backordered = {each.line_id: (each.before, each.after) for each in planned.backorders}
    moved = sums(
        (
            *((holding.line_id, -quantity) for holding, quantity in planned.given_back),
            *((each.line_id, each.quantity) for each in planned.taken),
        )
    )
    exchanged = sums((each.holding.line_id, each.quantity) for each in planned.exchanged)
    changed = allocated.keys() | backordered.keys() | moved.keys() | exchanged.keys()
    found = {}
    for line_id, _, _, _, before, _ in snapshot.demands:
        if line_id in changed:
            held = sum(holding.quantity for holding in snapshot.holdings.get(line_id, ()))
            incoming = (held, held + moved.get(line_id, 0))
            backorder = backordered.get(line_id, (before, before))
            found[line_id] = LineChange(allocated.get(line_id, 0), backorder, incoming, exchanged.get(line_id, 0))
    return found


def gained(snapshot: Snapshot, planned: Plan) -> list[Taken]:
    """Return what lines take of incoming supply of which they hold nothing: it is newly allocated to them.

    A line that exchanges supply does so first: it holds what it got, and no more what it gave.
    """
    held = [each for holdings in snapshot.holdings.values() for each in holdings]
    holds = sums(
        (
            *(((each.line_id, each.kind, each.supply_id), each.quantity) for each in held),
            *(((each.line_id, each.kind, each.supply_id), -quantity) for each, quantity in planned.given_back),
            *(((each.line_id, each.kind, each.supply_id), -quantity) for each, _, quantity in planned.exchanged),
            *(((each.line_id, supply.kind, supply.id), quantity) for each, supply, quantity in planned.exchanged),
        )
    )
    return [each for each in planned.taken if not holds.get((each.line_id, each.supply.kind, each.supply.id))]


class Fingerprint(NamedTuple):
    """Short texts that are equal only for equal plans, and for equal demand, stock and incoming supply behind them."""

    plan: str
    demand: str
    stock: str
    incoming: str

    def __str__(self) -> str:
        return "".join(self)

    @classmethod
    def parse(cls, text: str) -> Fingerprint:
        """Return the fingerprint that a text says."""
        ends = [_PLAN_DIGITS + place * _DIGITS for place in range(4)]
        return cls(*(text[begin:end] for begin, end in zip([0, *ends], ends, strict=False)))


def fingerprint(snapshot: Snapshot, planned: Plan) -> Fingerprint:
    """Return the fingerprint of a plan and of what it was made on."""
    written = (planned.grants, planned.backorders, planned.given_back, planned.exchanged, planned.taken)
    return Fingerprint(
        _hash(written, _PLAN_DIGITS),
        _hash([each[:-1] for each in snapshot.demands], _DIGITS),  # whether it is promised changes no plan
        _hash(snapshot.stock, _DIGITS),
        _hash((snapshot.incoming, snapshot.holdings), _DIGITS),
    )


def _hash(value: object, digits: int) -> str:
    return hashlib.sha256(repr(value).encode()).hexdigest()[:digits]
