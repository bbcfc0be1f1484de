"""Allocating purchase order lines to sales order lines by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import from_raw, is_one_of, to_raw
from erp.numbers import sums
from erp.options import options
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import BackordersOff, NotEnoughIncoming, NotWaiting, ProductsDiffer, SupplyOverdue
from modules.preorder.services.promise_dates import expectations, promise_in_scope, sync_moved
from modules.preorder.services.purchase_allocations import Reservation, write_purchase_allocations
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import lines_with_orders, unallocated_supply
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import grow_backorders, hold_lines
from modules.sales.states import AllocationSource


def allocate_by_hand(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Allocate chosen quantities by (sales order line id, purchase order line id), ahead of the queue.

    Locks the products. The holds of the sales order lines are cleared, and their backorder rows are made or grown to
    the uncovered need first. Promise dates follow where `[preorder] sync_dates` is `auto`. Raises BackordersOff,
    ProductsDiffer, BadQuantity, SupplyOverdue, NotEnoughIncoming and NotWaiting; the caller rolls back then.
    """
    if not options.sales.backorders:
        raise BackordersOff
    line_ids = sorted({line_id for line_id, _ in amounts})
    products = select(OrderLine.product_id).where(is_one_of(session, OrderLine.id, line_ids)).distinct()
    product_ids = sorted(session.scalars(products))
    lock_products(session, product_ids)
    hold_lines(session, line_ids, False)
    grow_backorders(session, line_ids)
    scope = Scope(tuple(product_ids), tuple(line_ids))
    _check_pairs(session, amounts)
    _check_supply(session, product_ids, sums((id_, quantity) for (_, id_), quantity in amounts.items()))
    _check_demand(session, scope, sums((id_, quantity) for (id_, _), quantity in amounts.items()))
    before = expectations(session, line_ids)
    reservations = [Reservation(*pair, to_raw(quantity)) for pair, quantity in amounts.items()]
    write_purchase_allocations(session, reservations, AllocationSource.manual)
    promise_in_scope(session, scope)
    sync_moved(session, before, why="allocated by hand")


def _check_pairs(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Refuse pairs of different products, and quantities that are none of the product."""
    chosen = is_one_of(session, OrderLine.id, {line_id for line_id, _ in amounts})
    loads = (joinedload(OrderLine.order), joinedload(OrderLine.product))
    lines = {line.id: line for line in session.scalars(select(OrderLine).where(chosen).options(*loads))}
    found = session.scalars(lines_with_orders(session, {purchase_line_id for _, purchase_line_id in amounts}))
    purchase_lines = {line.id: line for line in found}
    for (line_id, purchase_line_id), quantity in amounts.items():
        line, purchase_line = lines[line_id], purchase_lines[purchase_line_id]
        if line.product_id != purchase_line.product_id:
            raise ProductsDiffer(line=str(line), purchase_line=str(purchase_line))
        check_quantity(quantity, line.product.unit_decimals, what=f"{line}, {line.product.sku}")


def _check_supply(session: Session, product_ids: Collection[int], wanted: Mapping[int, Decimal]) -> None:
    """Refuse more of a purchase order line than is available, and any of one that is overdue for too long."""
    rows = session.execute(unallocated_supply(session, product_ids))
    available = {line_id: (from_raw(quantity), expected_on) for line_id, _, quantity, expected_on in rows}
    for purchase_line_id, quantity in wanted.items():
        left, expected_on = available.get(purchase_line_id, (Decimal(0), None))
        if quantity > left:
            name = str(session.get_one(PurchaseOrderLine, purchase_line_id))
            raise NotEnoughIncoming(purchase_line=name, available=left, wanted=quantity)
        if queries.is_overdue_too_long(expected_on):
            name = str(session.get_one(PurchaseOrderLine, purchase_line_id))
            raise SupplyOverdue(purchase_line=name, days=options.preorder.past_due_supply_days)


def _check_demand(session: Session, scope: Scope, wanted: Mapping[int, Decimal]) -> None:
    """Refuse more for a sales order line than neither stock nor purchase orders cover."""
    uncovered = {each.line_id: from_raw(each.quantity) for each in queries.uncovered_backorders(session, scope)}
    for line_id, quantity in wanted.items():
        waiting = uncovered.get(line_id, Decimal(0))
        if quantity > waiting:
            raise NotWaiting(line=str(session.get_one(OrderLine, line_id)), waiting=waiting, wanted=quantity)
