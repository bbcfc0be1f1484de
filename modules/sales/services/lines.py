"""Lines of orders: adding them, changing their quantities and cancelling them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import bulk_add, chunks, insert_rows, to_raw
from erp.errors import ErpError
from erp.events import publish
from erp.options import options
from modules.inventory_lots.domain import check_price, check_quantity
from modules.sales import queries
from modules.sales.domain import lower
from modules.sales.errors import InactiveProduct, LinesRefused, NothingOpen, QuantityBelowDone
from modules.sales.events import BackorderCancelled, LinesServed
from modules.sales.hooks import confirm_refusals
from modules.sales.models import Order, OrderLine
from modules.sales.services.allocations import lower_allocations, release_lines, serve_products
from modules.sales.services.backorders import close_backorders, lower_backorder
from modules.sales.services.locking import lock_line, lock_order
from modules.sales.services.order_states import close_orders
from modules.sales.services.scheduled import follow_requested_date
from modules.sales.states import ORDER


@dataclass(frozen=True)
class NewLine:
    """A line to be made."""

    product_id: int
    quantity: Decimal
    unit_price: Decimal | None = None
    requested_on: date | None = None

    def values(self, order_id: int, position: int) -> dict[str, object]:
        """Return the line's column values at a position of an order."""
        return {
            "order_id": order_id,
            "position": position,
            "product_id": self.product_id,
            "quantity": self.quantity,
            "unit_price": self.unit_price,
            "requested_on": self.requested_on,
        }


def line_refusals(session: Session, lines: Sequence[OrderLine], *, are_raised: bool = False) -> dict[int, ErpError]:
    """Return why lines may not be confirmed as they are, by line id; other modules may refuse lines too.

    Lines that `are_raised` were confirmed before with a smaller quantity.
    """
    answers = confirm_refusals(session, lines, are_raised=are_raised)
    refusals = {line_id: refusal for answer in answers for line_id, refusal in answer.items()}
    for line in lines:
        try:
            check_quantity(line.quantity, line.product.unit_decimals, what=line.product.sku)
            check_price(line.unit_price, what=line.product.sku, field="unit_price")
            if not line.product.is_active:
                raise InactiveProduct(sku=line.product.sku)
        except ErpError as error:
            refusals[line.id] = error
    return refusals


def check_lines(session: Session, order: Order, lines: Sequence[OrderLine], *, are_raised: bool = False) -> None:
    """Raise LinesRefused with every reason why these lines of an order may not be confirmed as they are."""
    refusals = line_refusals(session, lines, are_raised=are_raised)
    reasons = [f"Line {line.position}: {refusals[line.id]}" for line in lines if line.id in refusals]
    if reasons:
        raise LinesRefused(order=order.name, reasons=reasons)


def serve_lines(session: Session, lines: Sequence[OrderLine]) -> None:
    """Run the products of confirmed lines, unless `[sales] allocate_on_confirm` says that they wait."""
    if options.sales.allocate_on_confirm:
        serve_products(session, {line.product_id for line in lines})


def add_lines(session: Session, order_id: int, new_lines: Sequence[NewLine]) -> Order:
    """Add lines to a draft or a confirmed order; a confirmed one's are checked and served like a new order's.

    Raises InvalidTransition, NegativePrice and LinesRefused.
    """
    order = lock_order(session, order_id, [line.product_id for line in new_lines])
    ORDER.next(order.state, "add_line")
    last = max((line.position for line in order.lines), default=0)
    for position, line in enumerate(new_lines, start=last + 1):
        check_price(line.unit_price, what=f"Line {position}", field="unit_price")
    rows = [line.values(order.id, position) for position, line in enumerate(new_lines, start=last + 1)]
    insert_rows(session, OrderLine, rows)
    session.expire_all()
    order = queries.order_with_lines(session, order_id)
    added = [line for line in order.lines if line.position > last]
    history.record_all(
        session,
        [history.Change(line.history_subject(), "added", "quantity", new=line.quantity) for line in added],
    )
    if order.is_confirmed:
        check_lines(session, order, added)
        serve_lines(session, added)
    return order


