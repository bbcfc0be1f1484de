"""Reserving stock for order lines, and giving it back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain

from sqlalchemy import and_, delete, select, update
from sqlalchemy.orm import Session, joinedload

from erp import clock, history
from erp.db import bulk_add, bulk_insert, format_quantity, is_one_of, raw_instant, read_rows, require_lock, to_raw
from erp.errors import StaleRecord
from erp.events import current_run, publish
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import usable_balances
from modules.inventory_lots.services import lock_products, reserve, unreserve
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.domain import give_back, plan_by_product
from modules.sales.errors import AllocationsHeld, NotOfThisOrder, SerialNotAllocated
from modules.sales.events import LinesServed
from modules.sales.models import Allocation, Order, OrderLine
from modules.sales.queries import Scope, service_order, unpacked_allocations
from modules.sales.services.backorders import Uncovered, absorb_into_backorders, settle_backorders
from modules.sales.services.locking import lock_order
from modules.sales.states import ORDER, AllocationSource


@dataclass(frozen=True)
class Grant:
    """A quantity of one balance for one order line."""

    line_id: int
    balance_id: int
    quantity: Decimal


def serve_products(session: Session, product_ids: Collection[int]) -> None:
    """Run products: stock over their whole queue, then backorder rows, then whoever links (a run for a product).

    The caller holds the products' locks. Run again at once, it changes nothing.
    """
    if product_ids:
        _serve(session, Scope(tuple(sorted(product_ids))), AllocationSource.automatic)


def allocate_products(session: Session, product_ids: Collection[int]) -> None:
    """Lock products and run them."""
    lock_products(session, product_ids)
    serve_products(session, product_ids)


def allocate_order(session: Session, order_id: int) -> None:
    """Serve one order's lines now, whoever else waits: a clerk's decision (Allocate Order).

    Clears the hold of its lines. Raises InvalidTransition unless the order is confirmed, and SerialNotAllocated when
    nothing but serial products is open on it.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "allocate")
    open_lines = [line for line in order.lines if line.open_quantity]
    if open_lines and all(line.product.tracking is Tracking.serial for line in open_lines):
        raise SerialNotAllocated(sku=open_lines[0].product.sku)
    for line in order.lines:
        line.hold_allocation = False
    session.flush()
    lines = tuple(line.id for line in order.lines)
    products = tuple(sorted({line.product_id for line in order.lines}))
    _serve(session, Scope(products, lines), AllocationSource.by_hand)


def _serve(session: Session, scope: Scope, source: AllocationSource) -> None:
    require_lock(session, Product, scope.product_ids)
    shrunk = settle_backorders(session, _allocate_from_stock(session, scope, source))
    publish(session, LinesServed(scope.product_ids, scope.line_ids, shrunk=shrunk, may_allocate_purchases=True))


def _allocate_from_stock(session: Session, scope: Scope, source: AllocationSource) -> list[Uncovered]:
    """Give out what is in stock; return what it leaves of the lines whose backorder rows have to follow.

    Of products without stock only the lines that are out of step are read: there a run may have nothing to do.
    """
    supplies = read_rows(session, usable_balances(session, scope.product_ids))
    stocked = {product_id for _, product_id, _ in supplies}
    demands = queries.needing_lines(session, _within(scope, stocked)) if stocked else ()
    grants = plan_by_product(((line_id, product, need) for line_id, product, need, *_ in demands), supplies)
    granted = _sums((line_id, quantity) for line_id, _, quantity in grants)
    _write(session, grants, granted, source)
    dry = _within(scope, set(scope.product_ids) - stocked)
    others = queries.lines_out_of_step(session, dry) if dry.product_ids else ()
    return [
        (line_id, remainder, backorder_id, waiting)
        for line_id, _, need, backorder_id, waiting in chain(demands, others)
        if (remainder := need - granted.get(line_id, 0)) != waiting
    ]


def _within(scope: Scope, product_ids: set[int]) -> Scope:
    return Scope(tuple(sorted(product_ids)), scope.line_ids)


