"""What every deed begins and ends with: locks before anything is decided, the order's state and the news after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from erp.errors import StaleRecord
from erp.events import publish
from modules.inventory_lots.services import lock_products
from modules.procurement.domain import Figures, action_after
from modules.procurement.events import SupplyChanged
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import lines_with_orders
from modules.procurement.states import PURCHASE_ORDER, PurchaseState


def lock_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Lock the products, then the orders of these lines; return the lines as they are now, in id order."""
    wanted = set(line_ids)
    line = PurchaseOrderLine
    known = session.execute(select(line.product_id, line.order_id).where(line.id.in_(wanted))).all()
    products = {product_id for product_id, _ in known}
    lock_products(session, products)
    _lock_orders(session, {order_id for _, order_id in known})
    lines = fresh_lines(session, wanted)
    if len(lines) < len(wanted) or any(found.product_id not in products for found in lines):
        raise StaleRecord
    return lines


def lock_order(session: Session, order: PurchaseOrder, more_products: Iterable[int] = ()) -> PurchaseOrder:
    """Lock the products of an order's lines and `more_products`, then the order; return it as it is now."""
    order_id = order.id
    of_lines = select(PurchaseOrderLine.product_id).where(PurchaseOrderLine.order_id == order_id)
    products = {*session.scalars(of_lines), *more_products}
    lock_products(session, products)
    _lock_orders(session, {order_id})
    found = fresh_order(session, order_id)
    if found is None or any(line.product_id not in products for line in found.lines):
        raise StaleRecord
    return found


def _lock_orders(session: Session, order_ids: set[int]) -> None:
    # The state of an order is decided on all its lines: two receipts of different products must not miss each other.
    rows = select(PurchaseOrder).where(PurchaseOrder.id.in_(order_ids)).order_by(PurchaseOrder.id)
    session.flush()
    session.scalars(rows.with_for_update(), execution_options={"populate_existing": True}).all()


def fresh_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Return the lines with their orders and products in one statement, whatever the session has forgotten of them."""
    session.flush()
    return list(session.scalars(lines_with_orders(line_ids), execution_options={"populate_existing": True}))


def fresh_order(session: Session, order_id: int) -> PurchaseOrder | None:
    """Return the order with its lines and their products, whatever the session has forgotten of them."""
    session.flush()
    lines = selectinload(PurchaseOrder.lines).joinedload(PurchaseOrderLine.product)
    order = select(PurchaseOrder).where(PurchaseOrder.id == order_id).options(lines)
    return session.scalar(order, execution_options={"populate_existing": True})


def figures(line: PurchaseOrderLine) -> Figures:
    """Return a line's quantities for the rules to judge."""
    return Figures(line.quantity, line.received, line.cancelled, line.allocated)


def settle(session: Session, order_ids: Iterable[int]) -> None:
    """Give orders the state that the figures of their lines call for; a draft stays one."""
    session.flush()
    by_order = _figures_by_order(session, set(order_ids))
    orders = select(PurchaseOrder).where(PurchaseOrder.id.in_(by_order), PurchaseOrder.state != PurchaseState.draft)
    for order in session.scalars(orders.order_by(PurchaseOrder.id)):
        action = action_after(by_order[order.id])
        if action and order.state != PurchaseState.cancelled:
            order.state = PURCHASE_ORDER.next(order.state, action)
    session.flush()


def _figures_by_order(session: Session, order_ids: set[int]) -> dict[int, list[Figures]]:
    line = PurchaseOrderLine
    rows = select(line.order_id, line.quantity, line.received, line.cancelled).where(line.order_id.in_(order_ids))
    by_order: dict[int, list[Figures]] = defaultdict(list)
    for order_id, *quantities in session.execute(rows):
        by_order[order_id].append(Figures(*quantities))
    return by_order


def announce_supply(session: Session, product_ids: Iterable[int]) -> None:
    """Tell whoever claims supply that there is more or less of it, once for the whole deed."""
    changed: Sequence[int] = sorted(set(product_ids))
    if changed:
        publish(session, SupplyChanged(tuple(changed)))