def change_quantity(session: Session, line_id: int, quantity: Decimal) -> OrderLine:
    """Change the quantity of a line of a confirmed order; the line keeps its place in the queue.

    Raised, the added part is new need. Lowered, the backorder shrinks first, then purchase allocations, then
    allocations, in the reverse of the order in which a run takes them. Raises NotFound, InvalidTransition,
    QuantityBelowDone and LinesRefused.
    """
    line = lock_line(session, line_id)
    ORDER.next(line.order.state, "change_quantity")
    check_quantity(quantity, line.product.unit_decimals, what=line.product.sku)
    if quantity < line.packed + line.cancelled:
        raise QuantityBelowDone(quantity=quantity, packed=line.packed, cancelled=line.cancelled)
    if quantity > line.quantity:
        _raise_line(session, line, quantity)
    elif quantity < line.quantity:
        _lower_line(session, line, quantity)
    return line


def _raise_line(session: Session, line: OrderLine, quantity: Decimal) -> None:
    line.quantity = quantity
    session.flush()
    check_lines(session, line.order, [line], are_raised=True)
    serve_lines(session, [line])


def _lower_line(session: Session, line: OrderLine, quantity: Decimal) -> None:
    row = queries.open_backorder(session, line.id)
    given_back = lower(
        to_raw(quantity - line.packed - line.cancelled),
        to_raw(line.allocated),
        to_raw(row.open_quantity) if row else 0,
    )
    if row and given_back.backorder:
        lower_backorder(session, row.id, given_back.backorder)
    lower_allocations(session, line.id, given_back.allocations)
    line.quantity = quantity
    session.flush()
    close_orders(session, [line.order_id])
    publish(session, LinesServed((line.product_id,), (line.id,), shrunk=(line.id,)))


def change_requested_date(session: Session, line_id: int, day: date | None, *, why: str = "") -> OrderLine:
    """Change the day for which the customer requests a line of a confirmed order, or empty it.

    A line that becomes scheduled keeps what it has. One that is not scheduled is served at its place like a line that
    was just confirmed. Raises NotFound, InvalidTransition and NothingOpen.
    """
    line = lock_line(session, line_id)
    ORDER.next(line.order.state, "change_requested_date")
    if not line.is_open:
        raise NothingOpen(what=f"Line {line.position} of {line.order.name}")
    if day != line.requested_on:
        with history.because(session, why):
            line.requested_on = day
        follow_requested_date(session, line.id)
        serve_lines(session, [line])
    return line


def cancel_line(session: Session, line_id: int, *, why: str = "") -> OrderLine:
    """Cancel what of a line is not packed. Raises NotFound, InvalidTransition and NothingOpen."""
    line = lock_line(session, line_id)
    ORDER.next(line.order.state, "cancel")
    if not line.is_open:
        raise NothingOpen(what=f"Line {line.position} of {line.order.name}")
    cancel_lines(session, [line], why=why)
    close_orders(session, [line.order_id])
    return line


def cancel_lines(session: Session, lines: Sequence[OrderLine], *, why: str) -> None:
    """Cancel what is open of locked lines: allocations and purchase allocations are released, backorders closed."""
    if not lines:
        return
    ids = tuple(line.id for line in lines)
    amounts = [(line.id, to_raw(line.open_quantity)) for line in lines]
    products = tuple(sorted({line.product_id for line in lines}))
    entry_ids = history.record_all(
        session,
        [
            history.Change(line.history_subject(), "cancelled", "open quantity", line.open_quantity, Decimal(0), why)
            for line in lines
        ],
    )
    release_lines(session, ids)
    backorders = close_backorders(session, dict(zip(ids, entry_ids, strict=True)))
    bulk_add(session, OrderLine.__table__, ("cancelled",), amounts)  # type: ignore[arg-type]
    session.expire_all()
    publish(session, LinesServed(products, ids, shrunk=ids))
    if backorders:
        publish(session, BackorderCancelled(backorders, "order"))


def set_preorder(session: Session, line_ids: Sequence[int]) -> None:
    """Mark lines as preorders, as the module that sells before a launch decides when they are confirmed."""
    for part in chunks(line_ids, 5000):
        for line in session.scalars(select(OrderLine).where(OrderLine.id.in_(part))):
            line.is_preorder = True
    session.flush()