def allocate_on(session: Session, grants: Iterable[Grant], source: AllocationSource = AllocationSource.receipt) -> None:
    """Reserve goods that landed for the lines they were linked to; each unit leaves the line's backorder row.

    The caller holds the products' locks.
    """
    triples = [(grant.line_id, grant.balance_id, to_raw(grant.quantity)) for grant in grants]
    if triples:
        granted = _sums((line_id, quantity) for line_id, _, quantity in triples)
        _write(session, triples, granted, source)
        absorb_into_backorders(session, granted)


def _write(
    session: Session, grants: Sequence[tuple[int, int, int]], granted: Mapping[int, int], source: AllocationSource
) -> None:
    """Write allocation rows and move the counters of lines (`granted`, their sums by line) and balances with them."""
    if not grants:
        return
    run = current_run(session)
    signed = (source.value, run.id(session), raw_instant(clock.now()), run.user_name)
    columns = ("line_id", "balance_id", "quantity", "packed", "source", "run_id", "created_at", "user_name")
    rows = [(line_id, balance_id, quantity, 0, *signed) for line_id, balance_id, quantity in grants]
    bulk_insert(session, Allocation.__table__, columns, rows)  # type: ignore[arg-type]
    bulk_add(session, OrderLine.__table__, ("allocated",), sorted(granted.items()))  # type: ignore[arg-type]
    reserve(session, sorted(_sums((balance_id, quantity) for _, balance_id, quantity in grants).items()))
    session.expire_all()


def _sums(parts: Iterable[tuple[int, int]]) -> dict[int, int]:
    sums: dict[int, int] = {}
    for id_, quantity in parts:
        sums[id_] = sums.get(id_, 0) + quantity
    return sums


def remove_allocations(
    session: Session, order_id: int, allocation_ids: Collection[int] | None = None, *, hold: bool = True
) -> int:
    """Free the unpacked quantity of an order's allocations, all of them or those chosen; return how many rows.

    With `hold` their lines stay out of automatic runs. The backorder rows stay as they are (Remove Allocation Lines).
    Raises NotOfThisOrder when a chosen one is gone or another order's.
    """
    order = lock_order(session, order_id)
    ORDER.next(order.state, "remove_allocation")
    found = session.scalars(unpacked_allocations(OrderLine.order_id == order_id).order_by(Allocation.id)).all()
    chosen = [row for row in found if allocation_ids is None or row.id in allocation_ids]
    if allocation_ids is not None and len(chosen) < len(set(allocation_ids)):
        raise NotOfThisOrder(order=order.name)
    line_ids = sorted({row.line_id for row in chosen})
    free_allocations(session, [(row.id, to_raw(row.quantity - row.packed)) for row in chosen], action="removed")
    if hold:
        hold_lines(session, line_ids, True)
    _announce_shrinking(session, line_ids)
    return len(chosen)


def hold_lines(session: Session, line_ids: Collection[int], hold: bool) -> None:
    """Keep lines out of automatic runs, or let them in again."""
    changing = and_(OrderLine.id.in_(line_ids), OrderLine.hold_allocation.is_not(hold))
    lines = session.scalars(select(OrderLine).where(changing).options(joinedload(OrderLine.order))).all()
    changes = [history.Change(line.history_subject(), "changed", "hold_allocation", not hold, hold) for line in lines]
    history.record_all(session, changes)
    change = update(OrderLine).where(changing).values(hold_allocation=hold)
    session.execute(change.execution_options(synchronize_session=False))
    session.expire_all()


