"""The hint on the order form: what confirming the lines that are being typed would give them now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from erp.db import from_raw, is_one_of
from erp.errors import ErpError
from erp.options import options
from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.states import Tracking
from modules.preorder.coverage import AllocatedStock, AllocatedSupply, Coverage, OpenLine, cover
from modules.preorder.domain import ship_date
from modules.preorder.queries.arrivals import arrivals_now
from modules.preorder.queries.availability import available_days
from modules.preorder.queries.coverage import usable_serials
from modules.preorder.queries.products import products_with_launch
from modules.preorder.queries.purchase_lines import incoming_lines
from modules.preorder.queries.refusals import before_launch, over_limits
from modules.preorder.queries.sales_lines import confirmed_lines
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Order, OrderLine
from modules.sales.planning import Plan, plan_run
from modules.sales.queries import (
    due_day,
    is_held,
    is_scheduled,
    own_refusals,
    rules_of_runs,
    snapshots_with,
)
from modules.sales.states import ShippingPolicy

# Comes after every order that is stored.
_NEXT_ORDER = 2**62
MOST_NAMED = 3


@dataclass(frozen=True)
class AskedLine:
    """A line that is being typed."""

    product_id: int
    quantity: Decimal
    requested_on: date | None = None


@dataclass(frozen=True)
class AskedOrder:
    """An order that is being typed."""

    lines: Sequence[AskedLine]
    ordered_at: datetime
    priority: int = 0
    ships_complete: bool = False


@dataclass(frozen=True)
class Hint:
    """What confirming would do with a line: refuse it, serve it later, or cover it.

    `by_hand` are purchase orders that a person could allocate to what stays uncovered. `reserved_for` are lines for
    which ATP reserves supply that a run gives to this line; `promised_by_atp` is then the day that ATP says. `serials`
    are the usable serial numbers in stock, of a product that has them.
    """

    refusal: ErpError | None = None
    served_from: date | None = None
    coverage: Coverage | None = None
    serials: Decimal = Decimal(0)
    by_hand: Sequence[str] = ()
    reserved_for: Sequence[str] = ()
    promised_by_atp: date | None = None


def hints(session: Session, asked: AskedOrder) -> list[Hint | None]:
    """Return for each line of an order what confirming it now would give, all lines together, as if it were run.

    None stands for a line of a product that does not exist. Nothing is locked or written.
    """
    order = order_as_asked(session, asked)
    refusals = refusals_of(session, order.lines)
    lines = {line.id: line for line in order.lines if line.id not in refusals}
    found = _coverage(session, list(lines.values()), asked)
    beyond_atp = _beyond_atp(session, [line for line in order.lines if line.id in found], found)
    by_hand = _by_hand(session, found.values())
    serials = usable_serials(session, {line.product_id for line in lines.values() if _is_serial(line)})
    answers = {
        line.id: Hint(
            refusal=refusals.get(line.id),
            served_from=due_day(line),
            coverage=found.get(line.id),
            serials=sum((each.quantity for each in serials.get(line.product_id, ())), Decimal(0)),
            by_hand=by_hand.get(line.id, ()),
            **beyond_atp.get(line.id, {}),
        )
        for line in order.lines
    }
    return [answers.get(-place) for place in range(1, len(asked.lines) + 1)]


def order_as_asked(session: Session, asked: AskedOrder) -> Order:
    """Return the order as if it were stored after all others; it is not part of the session. Lines have ids below 0."""
    wanted = {line.product_id for line in asked.lines}
    products = {row.id: row for row in session.scalars(select(Product).where(is_one_of(session, Product.id, wanted)))}
    policy = ShippingPolicy.complete if asked.ships_complete else ShippingPolicy.partial
    order = Order(id=_NEXT_ORDER, priority=asked.priority, ordered_at=asked.ordered_at, shipping_policy=policy)
    for place, line in enumerate(asked.lines, start=1):
        if line.product_id in products:
            values = {"product_id": line.product_id, "quantity": line.quantity, "requested_on": line.requested_on}
            product = products[line.product_id]
            order.lines.append(
                OrderLine(id=-place, position=place, product=product, cancelled=Decimal(0), is_preorder=False, **values)
            )
    return order


def _is_serial(line: OrderLine) -> bool:
    return line.product.tracking is Tracking.serial


def refusals_of(session: Session, lines: Sequence[OrderLine]) -> dict[int, ErpError]:
    """Return why lines would be refused, and mark those that would be preorders."""
    preorders, refusals = before_launch(session, lines)
    for line in lines:
        line.is_preorder = line.id in preorders
    return refusals | over_limits(session, lines) | own_refusals(lines)


def _coverage(session: Session, lines: Sequence[OrderLine], asked: AskedOrder) -> dict[int, Coverage]:
    """Return what a run would cover the lines with; lines of serial products and scheduled ones get nothing."""
    waiting = served_lines(lines)
    rules = rules_of_runs(session)
    plans = [plan_run(snapshot, rules) for snapshot in snapshots_with(session, waiting, rules)] if waiting else []
    stock, supply = _stock(session, plans), _supply(session, plans)
    open_lines = [
        replace(line, stock=stock.get(line.line_id, ()), supply=supply.get(line.line_id, ()))
        for line in open_lines_of(session, lines, ships_complete=asked.ships_complete)
    ]
    serials = usable_serials(session, {line.product_id for line in lines if _is_serial(line) and asked.ships_complete})
    return cover(open_lines, arrivals_now(), serials)


def served_lines(lines: Iterable[OrderLine]) -> list[OrderLine]:
    """Return the lines that a run serves: not those of serial products, and no scheduled ones."""
    return [line for line in lines if not _is_serial(line) and not due_day(line)]


def open_lines_of(session: Session, lines: Sequence[OrderLine], *, ships_complete: bool) -> list[OpenLine]:
    """Return lines that are not stored as open lines to which nothing is allocated."""
    launches = products_with_launch(session, {line.product_id for line in lines if line.is_preorder})
    return [
        OpenLine(
            line_id=line.id,
            order_id=_NEXT_ORDER,
            product_id=line.product_id,
            open_quantity=line.quantity,
            requested_on=line.requested_on,
            launch_date=launches[line.product_id].launch_date if line.is_preorder else None,
            ships_complete=ships_complete,
            is_serial=_is_serial(line),
            is_scheduled=bool(due_day(line)),
        )
        for line in lines
    ]


def _stock(session: Session, plans: Iterable[Plan]) -> dict[int, list[AllocatedStock]]:
    """Return the stock that plans give to lines that are not stored, by line."""
    grants = [grant for plan in plans for grant in plan.grants if grant.demand < 0]
    rows = select(Balance.id, Lot.expires_on).join(Lot, Lot.id == Balance.lot_id)
    chosen = rows.where(is_one_of(session, Balance.id, {grant.supply for grant in grants}))
    expires_on: dict[int, date | None] = dict(session.execute(chosen).all()) if grants else {}
    found: dict[int, list[AllocatedStock]] = {}
    for line_id, balance_id, quantity in grants:
        found.setdefault(line_id, []).append(AllocatedStock(from_raw(quantity), expires_on[balance_id]))
    return found


def _supply(session: Session, plans: Iterable[Plan]) -> dict[int, list[AllocatedSupply]]:
    """Return the purchase orders that plans give to lines that are not stored, by line."""
    taken = [each for plan in plans for each in plan.taken if each.line_id < 0]
    line = PurchaseOrderLine
    rows = select(line.id, line.expected_on, PurchaseOrder.id, PurchaseOrder.number, line.position).join(line.order)
    chosen = rows.where(is_one_of(session, line.id, {each.supply.id for each in taken}))
    known: dict[int, Any] = {row[0]: row for row in session.execute(chosen)} if taken else {}
    found: dict[int, list[AllocatedSupply]] = {}
    for line_id, supply, quantity in taken:
        found.setdefault(line_id, []).append(AllocatedSupply(from_raw(quantity), *known[supply.id]))
    return found


def _by_hand(session: Session, found: Iterable[Coverage]) -> dict[int, list[str]]:
    """Return which purchase orders a person could allocate to each line, where runs allocate none."""
    short = [each.line for each in found if each.uncovered]
    if not short or options.preorder.auto_allocate or not options.sales.backorders:
        return {}
    names: dict[int, list[str]] = {}
    for incoming in incoming_lines(session, {line.product_id for line in short}):
        names.setdefault(incoming.product_id, []).append(str(incoming))
    return {line.line_id: names.get(line.product_id, [])[:MOST_NAMED] for line in short}


def _beyond_atp(
    session: Session, lines: Sequence[OrderLine], found: Mapping[int, Coverage]
) -> dict[int, dict[str, Any]]:
    """Return for each line that is expected before ATP promises it the held and scheduled lines that ATP serves."""
    days = available_days(session, sorted({line.product_id for line in lines}))
    wanted: dict[int, Decimal] = {}
    early: dict[int, date | None] = {}
    for line in lines:
        wanted[line.product_id] = wanted.get(line.product_id, Decimal(0)) + line.quantity
        promised, expected = ship_date(days[line.product_id], wanted[line.product_id]), found[line.id].expected
        if expected and (promised is None or expected < promised):
            early[line.id] = promised
    passed_over = _passed_over(session, {line.product_id for line in lines if line.id in early})
    return {
        line.id: {"reserved_for": passed_over[line.product_id], "promised_by_atp": early[line.id]}
        for line in lines
        if line.id in early and line.product_id in passed_over
    }


def _passed_over(session: Session, product_ids: Iterable[int]) -> dict[int, list[str]]:
    """Return the names of the uncovered lines of each product that runs pass over: held and scheduled ones."""
    ids = sorted(product_ids)
    if not ids:
        return {}
    of_products = is_one_of(session, OrderLine.product_id, ids)
    lines = confirmed_lines(of_products, OrderLine.has_need)
    held = is_held(session)
    rows = lines.join(OrderLine.product).with_only_columns(
        OrderLine.product_id, Order.number, OrderLine.position, held.label("is_held")
    )
    names: dict[int, list[str]] = {}
    for product_id, number, position, holds in session.execute(
        rows.where(OrderLine.is_uncovered, or_(held, is_scheduled())).order_by(OrderLine.id)
    ):
        names.setdefault(product_id, []).append(f"{number}/{position} ({'held' if holds else 'scheduled'})")
    return names
