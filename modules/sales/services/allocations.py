"""Reserving stock for order lines, and giving it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, cast

from sqlalchemy import Row, Table, and_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from erp import clock, history
from erp.db import (
    bulk_add,
    bulk_delete,
    bulk_insert,
    bulk_update,
    format_quantity,
    from_raw,
    is_one_of,
    new_ids,
    raw,
    raw_instant,
    require_lock,
    to_raw,
)
from erp.errors import StaleRecord
from erp.events import current_run, publish
from erp.numbers import sums
from modules.inventory_lots.domain import give_back
from modules.inventory_lots.models import Location, Lot, Product
from modules.inventory_lots.services import lock_products, reserve, unreserve
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.domain import Grant, Part
from modules.sales.errors import AllocationsHeld, NotOfThisOrder, SerialNotAllocated, TakesFromEarlier
from modules.sales.events import LinesAllocated, LinesServed, SupplyExchanged, SupplyGivenBack, SupplyTaken
from modules.sales.models import Allocation, Backorder, Order, OrderLine
from modules.sales.planning import Plan, Rules, plan_run, served_first
from modules.sales.queries import Loss, Scope, run_order, select_allocations, select_unpacked
from modules.sales.services.backorders import absorb_into_backorders, write_backorders
from modules.sales.services.locking import lock_order
from modules.sales.services.quote_endings import break_quotes_on_balances
from modules.sales.services.scheduled import date_scheduled_backorders
from modules.sales.states import ORDER, AllocationSource

ALLOCATION = cast(Table, Allocation.__table__)
LINE = cast(Table, OrderLine.__table__)


def serve_products(session: Session, product_ids: Collection[int], *, of_document: bool = True) -> None:
    """Run products, those of a document or many: stock over their whole queue, backorder rows, then incoming supply.

    The caller holds the products' locks. Run again at once, it changes nothing.
    """
    if product_ids:
        scope = Scope(tuple(sorted(product_ids)), of_document=of_document)
        _serve(session, scope, AllocationSource.automatic)


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
    scope = Scope(tuple(sorted({line.product_id for line in order.lines})), lines, of_document=True)
    rules = queries.rules_of_runs(session)
    asked = scope if agreed is None else Scope(scope.product_ids, beyond_queue=lines, of_document=True)
    snapshots = queries.read_snapshots(session, asked, rules)
    if agreed is not None:
        _refuse_other_losses(order, queries.losses_in(session, snapshots, lines, rules), agreed)
    set_hold(session, order.lines, False)
    write_plans(session, scope, served_first(snapshots, lines, rules), AllocationSource.manual)
    date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, lines))


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


def _serve(session: Session, scope: Scope, source: AllocationSource, rules: Rules | None = None) -> None:
    require_lock(session, Product, scope.product_ids)
    rules = rules or queries.rules_of_runs(session)
    plans = [plan_run(snapshot, rules) for snapshot in queries.read_snapshots(session, scope, rules)]
    write_plans(session, scope, plans, source)


def write_plans(session: Session, scope: Scope, plans: Sequence[Plan], source: AllocationSource) -> None:
    """Write what was planned for products of a scope, all at once, and announce it.

    Incoming supply is written by those to whom it belongs, when they hear of it.
    """
    grants = [grant for plan in plans for grant in plan.grants]
    _write(session, grants, sums((grant.demand, grant.quantity) for grant in grants), source)
    write_backorders(session, (change for plan in plans for change in plan.backorders))
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
    event = LinesServed(scope.product_ids, scope.line_ids, given_back=given_back, exchanged=exchanged, taken=taken)
    publish(session, event)


class Converted(NamedTuple):
    """The allocation that a grant became, and the backorder row that counts it as allocated."""

    allocation_id: int
    backorder_id: int | None


def allocate_on(
    session: Session, grants: Sequence[Grant], source: AllocationSource = AllocationSource.receipt
) -> list[Converted]:
    """Allocate balances to order lines, as when goods arrive that were on a purchase order for them.

    A grant's demand is a line, its supply a balance. Each unit leaves the line's backorder row. Returns what became of
    each grant, in their order. The caller holds the products' locks.
    """
    granted = sums((grant.demand, grant.quantity) for grant in grants)
    ids = new_ids(session, ALLOCATION, len(grants))
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
    """Write allocation rows and add to lines (`granted`, the sums by line) and balances what they hold."""
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
    bulk_add(session, LINE, ("allocated",), sorted(granted.items()))
    reserve(session, sorted(sums((grant.supply, grant.quantity) for grant in grants).items()))
    session.expire_all()
    publish(session, LinesAllocated(granted))


def remove_allocations(
    session: Session, order_id: int, allocation_ids: Collection[int] | None = None, *, hold: bool = True
) -> int:
    """Free the unpacked quantity of an order's allocations, all of them or those chosen; return how many rows.

    With `hold` their lines stay out of automatic runs. The backorder rows stay as they are (Remove Allocation Lines).
    Raises NotOfThisOrder when a chosen one is gone or another order's.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "remove_allocation")
    found = session.scalars(select_unpacked(Allocation).where(Order.id == order_id).order_by(Allocation.id)).all()
    chosen = [row for row in found if allocation_ids is None or row.id in allocation_ids]
    if allocation_ids is not None and len(chosen) < len(set(allocation_ids)):
        raise NotOfThisOrder(order=order.name)
    line_ids = sorted({row.line_id for row in chosen})
    product_ids = tuple(sorted({line.product_id for line in order.lines if line.id in line_ids}))
    if hold:
        set_hold(session, [line for line in order.lines if line.id in line_ids], True)
    free_allocations(session, [(row.id, to_raw(row.unpacked)) for row in chosen], action="removed")
    if line_ids:
        publish(session, LinesServed(product_ids, tuple(line_ids), shrunk=tuple(line_ids)))
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
    changes = [
        history.Change(line.history_subject(), "changed", "hold_allocation", not hold, hold) for line in changing
    ]
    history.record_all(session, changes)
    rows = [(line.id, hold) for line in changing]
    bulk_update(session, LINE, {"hold_allocation": "{hold}"}, {"hold": "boolean"}, rows)
    for line in changing:
        set_committed_value(line, "hold_allocation", hold)


