"""Reserving stock for order lines, and giving it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from erp import clock, history
from erp.db import (
    bulk_insert,
    bulk_update,
    is_one_of,
    new_ids,
    raw_instant,
    require_lock,
)
from erp.events import current_run, publish
from erp.numbers import sums
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products, reserve
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.domain import Grant
from modules.sales.errors import NotOfThisOrder, SerialNotAllocated, TakesFromEarlier
from modules.sales.events import LinesAllocated, LinesServed, SupplyExchanged, SupplyGivenBack, SupplyTaken
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.planning import Plan, Rules, plan_run, served_first
from modules.sales.queries import Loss, Scope
from modules.sales.services.backorders import absorb_into_backorders, write_backorders
from modules.sales.services.incoming import ARRIVED, NONE, SETS, TYPES, Total, planned_totals
from modules.sales.services.locking import lock_order
from modules.sales.services.promise_dates import first_promises
from modules.sales.services.releases import ALLOCATION, LINE, free_reserved, hold_changes
from modules.sales.services.scheduled import date_scheduled_backorders
from modules.sales.states import ORDER, AllocationSource


def serve_products(
    session: Session,
    product_ids: Collection[int],
    *,
    of_document: bool = True,
    is_alone: bool = False,
) -> None:
    """Run products, those of a document or many: stock over their whole queue, backorder rows, then incoming supply.

    The caller holds the products' locks. Run again at once, it changes nothing. `is_alone` is as for `write_plans`.
    """
    if product_ids:
        scope = Scope(tuple(sorted(product_ids)), of_document=of_document)
        _serve(session, scope, AllocationSource.automatic, is_alone=is_alone)


def plan_with(session: Session, lines: Sequence[OrderLine]) -> tuple[Scope, list[Plan]]:
    """Plan a run of the products of lines whose order is about to be confirmed, as if it were; `write_plans` writes it.

    The caller holds the products' locks.
    """
    products = tuple(sorted({line.product_id for line in lines}))
    require_lock(session, Product, products)
    confirmed, rules = tuple(line.id for line in lines), queries.rules_of_runs(session)
    scope = Scope(products, confirmed=confirmed, of_document=True)
    return scope, [plan_run(snapshot, rules) for snapshot in queries.read_snapshots(session, scope, rules)]


def allocate_products(session: Session, product_ids: Collection[int]) -> None:
    """Lock products and run them."""
    lock_products(session, product_ids)
    serve_products(session, product_ids, of_document=False)


def allocate_order(session: Session, order_id: int, *, agreed: str | None = None) -> None:
    """Serve one order's lines now, even if earlier orders wait: the clerk decides so (Allocate Order).

    Clears the hold of its lines. `agreed` is the fingerprint of the losses to which the clerk agreed, empty for none:
    where earlier orders would lose something else, TakesFromEarlier is raised; None asks nothing. Raises
    InvalidTransition unless the order is confirmed, and SerialNotAllocated when nothing but serial products is open on
    it.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "allocate")
    open_lines = [line for line in order.lines if line.is_open]
    if open_lines and all(line.product.tracking is Tracking.serial for line in open_lines):
        raise SerialNotAllocated(sku=open_lines[0].product.sku)
    lines = tuple(line.id for line in order.lines)
    scheduled = [line.id for line in order.lines if queries.is_scheduled_day(line.requested_on)]
    scope = Scope(tuple(sorted({line.product_id for line in order.lines})), lines, of_document=True)
    rules = queries.rules_of_runs(session)
    asked = scope if agreed is None else Scope(scope.product_ids, beyond_queue=lines, of_document=True)
    snapshots = queries.read_snapshots(session, asked, rules)
    if agreed is not None:
        _refuse_other_losses(order, queries.losses_in(session, snapshots, lines, rules), agreed)
    plans = served_first(snapshots, lines, rules)
    write_plans(session, scope, plans, AllocationSource.manual, is_alone=True, let_in=order.lines)
    if scheduled:
        date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, scheduled))


def _refuse_other_losses(order: Order, losses: Sequence[Loss], agreed: str) -> None:
    """Raise TakesFromEarlier where earlier orders would lose something to which nobody agreed."""
    if losses and queries.fingerprint(losses) != agreed:
        raise TakesFromEarlier(order=order.name, losers=[str(loss) for loss in losses])


