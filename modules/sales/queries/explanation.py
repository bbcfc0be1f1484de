"""Why a line is not allocated: its place in the queue, the lines before it, and each supply that a run considers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from erp import clock
from erp.db import format_quantity, total
from erp.text import joined, say
from modules.inventory_lots.domain import EXPIRED, why_unusable
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.models import Balance, Location, Lot
from modules.inventory_lots.queries import allocations, removal_order
from modules.inventory_lots.states import Tracking
from modules.sales.hooks import SupplyNote, explain_supply
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries.lines import select_lines
from modules.sales.queries.queue import is_waiting
from modules.sales.queries.scheduled import why_scheduled
from modules.sales.queries.service_order import held_because, is_served_before, serves_by_requested_day, service_order
from modules.sales.states import OrderState

MOST_SHOWN = 100


@dataclass(frozen=True)
class Queue:
    """The demand that is served before a line: how many lines, how much, the first of them, and in which order."""

    count: int
    need: Decimal
    first: Sequence[Any]
    is_by_requested_day: bool


@dataclass(frozen=True)
class StockCandidate:
    """A balance that a run considers: how much is available, why it is or is not used, and what is allocated on it."""

    lot: str
    lot_id: int
    location: str
    on_hand: Decimal
    available: Decimal
    explanation: str
    is_usable: bool
    allocations: Sequence[BalanceAllocation]


@dataclass(frozen=True)
class Explanation:
    """The answer to `Why is this not allocated?` for one line; `place` is None for a line that does not wait."""

    headline: str
    place: int | None
    before: Queue
    candidates: Sequence[StockCandidate]
    more_candidates: int
    notes: Sequence[SupplyNote]


def explain(session: Session, line: OrderLine) -> Explanation:
    """Return a line's place in the queue and why each supply is or is not used for it."""
    before = _before(session, line)
    held = held_because(session, [line.id]).get(line.id, "")
    candidates, more = _stock_candidates(session, line)
    return Explanation(
        headline=_headline(line, before, candidates, held),
        place=before.count + 1 if _waits(line) and not held else None,
        before=before,
        candidates=candidates,
        more_candidates=more,
        notes=[note for answer in explain_supply(session, line) for note in answer],
    )


def _waits(line: OrderLine) -> bool:
    return (
        line.order.is_confirmed
        and line.has_need
        and not line.hold_allocation
        and not why_scheduled(line)
        and line.product.tracking is not Tracking.serial
    )


def _before(session: Session, line: OrderLine) -> Queue:
    ahead = select_lines(OrderLine.id).where(
        is_waiting(session),
        OrderLine.product_id == line.product_id,
        OrderLine.has_need,
        is_served_before(session, line),
    )
    count, need = session.execute(ahead.with_only_columns(func.count(), total(OrderLine.need))).one()
    rows = (
        ahead.join(Order.customer)
        .with_only_columns(
            Order.id.label("order_id"),
            Order.number,
            Customer.name.label("customer"),
            Order.priority,
            Order.ordered_at,
            OrderLine.requested_on,
            OrderLine.position,
            OrderLine.need.label("need"),
        )
        .order_by(*service_order(session))
        .limit(MOST_SHOWN)
    )
    return Queue(count, need, session.execute(rows).all(), serves_by_requested_day())


def _stock_candidates(session: Session, line: OrderLine) -> tuple[list[StockCandidate], int]:
    rows = session.execute(
        select(Balance, Lot, Location)
        .join(Balance.lot)
        .join(Balance.location)
        .where(Balance.product_id == line.product_id, Balance.has_stock)
        .order_by(*removal_order())
        .limit(MOST_SHOWN + 1)
    ).all()
    shown = rows[:MOST_SHOWN]
    held: dict[int, list[BalanceAllocation]] = {}
    for allocation in allocations(session, [balance.id for balance, *_ in shown if balance.allocated or balance.held]):
        held.setdefault(allocation.balance_id, []).append(allocation)
    candidates = [
        _stock_candidate(line, balance, lot, location, held.get(balance.id, [])) for balance, lot, location in shown
    ]
    return candidates, len(rows) - len(shown)


def _stock_candidate(
    line: OrderLine, balance: Balance, lot: Lot, location: Location, held: Sequence[BalanceAllocation]
) -> StockCandidate:
    reason = _unusable(lot, location)
    free = balance.unallocated
    return StockCandidate(
        lot=lot.number,
        lot_id=lot.id,
        location=location.path,
        on_hand=balance.on_hand,
        available=Decimal(0) if reason else free,
        explanation=reason or _usable_reason(line, free, balance.held, held),
        is_usable=not reason,
        allocations=held,
    )


def _unusable(lot: Lot, location: Location) -> str:
    why = why_unusable(location.kind, on_hold=lot.on_hold, expires_on=lot.expires_on, today=clock.today())
    since = say(" since {expires_on:%d %b %Y}", expires_on=lot.expires_on) if why == EXPIRED else ""
    return say("Not used: it is {why}{since}.", why=why, since=since) if why else ""


def _usable_reason(line: OrderLine, free: Decimal, quoted: Decimal, held: Sequence[BalanceAllocation]) -> str:
    own = sum((allocation.quantity for allocation in held if allocation.document == line.order.number), Decimal(0))
    others = sum((allocation.quantity for allocation in held), -own) - quoted
    shares = (
        (own, say("allocated to this order")),
        (others, say("allocated to other orders")),
        (quoted, say("held for quotes")),
        (free, say("free")),
    )
    parts = [joined((format_quantity(quantity), share)) for quantity, share in shares if quantity]
    return say("{parts}.", parts=joined(parts, ", "))


def _headline(line: OrderLine, before: Queue, candidates: Sequence[StockCandidate], held: str) -> str:
    """Return the answer in one sentence."""
    return _state_headline(line) or _supply_headline(line, before, candidates, held)


def _state_headline(line: OrderLine) -> str:
    if line.order.state == OrderState.draft:
        return say("The order is a draft: nothing is allocated before it is confirmed.")
    if not line.is_open:
        return say("Nothing is open on this line: all of it is packed or cancelled.")
    if line.product.tracking is Tracking.serial:
        return say("Serial numbers are never allocated: they are asked for when the order is packed.")
    if not line.has_need:
        return say("All that is open is allocated.")
    return ""


def _supply_headline(line: OrderLine, before: Queue, candidates: Sequence[StockCandidate], held: str) -> str:
    free = sum((candidate.available for candidate in candidates), Decimal(0))
    missing = say("{need} {unit} are not allocated.", need=format_quantity(line.need), unit=line.product.unit)
    if why := why_scheduled(line):
        return say("{missing} {why} Allocate Order serves it at once.", missing=missing, why=why)
    if line.hold_allocation:
        return say(
            "{missing} The line is held out of automatic runs; Allocate Order lets it in again.", missing=missing
        )
    if held:
        return say("{missing} {why} Automatic runs leave the line alone.", missing=missing, why=held)
    if free and before.need >= free:
        return say(
            "{missing} {free} are free; the lines before it wait for {need}.",
            missing=missing,
            free=format_quantity(free),
            need=format_quantity(before.need),
        )
    if free:
        return say(
            "{missing} {free} are free: Allocate Order or the next run takes them.",
            missing=missing,
            free=format_quantity(free),
        )
    if any(candidate.is_usable for candidate in candidates):
        return say("{missing} All usable stock is taken.", missing=missing)
    why = say("What is in stock may not be used.") if candidates else say("There is no stock.")
    return joined((missing, why))