def free_allocations(session: Session, parts: Sequence[Part], *, action: str, why: str = "") -> None:
    """Give back raw quantities of allocations: a row shrinks to what is packed, and goes when nothing is.

    Writes the history of what disappears.
    """
    if not parts:
        return
    amounts = dict(parts)
    columns = (Allocation, OrderLine, Order, Lot.number, Location.path)
    rows = session.execute(
        select_allocations(*columns).where(is_one_of(session, Allocation.id, amounts)).order_by(Allocation.id)
    ).all()
    _record_freed(session, rows, amounts, action=action, why=why)
    lines = sums((row.line_id, -amounts[row.id]) for row, *_ in rows)
    balances = sums((row.balance_id, amounts[row.id]) for row, *_ in rows)
    gone = [row.id for row, *_ in rows if to_raw(row.quantity) == amounts[row.id]]
    shrunk = [(row.id, -amounts[row.id]) for row, *_ in rows if to_raw(row.quantity) != amounts[row.id]]
    bulk_delete(session, ALLOCATION, gone)
    bulk_add(session, ALLOCATION, ("quantity",), shrunk)
    bulk_add(session, LINE, ("allocated",), sorted(lines.items()))
    unreserve(session, sorted(balances.items()))
    session.expire_all()


def _record_freed(
    session: Session, rows: Sequence[Row[*tuple[Any, ...]]], amounts: Mapping[int, int], *, action: str, why: str
) -> None:
    history.record_all(
        session,
        [
            history.Change(
                history.Subject("sales.order", order.id, order.name, line.position),
                action,
                "allocation",
                old=f"{format_quantity(from_raw(amounts[row.id]))} of {lot} at {path}",
                why=why,
            )
            for row, line, order, lot, path in rows
        ],
    )


def release_balance_allocations(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Release so much of what is held or allocated of each balance (by id), under locks; return how much it was.

    Quotes break first, then allocations go, the latest of a run first. A line that loses supply keeps its place.
    """
    freed = break_quotes_on_balances(session, quantities)
    quantities = {id_: left for id_, quantity in quantities.items() if (left := quantity - freed[id_]) > 0}
    rows = select_unpacked(Allocation.id, Allocation.balance_id, raw(Allocation.unpacked))
    rows = rows.where(is_one_of(session, Allocation.balance_id, quantities))
    held: dict[int, list[Part]] = {}
    for id_, balance_id, unpacked in reversed(session.execute(rows.order_by(*run_order(session))).all()):
        held.setdefault(balance_id, []).append((id_, unpacked))
    parts = [part for id_, parts in held.items() for part in give_back(parts, to_raw(quantities[id_]))]
    free_allocations(session, parts, action="released")
    return from_raw(sum(amount for _, amount in parts)) + sum(freed.values(), Decimal(0))


def release_or_refuse(session: Session, *, release: bool) -> None:
    """Give back every unpacked allocation so that sales can be switched off, or raise AllocationsHeld.

    Raises StaleRecord when stock of another product was allocated while the locks were waited for.
    """
    held = session.execute(
        select(OrderLine.product_id, OrderLine.order_id, OrderLine.allocated).where(OrderLine.allocated > Decimal(0))
    ).all()
    if held and not release:
        raise AllocationsHeld(quantity=sum((row[2] for row in held), Decimal(0)), orders=len({row[1] for row in held}))
    locked = {row[0] for row in held}
    lock_products(session, locked)
    rows = session.execute(select_unpacked(Allocation.id, raw(Allocation.unpacked), OrderLine.product_id)).all()
    if not {product_id for *_, product_id in rows} <= locked:
        raise StaleRecord
    parts = [(id_, unpacked) for id_, unpacked, _ in rows]
    free_allocations(session, parts, action="released", why="sales was disabled")


def lower_allocations(session: Session, quantities: Mapping[int, int]) -> None:
    """Give back raw quantities of lines' allocations: those on stock that may not leave, then the latest of a run."""
    ids = [line_id for line_id, quantity in quantities.items() if quantity]
    held: dict[int, list[Part]] = {line_id: [] for line_id in ids}
    rows = select_unpacked(OrderLine.id, Allocation.id, raw(Allocation.unpacked))
    for line_id, id_, unpacked in session.execute(
        rows.where(is_one_of(session, OrderLine.id, ids)).order_by(*run_order(session))
    ):
        held[line_id].append((id_, unpacked))
    parts = [part for line_id in ids for part in give_back(reversed(held[line_id]), quantities[line_id])]
    free_allocations(session, parts, action="released")


def release_lines(session: Session, line_ids: Sequence[int]) -> None:
    """Give back every unpacked allocation of lines that are cancelled."""
    rows = select_unpacked(Allocation.id, raw(Allocation.unpacked)).where(OrderLine.id.in_(line_ids))
    free_allocations(session, [(id_, unpacked) for id_, unpacked in session.execute(rows)], action="released")