def offer_incoming_supply(session: Session, product_ids: Collection[int]) -> None:
    """Allocate supply that came, grew or was released to the backorders of products (automatic allocation).

    The caller holds the products' locks.
    """
    if not product_ids:
        return
    scope, rules = Scope(tuple(sorted(product_ids))), queries.rules_of_runs(session, serves_stock=False)
    if rules.allocates_incoming:
        _serve(session, scope, AllocationSource.automatic, rules)
    else:
        publish(session, LinesServed(scope.product_ids, scope.line_ids))


def _serve(
    session: Session,
    scope: Scope,
    source: AllocationSource,
    rules: Rules | None = None,
    *,
    is_alone: bool = False,
) -> None:
    require_lock(session, Product, scope.product_ids)
    rules = rules or queries.rules_of_runs(session)
    plans = [plan_run(snapshot, rules) for snapshot in queries.read_snapshots(session, scope, rules)]
    write_plans(session, scope, plans, source, is_alone=is_alone)


def write_plans(
    session: Session,
    scope: Scope,
    plans: Sequence[Plan],
    source: AllocationSource,
    *,
    is_alone: bool = False,
    let_in: Sequence[OrderLine] = (),
) -> None:
    """Write what was planned for products of a scope, all at once, and announce it.

    Incoming supply is written by those to whom it belongs, when they hear of it. A run that `is_alone` is all that
    changes what covers lines in this transaction: then promise dates follow from the plans as far as these say. Lines
    that are `let_in` are not held any more.
    """
    grants = [grant for plan in plans for grant in plan.grants]
    granted = sums((grant.demand, grant.quantity) for grant in grants)
    promises, are_all = first_promises(session, plans)
    held = [line for line in let_in if line.hold_allocation]
    history.record_all(session, hold_changes(held, False))
    _write_lines(session, granted, promises, {line.id for line in held}, planned_totals(plans))
    _write(session, grants, granted, source)
    write_backorders(session, (change for plan in plans for change in plan.backorders))
    publish(session, _served(scope, plans, are_promised=is_alone and are_all))


def _served(scope: Scope, plans: Sequence[Plan], *, are_promised: bool) -> LinesServed:
    """Return the announcement of what was planned for products of a scope."""
    given_back = tuple(
        SupplyGivenBack(holding.kind, holding.id, quantity) for plan in plans for holding, quantity in plan.given_back
    )
    taken = tuple(
        SupplyTaken(supply.kind, supply.id, line_id, quantity)
        for plan in plans
        for line_id, supply, quantity in plan.taken
    )
    exchanged = tuple(
        SupplyExchanged(supply.kind, holding.line_id, holding.supply_id, supply.id, quantity)
        for plan in plans
        for holding, supply, quantity in plan.exchanged
    )
    return LinesServed(
        *(scope.product_ids, scope.line_ids),
        given_back=given_back,
        exchanged=exchanged,
        taken=taken,
        are_promised=are_promised,
    )


class Converted(NamedTuple):
    """The allocation that a grant became, and the backorder row that counts it as allocated."""

    allocation_id: int
    backorder_id: int | None


def allocate_on(
    session: Session, grants: Sequence[Grant], source: AllocationSource = AllocationSource.receipt
) -> list[Converted]:
    """Allocate balances to order lines when goods arrive that were incoming supply reserved for them.

    A grant's demand is a line, its supply a balance. Each unit leaves what is incoming for the line, and its backorder
    row. Returns what became of each grant, in their order. The caller holds the products' locks.
    """
    granted = sums((grant.demand, grant.quantity) for grant in grants)
    ids = new_ids(session, ALLOCATION, len(grants))
    bulk_update(session, LINE, ARRIVED, {"came": "bigint"}, sorted(granted.items()))
    _write(session, grants, granted, source, ids=ids)
    backorders = absorb_into_backorders(session, granted)
    return [Converted(id_, backorders.get(grant.demand)) for id_, grant in zip(ids, grants, strict=True)]


