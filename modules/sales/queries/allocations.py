"""Allocations: what order lines have reserved on which balances, and what a run did for an order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Select, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.sql.elements import SQLCoreOperations

from erp import clock
from erp.db import format_quantity, given, is_among, is_one_of, raw, read_prepared, total
from erp.models import RunEntry
from erp.options import options
from erp.text import joined, named, say
from modules.inventory_lots.hooks import BalanceAllocation
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.queries import removal_order, unusable_column, usable_first
from modules.inventory_lots.states import Tracking
from modules.sales.hooks import SupplyNote
from modules.sales.models import Allocation, Customer, Order, OrderLine
from modules.sales.queries.backorders import backordered
from modules.sales.queries.lines import select_lines
from modules.sales.queries.purchase_allocations import purchase_allocations_of
from modules.sales.queries.quotes import quoted_on_balances
from modules.sales.queries.scheduled import why_scheduled
from modules.sales.queries.service_order import service_order


def select_allocations(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Select columns of allocations, with line, order, product, balance, lot and location joined."""
    rows = select_lines(*columns, through=Allocation.line)
    return rows.join(Allocation.balance).join(Balance.lot).join(Balance.location)


def select_unpacked(*columns: Any) -> Select[*tuple[Any, ...]]:
    """Select columns of the allocations of which something is unpacked, joined as `select_allocations` does."""
    return select_allocations(*columns).where(Allocation.is_unpacked)


class Reserved(NamedTuple):
    """An allocation in raw quantities, and how history names it."""

    id: int
    line_id: int
    balance_id: int
    quantity: int
    packed: int
    order_id: int
    order: str
    position: int
    lot: str
    location: str


def reserved(session: Session, allocation_ids: Collection[int]) -> list[Reserved]:
    """Return allocations by their ids, in the order of these."""
    return [Reserved._make(row) for row in read_prepared(session, _reserved, False, ids=allocation_ids)]


def reserved_for_order(session: Session, order_id: int) -> list[Reserved]:
    """Return the allocations of an order of which something is unpacked, by id."""
    return [Reserved._make(row) for row in read_prepared(session, _reserved, True, order_id=order_id)]


def _reserved(session: Session, of_order: bool) -> Select[*tuple[Any, ...]]:
    rows = select_allocations(
        *(Allocation.id, Allocation.line_id, Allocation.balance_id, raw(Allocation.quantity), raw(Allocation.packed)),
        *(OrderLine.order_id, Order.number, OrderLine.position, Lot.number, Location.path),
    ).order_by(Allocation.id)
    if of_order:
        return rows.where(OrderLine.order_id == given("order_id", BigInteger()), Allocation.is_unpacked)
    return rows.where(is_among(session, Allocation.id, "ids"))


def run_order(session: Session) -> tuple[ColumnElement[Any], ...]:
    """Return the columns that put allocations in the order in which a run takes them.

    Those on stock that may not leave are last, because no run would take them. Given back is in the exact reverse.
    """
    return (usable_first(), *service_order(session), *removal_order(), Allocation.id.asc())


def allocations_on_balances(session: Session, balance_ids: Sequence[int]) -> list[BalanceAllocation]:
    """Answer which orders have how much of these balances, in the order of a run, then quotes, which lose first."""
    return _on_balances(session, Allocation.is_unpacked, balance_ids) + quoted_on_balances(session, balance_ids)


def allocations_of_run(session: Session, balance_ids: Collection[int], run_id: int) -> list[BalanceAllocation]:
    """Answer which orders got how much of these balances in a run, first in the queue first."""
    return _on_balances(session, Allocation.run_id == run_id, balance_ids)


def _on_balances(
    session: Session, condition: SQLCoreOperations[bool], balance_ids: Collection[int]
) -> list[BalanceAllocation]:
    rows = select_allocations(Allocation.balance_id, Order.number, Order.id, Allocation.unpacked, Customer.name)
    rows = rows.join(Order.customer).where(condition, is_one_of(session, Allocation.balance_id, balance_ids))
    return [
        BalanceAllocation(balance_id, number or "", quantity, url=f"/sales/orders/{order_id}/", customer=customer)
        for balance_id, number, order_id, quantity, customer in session.execute(rows.order_by(*run_order(session)))
    ]


def allocation_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return an order's allocation lines, packed ones too, with lot, location and why they may not leave."""
    return session.execute(_allocation_rows(OrderLine.order_id == order_id)).all()


def removable_rows(session: Session, order_id: int) -> Sequence[Any]:
    """Return those of an order's allocation lines of which something is not packed."""
    return session.execute(_allocation_rows(OrderLine.order_id == order_id, Allocation.is_unpacked)).all()


def allocated_in_run(session: Session, order_id: int, run_id: int | None) -> dict[int, list[Any]]:
    """Return what one run allocated to an order, by line id."""
    if run_id is None:
        return {}
    found: dict[int, list[Any]] = {}
    for row in session.execute(_allocation_rows(OrderLine.order_id == order_id, Allocation.run_id == run_id)):
        found.setdefault(row.line_id, []).append(row)
    return found


