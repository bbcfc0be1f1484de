"""Allocating purchase order lines to sales order lines by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import from_raw, is_one_of, to_raw
from erp.errors import ErpError, StaleRecord
from erp.events import current_run
from erp.numbers import sums
from erp.options import options
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import BackordersOff, NotEnoughIncoming, NotWaiting, ProductsDiffer, SupplyOverdue
from modules.preorder.events import Pair
from modules.preorder.services.promise_dates import expectations, promise_in_scope, sync_moved
from modules.preorder.services.purchase_allocations import Reservation, write_chosen
from modules.procurement.queries import lines_with_orders, unallocated_supply
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import grow_backorders, hold_lines
from modules.sales.states import AllocationSource


def allocate_by_hand(session: Session, amounts: Mapping[tuple[int, int], Decimal]) -> None:
    """Allocate chosen quantities by (sales order line id, purchase order line id), ahead of the queue.

    Locks the products. The holds of the sales order lines are cleared, and their backorder rows are made or grown to
    the uncovered need first. Promise dates follow where `[preorder] sync_dates` is `auto`. Raises BackordersOff,
    ProductsDiffer, BadQuantity, SupplyOverdue, NotEnoughIncoming, NotWaiting and StaleRecord; the caller rolls back.
    """
    scope = _lock(session, {line_id for line_id, _ in amounts})
    _open_lines(session, scope)
    for refusal in _refusals(session, scope, list(amounts.items())).values():
        raise refusal
    before = expectations(session, scope.line_ids or ())
    reservations = [Reservation(*pair, to_raw(quantity)) for pair, quantity in amounts.items()]
    write_chosen(session, reservations, AllocationSource.manual)
    promise_in_scope(session, scope)
    sync_moved(session, before, why="allocated by hand")


def allocate_many_by_hand(session: Session, wanted: Sequence[tuple[Pair, Decimal]]) -> dict[int, ErpError]:
    """Allocate quantities as `allocate_by_hand` does, each as far as it can be, in a fixed number of statements.

    Returns why others are refused, by position; their lines stay as they are. Raises BackordersOff.
    """
    scope = _lock(session, {line_id for (line_id, _), _ in wanted})
    current_run(session).id(session)  # written here, as what is tried is undone
    trial = session.begin_nested()
    _open_lines(session, scope)
    refused = _refusals(session, scope, wanted)
    trial.rollback()
    session.expire_all()
    accepted: dict[tuple[int, int], Decimal] = sums(each for place, each in enumerate(wanted) if place not in refused)
    if accepted:
        allocate_by_hand(session, accepted)
    return refused


def _lock(session: Session, line_ids: Collection[int]) -> Scope:
    """Lock the products of sales order lines; return what is allocated to. Raises BackordersOff."""
    if not options.sales.backorders:
        raise BackordersOff
    products = select(OrderLine.product_id).where(is_one_of(session, OrderLine.id, line_ids)).distinct()
    product_ids = sorted(session.scalars(products))
    lock_products(session, product_ids)
    return Scope(tuple(product_ids), tuple(sorted(line_ids)))


def _open_lines(session: Session, scope: Scope) -> None:
    """Clear the holds of the lines, and let their backorders be all that stock does not cover."""
    line_ids = scope.line_ids or ()
    hold_lines(session, line_ids, False)
    grow_backorders(session, line_ids)


def _refusals(session: Session, scope: Scope, wanted: Sequence[tuple[tuple[int, int], Decimal]]) -> dict[int, ErpError]:
    """Return why quantities of pairs are refused, by position; those before them that are not come first."""
    left = _Left(session, scope, [purchase_line_id for (_, purchase_line_id), _ in wanted])
    refusals: dict[int, ErpError] = {}
    for place, (pair, quantity) in enumerate(wanted):
        try:
            left.take(*pair, quantity)
        except ErpError as refusal:
            refusals[place] = refusal
    return refusals


class _Left:
    """What purchase order lines have available and sales order lines need, and what was taken of it for the others."""

    def __init__(self, session: Session, scope: Scope, purchase_line_ids: Collection[int]) -> None:
        chosen = is_one_of(session, OrderLine.id, scope.line_ids or ())
        loads = (joinedload(OrderLine.order), joinedload(OrderLine.product))
        self.lines = {line.id: line for line in session.scalars(select(OrderLine).where(chosen).options(*loads))}
        found = session.scalars(lines_with_orders(session, set(purchase_line_ids)))
        self.purchase_lines = {line.id: line for line in found}
        rows = session.execute(unallocated_supply(session, scope.product_ids))
        self.supply = {line_id: from_raw(quantity) for line_id, _, quantity, _ in rows}
        self.need = {each.line_id: from_raw(each.quantity) for each in queries.uncovered_backorders(session, scope)}
        self.supplied: dict[int, Decimal] = {}
        self.served: dict[int, Decimal] = {}

    def take(self, line_id: int, purchase_line_id: int, quantity: Decimal) -> None:
        """Take a quantity of a purchase order line for a sales order line; raise what `allocate_by_hand` raises."""
        line, purchase_line = self.lines.get(line_id), self.purchase_lines.get(purchase_line_id)
        if line is None or purchase_line is None:  # somebody has just deleted it
            raise StaleRecord
        if line.product_id != purchase_line.product_id:
            raise ProductsDiffer(line=str(line), purchase_line=str(purchase_line))
        check_quantity(quantity, line.product.unit_decimals, what=f"{line}, {line.product.sku}")
        supplied = self.supplied.get(purchase_line_id, Decimal(0)) + quantity
        available = self.supply.get(purchase_line_id, Decimal(0))
        if supplied > available:
            raise NotEnoughIncoming(purchase_line=str(purchase_line), available=available, wanted=supplied)
        if queries.is_overdue_too_long(purchase_line.expected_on):
            raise SupplyOverdue(purchase_line=str(purchase_line), days=options.preorder.past_due_supply_days)
        served = self.served.get(line_id, Decimal(0)) + quantity
        waiting = self.need.get(line_id, Decimal(0))
        if served > waiting:
            raise NotWaiting(line=str(line), waiting=waiting, wanted=served)
        self.supplied[purchase_line_id], self.served[line_id] = supplied, served
