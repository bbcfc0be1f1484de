"""Sales orders from draft to confirmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import chunks, insert_rows
from erp.errors import ErpError
from erp.options import options
from erp.sequence import next_number
from modules.inventory_lots.domain import check_quantity
from modules.sales import queries
from modules.sales.errors import InactiveProduct, LinesRefused, OrderWithoutLines
from modules.sales.hooks import confirm_refusals
from modules.sales.models import Order, OrderLine
from modules.sales.services.allocation import serve_products
from modules.sales.services.locking import lock_order
from modules.sales.states import ORDER, OrderState, ShippingPolicy


@dataclass(frozen=True)
class NewLine:
    """A line to be made."""

    product_id: int
    quantity: Decimal
    unit_price: Decimal | None = None
    requested_on: date | None = None


@dataclass(frozen=True)
class NewOrder:
    """A confirmed order to be made under a number that it brings along."""

    number: str
    customer_id: int
    ordered_at: datetime
    lines: Sequence[NewLine]
    priority: int = 0
    shipping_policy: ShippingPolicy = ShippingPolicy.partial


def confirm(session: Session, order_id: int) -> Order:
    """Check an order's lines, give it its number, and run its products unless the option says otherwise.

    Raises InvalidTransition, OrderWithoutLines and LinesRefused with every reason.
    """
    order = lock_order(session, order_id)
    state = ORDER.next(order.state, "confirm")
    if not order.lines:
        raise OrderWithoutLines(order=order.name)
    _refuse(order, order.lines, line_refusals(session, order.lines))
    order.number = order.number or next_number(session, "sales.order", "SO", Order.number)
    order.state = state
    session.flush()
    _run_products(session, order.lines)
    return order


def line_refusals(session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False) -> dict[int, ErpError]:
    """Return why lines may not be confirmed as they are, by line id, in the words of whoever refuses.

    Lines that `are_raised` were confirmed before with a smaller quantity.
    """
    refusals: dict[int, ErpError] = {}
    for answer in confirm_refusals(session, lines, are_raised=are_raised):
        refusals.update(answer)
    for line in lines:
        try:
            check_quantity(line.quantity, line.product.unit_decimals, what=line.product.sku)
            if not line.product.is_active:
                raise InactiveProduct(sku=line.product.sku)
        except ErpError as error:
            refusals[line.id] = error
    return refusals


def _refuse(order: Order, lines: Sequence[OrderLine], refusals: Mapping[int, ErpError]) -> None:
    reasons = [f"Line {line.position}: {refusals[line.id]}" for line in lines if line.id in refusals]
    if reasons:
        raise LinesRefused(order=order.name, reasons=reasons)


def _run_products(session: Session, lines: Sequence[OrderLine]) -> None:
    if options.sales.allocate_on_confirm:
        serve_products(session, {line.product_id for line in lines})


def add_lines(session: Session, order_id: int, new_lines: Sequence[NewLine]) -> Order:
    """Add lines to a draft or a confirmed order; a confirmed one's are checked and served like a new order's.

    Raises InvalidTransition and LinesRefused.
    """
    order = lock_order(session, order_id, [line.product_id for line in new_lines])
    ORDER.next(order.state, "add_line")
    last = max((line.position for line in order.lines), default=0)
    rows = [_line_row(order.id, position, line) for position, line in enumerate(new_lines, start=last + 1)]
    insert_rows(session, OrderLine, rows)
    session.expire_all()
    order = queries.order_with_lines(session, order_id)
    added = [line for line in order.lines if line.position > last]
    history.record_all(
        session,
        [history.Change(line.history_subject(), "added", "quantity", new=line.quantity) for line in added],
    )
    if order.state == OrderState.confirmed:
        _refuse(order, added, line_refusals(session, added))
        _run_products(session, added)
    return order


def create_confirmed(session: Session, orders: Sequence[NewOrder]) -> tuple[list[int], dict[tuple[int, int], ErpError]]:
    """Make confirmed orders as an import brings them, without allocating anything.

    The caller holds the products' locks. Returns the orders' ids and what is refused by (order, line) index; with any
    refusal the caller undoes all of it.
    """
    order_ids = insert_rows(session, Order, [_order_row(new) for new in orders])
    rows = [
        _line_row(order_id, position, line)
        for order_id, new in zip(order_ids, orders, strict=True)
        for position, line in enumerate(new.lines, start=1)
    ]
    insert_rows(session, OrderLine, rows)
    subjects = [history.Subject("sales.order", id_, new.number) for id_, new in zip(order_ids, orders, strict=True)]
    history.record_all(
        session, [history.Change(subject, "created", "state", new=OrderState.confirmed) for subject in subjects]
    )
    places = {order_id: index for index, order_id in enumerate(order_ids)}
    lines = queries.lines_of(session, order_ids)
    refusals = line_refusals(session, lines)
    return order_ids, {
        (places[line.order_id], line.position - 1): refusals[line.id] for line in lines if line.id in refusals
    }


def _order_row(new: NewOrder) -> dict[str, object]:
    return {
        "number": new.number,
        "customer_id": new.customer_id,
        "ordered_at": new.ordered_at,
        "priority": new.priority,
        "shipping_policy": new.shipping_policy,
        "state": OrderState.confirmed,
    }


def _line_row(order_id: int, position: int, line: NewLine) -> dict[str, object]:
    return {
        "order_id": order_id,
        "position": position,
        "product_id": line.product_id,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "requested_on": line.requested_on,
    }


def set_preorder(session: Session, line_ids: Sequence[int]) -> None:
    """Fix lines as preorders, as whoever sells before a launch says at confirmation."""
    for part in chunks(line_ids, 5000):
        for line in session.scalars(select(OrderLine).where(OrderLine.id.in_(part))):
            line.is_preorder = True
    session.flush()