def free_allocations(session: Session, parts: Sequence[tuple[int, int]], *, action: str, why: str = "") -> None:
    """Give back raw quantities of allocations: rows shrink to what is packed, and go when nothing is.

    Writes the history of what disappears.
    """
    if not parts:
        return
    amounts = dict(parts)
    rows = session.execute(
        select(Allocation, OrderLine, Order, Lot.number, Location.path)
        .join(OrderLine, OrderLine.id == Allocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Balance, Balance.id == Allocation.balance_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .where(is_one_of(session, Allocation.id, amounts))
        .order_by(Allocation.id)
    ).all()
    lines = [(row.line_id, -amounts[row.id]) for row, *_ in rows]
    balances = [(row.balance_id, amounts[row.id]) for row, *_ in rows]
    subjects = [
        (history.Subject("sales.order", order.id, order.name, line.position), f"{lot} at {path}")
        for _, line, order, lot, path in rows
    ]
    gone = [row.id for row, *_ in rows if to_raw(row.quantity) == amounts[row.id]]
    shrunk = [(row.id, -amounts[row.id]) for row, *_ in rows if to_raw(row.quantity) != amounts[row.id]]
    history.record_all(
        session,
        [
            history.Change(subject, action, "allocation", old=f"{_text(amount)} of {place}", why=why)
            for (subject, place), (_, amount) in zip(subjects, balances, strict=True)
        ],
    )
    if gone:
        drop = delete(Allocation).where(is_one_of(session, Allocation.id, gone))
        session.execute(drop.execution_options(synchronize_session=False))
    bulk_add(session, Allocation.__table__, ("quantity",), shrunk)  # type: ignore[arg-type]
    bulk_add(session, OrderLine.__table__, ("allocated",), sorted(_sums(lines).items()))  # type: ignore[arg-type]
    unreserve(session, sorted(_sums(balances).items()))
    session.expire_all()


def _text(amount: int) -> str:
    return format_quantity(Decimal(amount) / 10_000)


def release_balance_allocations(session: Session, quantities: Mapping[int, Decimal]) -> Decimal:
    """Take so much of allocations off each balance (by id), latest in the queue first; return how much was given back.

    A line that loses supply this way keeps its place. The caller holds the products' locks.
    """
    free = (Allocation.id, Allocation.balance_id, Allocation.quantity - Allocation.packed)
    rows = unpacked_allocations(is_one_of(session, Allocation.balance_id, quantities)).with_only_columns(*free)
    held: dict[int, list[tuple[int, int]]] = {}
    for id_, balance_id, quantity in reversed(session.execute(rows.order_by(*service_order(), Allocation.id)).all()):
        held.setdefault(balance_id, []).append((id_, to_raw(quantity)))
    parts = [part for id_, parts in held.items() for part in give_back(parts, to_raw(quantities[id_]))]
    free_allocations(session, parts, action="released")
    return Decimal(sum(amount for _, amount in parts)) / 10_000


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
    rows = session.execute(
        unpacked_allocations().with_only_columns(
            Allocation.id, Allocation.quantity - Allocation.packed, OrderLine.product_id
        )
    ).all()
    if not {product_id for *_, product_id in rows} <= locked:
        raise StaleRecord
    parts = [(id_, to_raw(free)) for id_, free, _ in rows]
    free_allocations(session, parts, action="released", why="sales was disabled")


def _announce_shrinking(session: Session, line_ids: Sequence[int]) -> None:
    if line_ids:
        rows = select(OrderLine.product_id).where(OrderLine.id.in_(line_ids)).distinct()
        product_ids = tuple(sorted(session.scalars(rows)))
        publish(
            session, LinesServed(product_ids, tuple(line_ids), shrunk=tuple(line_ids), may_allocate_purchases=False)
        )


def lose_allocations(session: Session, line_id: int, quantity: Decimal, *, action: str) -> None:
    """Give back `quantity` of a line's allocations, latest lot first."""
    held = session.execute(
        unpacked_allocations(Allocation.line_id == line_id)
        .with_only_columns(Allocation.id, Allocation.quantity - Allocation.packed)
        .order_by(Lot.received_on.desc(), Lot.id.desc(), Allocation.id.desc())
    ).all()
    parts = give_back([(id_, to_raw(free)) for id_, free in held], to_raw(quantity))
    free_allocations(session, parts, action=action)


def give_up_lines(session: Session, line_ids: Sequence[int]) -> None:
    """Give back every unpacked allocation of lines that are cancelled."""
    held = session.execute(
        unpacked_allocations(Allocation.line_id.in_(line_ids)).with_only_columns(
            Allocation.id, Allocation.quantity - Allocation.packed
        )
    ).all()
    free_allocations(session, [(id_, to_raw(free)) for id_, free in held], action="released")
