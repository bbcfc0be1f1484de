"""Taking usable stock from other lines for one that needs it (Take From)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import from_raw, is_one_of, raw, to_raw
from erp.errors import NotFound
from erp.options import options
from erp.text import say
from modules.inventory_lots.domain import check_quantity, give_back
from modules.inventory_lots.models import Location, Lot
from modules.inventory_lots.queries import usable_condition
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.domain import Grant, Part
from modules.sales.errors import MoreThanNeeded, NotHeld, SerialNotAllocated
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.planning import Plan, Rules, plan_run, settle_backorders
from modules.sales.queries import Scope, run_order, select_unpacked
from modules.sales.services.allocations import hold_lines, offer_incoming_supply, write_plans
from modules.sales.services.backorders import grow_backorders
from modules.sales.services.locking import lock_line
from modules.sales.services.releases import free_allocations, recorded_allocation
from modules.sales.services.scheduled import date_scheduled_backorders
from modules.sales.states import ORDER, AllocationSource


class _Held(NamedTuple):
    """An allocation of a line on usable stock: its id, its raw unpacked quantity, and what the history says of it."""

    id: int
    line_id: int
    balance_id: int
    unpacked: int
    holder: str
    lot: str
    location: str


def take_from(session: Session, line_id: int, amounts: Mapping[int, Decimal]) -> None:
    """Allocate to a line what other lines, by id, have unpacked on usable stock: the clerk decides so (Take From).

    The line is not held any more; its backorder and its purchase allocations follow. The others keep their places,
    their promises and their hold; their backorders grow at once, and they are offered incoming supply as by a run.
    Raises NotFound, InvalidTransition, SerialNotAllocated, BadQuantity, MoreThanNeeded and NotHeld.
    """
    line = lock_line(session, line_id)
    ORDER.next(line.order.state, "allocate")
    _check_wanted(line, amounts)
    taken = _taken(session, line, amounts)
    name, subject, product_id = str(line), line.history_subject(), line.product_id
    free_allocations(
        session, [(held.id, quantity) for held, quantity in taken], action="taken", why=say("for {name}", name=name)
    )
    history.record_all(session, [_change(subject, held, quantity) for held, quantity in taken])
    hold_lines(session, [line_id], False)
    _give(session, Scope((product_id,), (line_id,)), [(held.balance_id, quantity) for held, quantity in taken])
    if options.sales.backorders:
        grow_backorders(session, list(amounts))
    offer_incoming_supply(session, [product_id])


def _check_wanted(line: OrderLine, amounts: Mapping[int, Decimal]) -> None:
    if line.product.tracking is Tracking.serial:
        raise SerialNotAllocated(sku=line.product.sku)
    for quantity in amounts.values():
        check_quantity(quantity, line.product.unit_decimals, what=f"{line}, {line.product.sku}")
    wanted = sum(amounts.values(), Decimal(0))
    if wanted > line.need:
        raise MoreThanNeeded(line=str(line), need=line.need, wanted=wanted)


def _taken(session: Session, line: OrderLine, amounts: Mapping[int, Decimal]) -> list[tuple[_Held, int]]:
    """Return what is taken of which allocation: of each line, the latest of a run first."""
    found: dict[int, list[_Held]] = {line_id: [] for line_id in amounts}
    for held in reversed(_held(session, line, amounts)):
        found[held.line_id].append(held)
    taken: list[tuple[_Held, int]] = []
    for holder_id, quantity in amounts.items():
        allocations = {held.id: held for held in found[holder_id]}
        available = sum(held.unpacked for held in allocations.values())
        if to_raw(quantity) > available:
            raise NotHeld(holder=_name(session, holder_id), held=from_raw(available), wanted=quantity)
        parts = give_back([(held.id, held.unpacked) for held in allocations.values()], to_raw(quantity))
        taken += [(allocations[id_], part) for id_, part in parts]
    return taken


def _held(session: Session, line: OrderLine, line_ids: Iterable[int]) -> list[_Held]:
    """Return what these lines, but not the one that takes, have on usable stock of its product, in order of a run."""
    columns = (Allocation.id, Allocation.line_id, Allocation.balance_id, raw(Allocation.unpacked))
    named = (Order.number, OrderLine.position, Lot.number, Location.path)
    rows = select_unpacked(*columns, *named).where(
        is_one_of(session, OrderLine.id, line_ids),
        OrderLine.id != line.id,
        OrderLine.product_id == line.product_id,
        usable_condition(clock.today()),
    )
    found = session.execute(rows.order_by(*run_order(session)))
    return [
        _Held(id_, holder_id, balance_id, unpacked, f"{number}/{position}", lot, path)
        for id_, holder_id, balance_id, unpacked, number, position, lot, path in found
    ]


def _name(session: Session, line_id: int) -> str:
    line = session.get(OrderLine, line_id)
    if line is None:
        raise NotFound(say("sales order line"), line_id)
    return str(line)


def _change(subject: history.Subject, held: _Held, quantity: int) -> history.Change:
    new = recorded_allocation(quantity, held.lot, held.location)
    return history.Change(
        subject, "allocated", "allocation", new=new, why=say("taken from {holder}", holder=held.holder)
    )


def _give(session: Session, scope: Scope, stock: Sequence[Part]) -> None:
    """Serve the one line of a scope as a run would whose stock is what was taken; it allocates no incoming supply."""
    rules = Rules(grows_backorders=bool(options.sales.backorders))
    snapshots = queries.read_snapshots(session, scope, rules)
    write_plans(
        session,
        scope,
        [plan_run(replace(snapshot, stock=stock), rules) for snapshot in snapshots],
        AllocationSource.manual,
    )
    date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, scope.line_ids or ()))


def serve_from_stock(session: Session, grants: Sequence[Grant]) -> None:
    """Allocate free quantities of balances to lines, ahead of the queue: a clerk decides so, as by Allocate Order.

    The lines are not held any more; their backorders follow. The caller holds the products' locks and knows that so
    much is free and needed.
    """
    if not grants:
        return
    line_ids = tuple(sorted({grant.demand for grant in grants}))
    hold_lines(session, line_ids, False)
    of_lines = select(OrderLine.id, OrderLine.product_id).where(is_one_of(session, OrderLine.id, line_ids))
    products: dict[int, int] = dict(session.execute(of_lines).all())
    scope, rules = (
        Scope(tuple(sorted(set(products.values()))), line_ids),
        Rules(grows_backorders=bool(options.sales.backorders)),
    )
    changes = settle_backorders(queries.read_demands(session, scope, scope.product_ids), grants, rules)
    plan = Plan(scope.product_ids[0], grants, changes)
    write_plans(session, scope, [plan], AllocationSource.manual)
    date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, line_ids))
