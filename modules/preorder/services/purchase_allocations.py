"""Meaning incoming supply for order lines: in order of service, or by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session, joinedload

from erp import clock
from erp.db import bulk_insert, bulk_update, from_raw, is_one_of, new_ids, raw_instant, read_rows, to_raw
from erp.events import current_run, publish
from erp.options import options
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.domain import coverable_demands
from modules.preorder.errors import (
    BackordersOff,
    NotEnoughIncoming,
    NotWaiting,
    ProductsDiffer,
    SupplyOverdue,
)
from modules.preorder.events import PurchaseAllocated
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import is_open_purchase_allocation
from modules.preorder.services.dates import promise_covered_lines
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import lines_with_orders, status_by_name, unallocated_supply
from modules.procurement.services import add_allocated, set_status
from modules.sales.domain import plan_by_product
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import grow_backorders, hold_lines
from modules.sales.states import AllocationSource

Triple = tuple[int, int, int]

PURCHASE_ALLOCATION = cast(Table, PurchaseAllocation.__table__)


def allocate_incoming_supply(session: Session, scope: Scope) -> None:
    """Link unlinked backorders to open purchase order lines in order of service (automatic allocation).

    With `insufficient_supply = skip` a backorder is linked only if all of its unlinked rest can be.
    """
    if not options.preorder.auto_allocate or not options.sales.backorders:
        return
    unclaimed = read_rows(
        session, unallocated_supply(session, scope.product_ids, options.preorder.past_due_supply_days)
    )
    supplies = [(line_id, product_id, quantity) for line_id, product_id, quantity, _ in unclaimed]
    if not supplies:
        return
    stocked = {product_id for _, product_id, _ in supplies}
    demands = queries.uncovered_backorders(session, Scope(tuple(sorted(stocked)), scope.line_ids))
    if options.preorder.insufficient_supply == "skip":
        demands = _coverable_by_product(demands, supplies)
    write_purchase_allocations(session, plan_by_product(demands, supplies), AllocationSource.automatic)


def _coverable_by_product(demands: Iterable[Triple], supplies: Iterable[Triple]) -> list[Triple]:
    left: dict[int, int] = {}
    for _, product_id, quantity in supplies:
        left[product_id] = left.get(product_id, 0) + quantity
    queues: dict[int, list[tuple[int, int]]] = {}
    for line_id, product_id, remainder in demands:
        queues.setdefault(product_id, []).append((line_id, remainder))
    return [
        (line_id, product_id, remainder)
        for product_id, queue in queues.items()
        for line_id, remainder in coverable_demands(queue, left.get(product_id, 0))
    ]


def write_purchase_allocations(session: Session, grants: Sequence[Triple], source: AllocationSource) -> None:
    """Write (line, purchase line, raw quantity) links: an open link of the pair grows, others are new.

    Purchase lines count them as allocated, lines without a status get the default one, and the news is published last.
    """
    if not grants:
        return
    existing = _open_pairs(session, [(line_id, purchase_id) for line_id, purchase_id, _ in grants])
    grown = [(existing[line, purchase], amount) for line, purchase, amount in grants if (line, purchase) in existing]
    new = [grant for grant in grants if (grant[0], grant[1]) not in existing]
    add_allocated(session, [(purchase_id, amount) for _, purchase_id, amount in grants])
    sets = {"quantity": "quantity + {amount}"} | ({"source": "'by_hand'"} if source is AllocationSource.by_hand else {})
    bulk_update(session, PURCHASE_ALLOCATION, sets, {"amount": "bigint"}, grown)
    purchase_allocation_ids = _insert(session, new, source)
    session.expire_all()
    _give_default_status(session, sorted({purchase_id for _, purchase_id, _ in new}))
    if purchase_allocation_ids:
        publish(session, PurchaseAllocated(tuple(purchase_allocation_ids)))


def _open_pairs(session: Session, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    of_lines = is_one_of(session, PurchaseAllocation.purchase_line_id, {purchase_id for _, purchase_id in pairs})
    rows = read_rows(
        session,
        select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id, PurchaseAllocation.id).where(
            is_open_purchase_allocation(), of_lines
        ),
    )
    return {(line_id, purchase_id): id_ for line_id, purchase_id, id_ in rows}


def _insert(session: Session, grants: Sequence[Triple], source: AllocationSource) -> list[int]:
    if not grants:
        return []
    run = current_run(session)
    signed = (0, source.value, run.id(session), run.user_name, raw_instant(clock.now()))
    ids = new_ids(session, PURCHASE_ALLOCATION, len(grants))
    columns = (
        "id",
        "line_id",
        "purchase_line_id",
        "quantity",
        "received",
        "source",
        "run_id",
        "user_name",
        "created_at",
    )
    bulk_insert(
        session, PURCHASE_ALLOCATION, columns, [(id_, *grant, *signed) for id_, grant in zip(ids, grants, strict=True)]
    )
    return ids


def _give_default_status(session: Session, purchase_line_ids: Sequence[int]) -> None:
    status = status_by_name(session, options.preorder.default_line_status) if purchase_line_ids else None
    if status is None:
        return
    bare = select(PurchaseOrderLine.id).where(
        is_one_of(session, PurchaseOrderLine.id, purchase_line_ids), PurchaseOrderLine.status_id.is_(None)
    )
    if line_ids := list(session.scalars(bare.order_by(PurchaseOrderLine.id))):
        set_status(session, line_ids, status.id, is_default=True)


def allocate_by_hand(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Link chosen quantities of (sales order line, purchase order line) pairs, whoever else waits; a door.

    The backorder rows are first made or grown to the uncovered need; a hold is cleared. Raises BackordersOff,
    ProductsDiffer, BadQuantity, SupplyOverdue, NotEnoughIncoming and NotWaiting, and changes nothing then.
    """
    if not options.sales.backorders:
        raise BackordersOff
    line_ids = sorted({line_id for line_id, _ in amounts})
    products = select(OrderLine.product_id).where(is_one_of(session, OrderLine.id, line_ids)).distinct()
    product_ids = list(session.scalars(products))
    lock_products(session, product_ids)
    scope = Scope(tuple(sorted(product_ids)), tuple(line_ids))
    hold_lines(session, line_ids, False)
    grow_backorders(session, line_ids)
    _check_pairs(session, amounts)
    _check_supply(session, scope, amounts)
    _check_demand(session, scope, amounts)
    grants = [(line_id, purchase_id, to_raw(quantity)) for (line_id, purchase_id), quantity in amounts.items()]
    write_purchase_allocations(session, grants, AllocationSource.by_hand)
    promise_covered_lines(session, scope)


