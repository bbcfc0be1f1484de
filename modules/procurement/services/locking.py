"""What every deed begins and ends with: locks before anything is decided, the order's state and the news after."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from sqlalchemy import Table, select, update
from sqlalchemy.orm import Session, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import is_one_of
from erp.errors import StaleRecord
from erp.events import publish
from erp.history import Change, record_all
from modules.inventory_lots.services import lock_products
from modules.procurement.domain import LineQuantities, action_after
from modules.procurement.events import SupplyChanged
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import SUPPLY_STATES, lines_with_orders
from modules.procurement.states import PURCHASE_ORDER, PurchaseState

ORDER = cast(Table, PurchaseOrder.__table__)
LINE = cast(Table, PurchaseOrderLine.__table__)
FRESH = {"populate_existing": True}


def lock_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Lock the products of these lines; return the lines as they are now, in id order."""
    wanted = set(line_ids)
    of_lines = select(PurchaseOrderLine.product_id).where(is_one_of(session, PurchaseOrderLine.id, wanted)).distinct()
    products = set(session.scalars(of_lines))
    lock_products(session, products)
    lines = fresh_lines(session, wanted)
    if len(lines) < len(wanted) or any(found.product_id not in products for found in lines):
        raise StaleRecord
    return lines


def lock_lines_and_orders(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Lock the products, then the orders of these lines, whose state is to be decided; return the lines."""
    lines = lock_lines(session, line_ids)
    _lock_orders(session, {line.order_id for line in lines})
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
    session.flush()
    rows = select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, order_ids)).order_by(PurchaseOrder.id)
    session.scalars(rows.with_for_update(), execution_options=FRESH).all()


def fresh_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Return the lines in id order with their orders and products, whatever the session has forgotten of them."""
    session.flush()
    return list(session.scalars(lines_with_orders(session, set(line_ids)), execution_options=FRESH))


def fresh_order(session: Session, order_id: int) -> PurchaseOrder | None:
    """Return the order with its lines and their products, whatever the session has forgotten of them."""
    session.flush()
    lines = selectinload(PurchaseOrder.lines).joinedload(PurchaseOrderLine.product)
    order = select(PurchaseOrder).where(PurchaseOrder.id == order_id).options(lines)
    return session.scalar(order, execution_options=FRESH)


def count_up(session: Session, lines: Iterable[PurchaseOrderLine]) -> None:
    """Count up the orders of locked lines that a deed is about to change, so that their open forms become stale.

    Only for deeds that write lines and not their orders: the form's own save counts by itself.
    """
    orders = {line.order for line in lines}
    if not orders:
        return
    of_lines = is_one_of(session, ORDER.c.id, {order.id for order in orders})
    in_order = select(ORDER.c.id).where(of_lines).order_by(ORDER.c.id).with_for_update()
    session.execute(update(ORDER).where(ORDER.c.id.in_(in_order)).values(row_version=ORDER.c.row_version + 1))
    for order in orders:
        session.expire(order, ["row_version"])


def line_quantities(line: PurchaseOrderLine) -> LineQuantities:
    """Return a line's quantities for the rules to judge."""
    return LineQuantities(line.quantity, line.received, line.cancelled, line.allocated)


def settle(session: Session, order_ids: Iterable[int]) -> None:
    """Give orders the state that the figures of their lines call for, if anything was on its way."""
    session.flush()
    wanted = set(order_ids)
    by_order = _quantities_by_order(session, wanted)
    on_their_way = is_one_of(session, PurchaseOrder.id, wanted), PurchaseOrder.state.in_(SUPPLY_STATES)
    moves = {}
    for order in session.scalars(select(PurchaseOrder).where(*on_their_way).order_by(PurchaseOrder.id)):
        action = action_after(by_order[order.id])
        state = PURCHASE_ORDER.next(order.state, action) if action else order.state
        if state != order.state:
            moves[order] = state
    _move(session, moves)


def _move(session: Session, moves: Mapping[PurchaseOrder, PurchaseState]) -> None:
    """Write new states with their history, in a statement a state instead of one an order."""
    record_all(
        session,
        [Change(order.history_subject(), "changed", "state", order.state, state) for order, state in moves.items()],
    )
    for state in sorted(set(moves.values())):
        ids = [order.id for order, wanted in moves.items() if wanted == state]
        session.execute(
            update(ORDER)
            .where(is_one_of(session, ORDER.c.id, ids))
            .values(state=state, row_version=ORDER.c.row_version + 1)
        )
    for order, state in moves.items():
        set_committed_value(order, "state", state)
        set_committed_value(order, "row_version", order.row_version + 1)


def _quantities_by_order(session: Session, order_ids: Iterable[int]) -> dict[int, list[LineQuantities]]:
    line = PurchaseOrderLine
    rows = select(line.order_id, line.quantity, line.received, line.cancelled)
    rows = rows.where(is_one_of(session, line.order_id, order_ids))
    by_order: dict[int, list[LineQuantities]] = defaultdict(list)
    for order_id, *quantities in session.execute(rows):
        by_order[order_id].append(LineQuantities(*quantities))
    return by_order


def announce_supply(session: Session, product_ids: Iterable[int]) -> None:
    """Tell whoever claims supply that there is more or less of it, once for the whole deed."""
    changed: Sequence[int] = sorted(set(product_ids))
    if changed:
        publish(session, SupplyChanged(tuple(changed)))
