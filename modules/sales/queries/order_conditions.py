"""How far orders are, as conditions in SQL: they say what `fulfilment` and the work lists say of the same rows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, false, not_, or_, select
from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import usable_condition, with_lot_and_location
from modules.inventory_lots.states import Tracking
from modules.sales.hooks import covered_condition, staying_condition
from modules.sales.models import Allocation, Order, OrderLine, Pack
from modules.sales.queries.queue import is_scheduled, last_served_day
from modules.sales.states import Fulfilment, OrderState, ShippingPolicy


def has_line(*conditions: Any) -> ColumnElement[bool]:
    """Return the condition on an order that a line of it meets conditions.

    It is looked up for each order: without an offset PostgreSQL joins all lines there are, for a page of orders.
    """
    rows = select(OrderLine.id).where(OrderLine.order_id == Order.id, *conditions).offset(0)
    return rows.correlate(Order).exists()


def is_in_confirmed_order() -> ColumnElement[bool]:
    """Return the condition on an order line alone that its order is confirmed.

    It is looked up for each line: PostgreSQL would join orders to lines, and read all orders that are done.
    """
    state = select(Order.state).where(Order.id == OrderLine.order_id).correlate(OrderLine).scalar_subquery()
    return and_(state == OrderState.confirmed)


def is_covered_by_incoming(session: Session) -> ColumnElement[bool]:
    """Return the condition on an order line that something of it is on a purchase order."""
    return or_(false(), *covered_condition(session))


def has_fulfilment(session: Session, state: Fulfilment) -> ColumnElement[bool]:
    """Return the condition on an order, drafts left out, that it is so far; one without lines is nowhere."""
    if state is Fulfilment.scheduled and last_served_day() is None:
        return false()
    is_open, is_packed = has_line(OrderLine.is_open), has_line(OrderLine.packed > Decimal(0))
    is_allocated, needs = has_line(OrderLine.allocated > Decimal(0)), has_line(OrderLine.has_need)
    waits = and_(is_open, not_(is_packed), not_(is_allocated))
    now = has_line(OrderLine.is_open, or_(not_(is_scheduled()), is_covered_by_incoming(session)))
    conditions = {
        Fulfilment.cancelled: and_(not_(is_open), not_(is_packed), has_line()),
        Fulfilment.packed: and_(not_(is_open), is_packed),
        Fulfilment.part_packed: and_(is_open, is_packed),
        Fulfilment.allocated: and_(is_open, not_(is_packed), is_allocated, not_(needs)),
        Fulfilment.part_allocated: and_(is_open, not_(is_packed), is_allocated, needs),
        Fulfilment.scheduled: and_(waits, not_(now)),
        Fulfilment.unallocated: and_(waits, now),
    }
    # An order in which nothing is open is done or cancelled: an index has the few orders that can be in a state.
    closed = {Fulfilment.cancelled: OrderState.cancelled, Fulfilment.packed: OrderState.done}
    return and_(Order.state == closed.get(state, OrderState.confirmed), conditions[state])


def may_be_part_packed() -> Select[int]:
    """Select the ids of the confirmed orders of which something was packed, whether or not it was reversed."""
    return select(Pack.order_id).join(Pack.order).where(Order.is_confirmed)


def has_held_line() -> ColumnElement[bool]:
    """Return the condition on a confirmed order that an open line of it is kept out of automatic runs."""
    return and_(Order.is_confirmed, Order.id.in_(may_have_held_line()))


def may_have_held_line() -> Select[int]:
    """Select the ids of the orders with open lines that are kept out of automatic runs: an index has these lines."""
    return select(OrderLine.order_id).where(OrderLine.hold_allocation.is_(True), OrderLine.is_open)


def has_scheduled_line() -> ColumnElement[bool]:
    """Return the condition on a confirmed order that a line with need is requested too far ahead."""
    return and_(Order.is_confirmed, has_line(OrderLine.has_need, is_scheduled()))


def is_ready_to_pack(session: Session) -> ColumnElement[bool]:
    """Return the condition on an order that something of it may leave now without choosing serial numbers.

    It is confirmed and has something allocated on usable stock, on a line that no module keeps back; one that ships
    complete has all of it so. Packing it is not refused then.
    """
    usable = usable_condition(clock.today())
    stays = or_(false(), *staying_condition(session))
    ready = _has_stock(usable, not_(stays))
    is_serial = select(Product.id).where(Product.id == OrderLine.product_id, Product.tracking == Tracking.serial)
    remains = has_line(OrderLine.is_open, or_(OrderLine.has_need, stays, is_serial.correlate(OrderLine).exists()))
    blocked = _has_stock(not_(usable))
    whole = and_(not_(remains), not_(blocked))
    return and_(Order.is_confirmed, ready, or_(Order.shipping_policy == ShippingPolicy.partial, whole))


def _has_stock(*conditions: Any) -> ColumnElement[bool]:
    """Return whether an order has something allocated in stock that meets conditions and is not packed yet."""
    rows = select(Allocation.id).join(Allocation.line).join(Allocation.balance)
    # Most lines of a large book have nothing allocated: they are passed over before their allocations are looked up.
    of_order = OrderLine.order_id == Order.id, OrderLine.allocated > Decimal(0), Allocation.is_unpacked
    rows = with_lot_and_location(rows).where(*of_order, *conditions)
    return rows.offset(0).correlate(Order).exists()