def _check_pairs(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Refuse pairs of different products and quantities that the product is not counted in."""
    for (line, purchase), quantity in zip(_loaded(session, amounts), amounts.values(), strict=True):
        if line.product_id != purchase.product_id:
            raise ProductsDiffer(line=str(line), purchase_line=str(purchase))
        check_quantity(quantity, line.product.unit_decimals, what=f"{line}, {line.product.sku}")


def _loaded(session: Session, pairs: Iterable[tuple[int, int]]) -> list[tuple[OrderLine, PurchaseOrderLine]]:
    """Return the lines of these pairs in one query a side, with the orders that refusals name."""
    wanted = list(pairs)
    of_sales = (
        select(OrderLine)
        .where(is_one_of(session, OrderLine.id, {line_id for line_id, _ in wanted}))
        .options(joinedload(OrderLine.order), joinedload(OrderLine.product))
    )
    lines = {line.id: line for line in session.scalars(of_sales)}
    purchases = {line.id: line for line in session.scalars(lines_with_orders(session, {id_ for _, id_ in wanted}))}
    return [(lines[line_id], purchases[purchase_id]) for line_id, purchase_id in wanted]


def _check_supply(session: Session, scope: Scope, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    days = options.preorder.past_due_supply_days
    offered = {row[0]: from_raw(row[2]) for row in session.execute(unallocated_supply(session, scope.product_ids))}
    may_be_allocated = {row[0] for row in session.execute(unallocated_supply(session, scope.product_ids, days))}
    wanted = _summed((purchase_id, quantity) for (_, purchase_id), quantity in amounts.items())
    for purchase_id, quantity in wanted.items():
        available = offered.get(purchase_id, Decimal(0))
        if quantity > available:
            name = str(session.get_one(PurchaseOrderLine, purchase_id))
            raise NotEnoughIncoming(purchase_line=name, available=available, wanted=quantity)
        if purchase_id not in may_be_allocated:
            raise SupplyOverdue(purchase_line=str(session.get_one(PurchaseOrderLine, purchase_id)), days=days)


def _check_demand(session: Session, scope: Scope, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    waiting = {line_id: from_raw(remainder) for line_id, _, remainder in queries.uncovered_backorders(session, scope)}
    for line_id, quantity in _summed((line_id, quantity) for (line_id, _), quantity in amounts.items()).items():
        remainder = waiting.get(line_id, Decimal(0))
        if quantity > remainder:
            raise NotWaiting(line=str(session.get_one(OrderLine, line_id)), waiting=remainder, wanted=quantity)


def _summed(parts: Iterable[tuple[int, Decimal]]) -> dict[int, Decimal]:
    sums: dict[int, Decimal] = {}
    for id_, quantity in parts:
        sums[id_] = sums.get(id_, Decimal(0)) + quantity
    return sums