def _write(
    session: Session,
    grants: Sequence[Grant],
    granted: Mapping[int, int],
    source: AllocationSource,
    *,
    ids: Sequence[int] = (),
) -> None:
    """Write allocation rows and what balances hold for them; announce what lines were `granted`, which is written."""
    if not grants:
        return
    run = current_run(session)
    same = {
        "packed": 0,
        "source": source.value,
        "run_id": run.new_id(session),
        "created_at": raw_instant(clock.now()),
        "user_name": run.user_name,
    }
    columns = ("line_id", "balance_id", "quantity")
    if ids:
        rows = [(id_, *grant) for id_, grant in zip(ids, grants, strict=True)]
        bulk_insert(session, ALLOCATION, ("id", *columns), rows, shared=same)
    else:
        bulk_insert(session, ALLOCATION, columns, grants, shared=same)
    reserve(session, sorted(sums((grant.supply, grant.quantity) for grant in grants).items()))
    session.expire_all()
    publish(session, LinesAllocated(granted))


def _write_lines(
    session: Session,
    granted: Mapping[int, int],
    promises: Mapping[int, date],
    let_in: Set[int],
    incoming: Mapping[int, Total],
) -> None:
    """Write all that changes of lines at once, so that each is written once.

    They get raw quantities of stock and of incoming supply, those of `promises` without a date are promised one, and
    others are let in.
    """
    line_ids = sorted({*granted, *promises, *let_in, *incoming})
    if not line_ids:
        return
    sets, types = {"allocated": "allocated + {granted}"}, {"granted": "bigint"}
    columns: list[Iterable[Any]] = [line_ids, (granted.get(id_, 0) for id_ in line_ids)]
    if promises:
        sets["promise_date"], types["day"] = "coalesce(promise_date, {day})", "date"
        columns.append(promises.get(id_) for id_ in line_ids)
    if let_in:
        sets["hold_allocation"], types["is_let_in"] = "hold_allocation AND NOT {is_let_in}", "boolean"
        columns.append(id_ in let_in for id_ in line_ids)
    if incoming:
        sets, types = sets | SETS, types | TYPES
        columns += zip(*(incoming.get(id_, NONE) for id_ in line_ids), strict=True)
    bulk_update(session, LINE, sets, types, list(zip(*columns, strict=True)))
    session.expire_all()


def remove_allocations(
    session: Session, order_id: int, allocation_ids: Collection[int] | None = None, *, hold: bool = True
) -> int:
    """Free the unpacked quantity of an order's allocations, all of them or those chosen; return how many rows.

    With `hold` their lines stay out of automatic runs. The backorder rows stay as they are (Remove Allocation Lines).
    Raises NotOfThisOrder when a chosen one is gone or another order's.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "remove_allocation")
    found = queries.reserved_for_order(session, order_id)
    chosen = [row for row in found if allocation_ids is None or row.id in allocation_ids]
    if allocation_ids is not None and len(chosen) < len(set(allocation_ids)):
        raise NotOfThisOrder(order=order.name)
    line_ids = sorted({row.line_id for row in chosen})
    product_ids = tuple(sorted({line.product_id for line in order.lines if line.id in line_ids}))
    held = [line for line in order.lines if hold and line.id in line_ids]
    free_reserved(session, chosen, {row.id: row.quantity - row.packed for row in chosen}, action="removed", held=held)
    if line_ids:  # what is taken away promises nothing
        publish(session, LinesServed(product_ids, tuple(line_ids), are_promised=True))
    return len(chosen)


def hold_lines(session: Session, line_ids: Collection[int], hold: bool) -> None:
    """Keep lines out of automatic runs, or let them in again."""
    changing = and_(is_one_of(session, OrderLine.id, line_ids), OrderLine.hold_allocation.is_not(hold))
    set_hold(
        session, session.scalars(select(OrderLine).where(changing).options(joinedload(OrderLine.order))).all(), hold
    )


def set_hold(session: Session, lines: Iterable[OrderLine], hold: bool) -> None:
    """Do the same to lines that were read under their locks."""
    changing = [line for line in lines if line.hold_allocation != hold]
    history.record_all(session, hold_changes(changing, hold))
    rows = [(line.id, hold) for line in changing]
    bulk_update(session, LINE, {"hold_allocation": "{hold}"}, {"hold": "boolean"}, rows)
    for line in changing:
        set_committed_value(line, "hold_allocation", hold)