def _allocation_rows(*conditions: SQLCoreOperations[bool]) -> Select[*tuple[Any, ...]]:
    columns = (
        Allocation.id,
        Allocation.line_id,
        OrderLine.position,
        Product.sku,
        Product.name,
        Lot.id.label("lot_id"),
        Lot.number.label("lot"),
        Location.path.label("location"),
        Allocation.quantity,
        Allocation.packed,
        Allocation.unpacked.label("unpacked"),
        Allocation.source,
        Allocation.user_name,
        Allocation.created_at,
        RunEntry.kind.label("run_kind"),
        RunEntry.name.label("run_name"),
        unusable_column(clock.today()).label("why_unusable"),
    )
    rows = select_allocations(*columns).join(RunEntry, RunEntry.id == Allocation.run_id)
    return rows.where(*conditions).order_by(OrderLine.position, Allocation.id)


@dataclass(frozen=True)
class StockSummary:
    """What is in stock of one product: free to allocate, allocated, and unusable by reason."""

    available: Decimal = Decimal(0)
    allocated: Decimal = Decimal(0)
    unusable: Mapping[str, Decimal] | None = None


def stock_of(session: Session, product_ids: Iterable[int]) -> dict[int, StockSummary]:
    """Return what is in stock of each product that has any."""
    # Grouped by name: on PostgreSQL the same expression twice has two sets of parameters, so it is not the same.
    rows = session.execute(
        select(
            Balance.product_id,
            unusable_column(clock.today()).label("why"),
            total(Balance.unallocated),
            total(Balance.allocated),
        )
        .join(Balance.lot)
        .join(Balance.location)
        .where(Balance.product_id.in_(list(product_ids)), Balance.has_stock)
        .group_by(Balance.product_id, "why")
    )
    found: dict[int, StockSummary] = {}
    for product_id, why, free, allocated in rows:
        before = found.get(product_id, StockSummary())
        unusable = dict(before.unusable or {}) | ({why: free} if why and free else {})
        available = before.available + (free if not why else Decimal(0))
        found[product_id] = StockSummary(available, before.allocated + allocated, unusable)
    return found


@dataclass(frozen=True)
class LineResult:
    """What a run did for one line: `taken` are its allocations, `why` says why stock does not cover all of it."""

    line_id: int
    position: int
    product: str
    open_quantity: Decimal
    allocated: Decimal
    taken: Sequence[Any]
    backordered: Decimal
    purchase_allocations: Sequence[SupplyNote]
    why: str


def allocation_results(session: Session, order_id: int, run_id: int | None) -> list[LineResult]:
    """Return what a run did for each line of an order that is still open or got something."""
    rows = select(OrderLine).where(OrderLine.order_id == order_id).order_by(OrderLine.position)
    lines = session.scalars(rows.options(joinedload(OrderLine.product))).all()
    ids = [line.id for line in lines]
    taken = allocated_in_run(session, order_id, run_id)
    waiting = backordered(session, ids)
    purchase_allocations = purchase_allocations_of(session, ids)
    stock = stock_of(session, {line.product_id for line in lines})
    return [
        _result(
            line,
            taken=taken.get(line.id, []),
            waiting=waiting.get(line.id, Decimal(0)),
            purchase_allocations=purchase_allocations.get(line.id, []),
            stock=stock.get(line.product_id, StockSummary()),
        )
        for line in lines
        if line.is_open or line.id in taken
    ]


def _result(
    line: OrderLine,
    *,
    taken: Sequence[Any],
    waiting: Decimal,
    purchase_allocations: Sequence[SupplyNote],
    stock: StockSummary,
) -> LineResult:
    return LineResult(
        line_id=line.id,
        position=line.position,
        product=str(line.product),
        open_quantity=line.open_quantity,
        allocated=line.allocated,
        taken=taken,
        backordered=waiting,
        purchase_allocations=purchase_allocations,
        why=_why(line, waiting, stock),
    )


def _why(line: OrderLine, waiting: Decimal, stock: StockSummary) -> str:
    """Return why stock does not cover all of a line; empty where it does."""
    if not line.has_need:
        return ""
    if line.product.tracking is Tracking.serial:
        return say("Serial numbers are not allocated: they are asked for when the order is packed.")
    if scheduled := why_scheduled(line):
        return scheduled if stock.available else joined((_shortage(stock), scheduled))
    if options.sales.backorders or waiting >= line.need:
        return _shortage(stock)
    return say("{stock} Backorders are switched off, so the shortage is not written down.", stock=_shortage(stock))


def _shortage(stock: StockSummary) -> str:
    parts: list[str] = (
        [say("{allocated} allocated to orders", allocated=format_quantity(stock.allocated))] if stock.allocated else []
    )
    parts += [joined((format_quantity(free), named(why))) for why, free in sorted((stock.unusable or {}).items())]
    if stock.available:
        return say("{available} are free and wait for the next run.", available=format_quantity(stock.available))
    if not parts:
        return say("There is no stock of it.")
    return say("No usable stock is left: {parts}.", parts=joined(parts, ", "))
