"""Lines of orders: adding them, changing their quantities and cancelling them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import bulk_add, chunks, insert_rows, to_raw
from erp.errors import ErpError
from erp.events import publish
from erp.options import options
from erp.registry import current_registry
from erp.text import say
from modules.inventory_lots.domain import check_price, check_quantity
from modules.inventory_lots.queries import products_by_id
from modules.sales import queries
from modules.sales.domain import lower
from modules.sales.errors import LinesRefused, NothingOpen, QuantityBelowDone
from modules.sales.events import BackorderCancelled, LinesServed
from modules.sales.hooks import confirm_refusals, products_to_check
from modules.sales.models import Order, OrderLine
from modules.sales.services.allocations import serve_products
from modules.sales.services.backorders import close_backorders, lower_backorders
from modules.sales.services.locking import lock_line, lock_order
from modules.sales.services.order_states import close_orders
from modules.sales.services.releases import lower_allocations, release_lines
from modules.sales.services.scheduled import follow_requested_date
from modules.sales.states import ORDER

# Why lines are refused, by the id of the order and the index of the line.
Refused = dict[tuple[int, int], ErpError]


class NewLine(NamedTuple):
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
    return _joined(answers) | queries.own_refusals(lines)


def new_refusals(session: Session, lines: Mapping[int, NewLine]) -> dict[int, ErpError]:
    """Return why lines that were just made in confirmed orders may not be, by line id.

    Other modules see those of the products that `products_to_check` names; the others are not read.
    """
    products = products_by_id(session, {line.product_id for line in lines.values()})
    checked = _products_to_check(session, set(products))
    seen = [id_ for id_, line in lines.items() if line.product_id in checked]
    answers = confirm_refusals(session, queries.lines_by_id(session, seen)) if seen else []
    own = queries.sale_refusals(
        (id_, products[line.product_id], line.quantity, line.unit_price) for id_, line in lines.items()
    )
    return _joined(answers) | own


def _joined(answers: Sequence[Mapping[int, ErpError]]) -> dict[int, ErpError]:
    return {line_id: refusal for answer in answers for line_id, refusal in answer.items()}


def _products_to_check(session: Session, product_ids: Collection[int]) -> Collection[int]:
    registry = current_registry()
    if registry.answering(confirm_refusals) - registry.answering(products_to_check):
        return product_ids
    return {id_ for answer in products_to_check(session, product_ids) for id_ in answer}


def check_lines(session: Session, order: Order, lines: Sequence[OrderLine], *, are_raised: bool = False) -> None:
    """Raise LinesRefused with every reason why these lines of an order may not be confirmed as they are."""
    refusals = line_refusals(session, lines, are_raised=are_raised)
    reasons = [
        say("Line {line}: {refusals}", line=line.position, refusals=refusals[line.id])
        for line in lines
        if line.id in refusals
    ]
    if reasons:
        raise LinesRefused(order=order.name, reasons=reasons)


def check_new_lines(session: Session, lines: Sequence[NewLine]) -> None:
    """Raise BadQuantity, NegativePrice or InactiveProduct for what no line to be made may have."""
    for refusal in new_line_refusals(session, [lines]).values():
        raise refusal


def new_line_refusals(session: Session, orders: Sequence[Sequence[NewLine]]) -> dict[int, ErpError]:
    """Return why lines to be made may not be, by the place of their order: the first reason of each."""
    products = products_by_id(session, {line.product_id for lines in orders for line in lines})
    refusals: dict[int, ErpError] = {}
    for place, lines in enumerate(orders):
        try:
            for line in lines:
                queries.check_sale(products[line.product_id], line.quantity, line.unit_price)
        except ErpError as refusal:
            refusals[place] = refusal
    return refusals


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
        check_price(line.unit_price, what=say("Line {position}", position=position), field="unit_price")
    added = _insert(session, {order.id: new_lines}, {order.id: last})
    order = queries.order_with_lines(session, order_id)
    if order.is_confirmed:
        check_lines(session, order, added)
        serve_lines(session, added)
    return order


def _insert(session: Session, new_lines: Mapping[int, Sequence[NewLine]], last: Mapping[int, int]) -> list[OrderLine]:
    """Insert lines by order id after the last position of each order; return them by order and position."""
    rows = [
        line.values(order_id, position)
        for order_id, lines in new_lines.items()
        for position, line in enumerate(lines, start=last[order_id] + 1)
    ]
    insert_rows(session, OrderLine, rows)
    session.expire_all()
    lines = queries.lines_of(session, list(new_lines))
    added = [line for line in lines if line.position > last[line.order_id]]
    history.record_all(
        session,
        [history.Change(line.history_subject(), "added", "quantity", new=line.quantity) for line in added],
    )
    return added


def append_lines(session: Session, orders: Mapping[int, Order], new_lines: Mapping[int, Sequence[NewLine]]) -> Refused:
    """Add lines to many confirmed orders by their ids, as an import brings them, without allocating anything.

    The caller holds the products' locks. Returns why lines are refused by order id and index; with any refusal the
    caller undoes all.
    """
    refused: Refused = {}
    for order_id, lines in new_lines.items():
        try:
            ORDER.next(orders[order_id].state, "add_line")
        except ErpError as error:
            refused |= {(order_id, index): error for index in range(len(lines))}
    accepted = {id_: lines for id_, lines in new_lines.items() if (id_, 0) not in refused}
    if not accepted:
        return refused
    last = {id_: max((line.position for line in orders[id_].lines), default=0) for id_ in accepted}
    added = _insert(session, accepted, last)
    refusals = line_refusals(session, added)
    places = {line.id: (line.order_id, line.position - last[line.order_id] - 1) for line in added}
    return refused | {places[id_]: refusal for id_, refusal in refusals.items()}


def change_quantity(session: Session, line_id: int, quantity: Decimal) -> OrderLine:
    """Change the quantity of a line of a confirmed order; the line keeps its place in the queue.

    Raised, the added part is new need. Lowered, the backorder shrinks first, then purchase allocations, then
    allocations, in the reverse of the order in which a run takes them. Raises NotFound, InvalidTransition,
    QuantityBelowDone and LinesRefused.
    """
    line = lock_line(session, line_id)
    _check_change(line, quantity)
    if quantity > line.quantity:
        _raise_line(session, line, quantity)
    elif quantity < line.quantity:
        _lower_lines(session, [line], {line.id: quantity})
    return line


def _check_change(line: OrderLine, quantity: Decimal) -> None:
    ORDER.next(line.order.state, "change_quantity")
    check_quantity(quantity, line.product.unit_decimals, what=line.product.sku)
    if quantity < line.packed + line.cancelled:
        raise QuantityBelowDone(quantity=quantity, packed=line.packed, cancelled=line.cancelled)


def change_quantities(session: Session, quantities: Mapping[int, Decimal]) -> dict[int, ErpError]:
    """Change the quantities of many lines by their ids, as an import brings them, without allocating anything.

    The caller holds the products' locks. Returns why lines are refused by id; with any refusal the caller undoes all.
    """
    refusals: dict[int, ErpError] = {}
    lines = queries.lines_by_id(session, tuple(quantities))
    for line in lines:
        try:
            _check_change(line, quantities[line.id])
        except ErpError as error:
            refusals[line.id] = error
    changed = [line for line in lines if line.id not in refusals]
    raised = [line for line in changed if quantities[line.id] > line.quantity]
    lowered = [line for line in changed if quantities[line.id] < line.quantity]
    for line in raised:
        line.quantity = quantities[line.id]
    session.flush()
    refusals |= line_refusals(session, raised, are_raised=True)
    _lower_lines(session, lowered, quantities)
    return refusals


def _raise_line(session: Session, line: OrderLine, quantity: Decimal) -> None:
    line.quantity = quantity
    session.flush()
    check_lines(session, line.order, [line], are_raised=True)
    serve_lines(session, [line])


def _lower_lines(session: Session, lines: Sequence[OrderLine], quantities: Mapping[int, Decimal]) -> None:
    """Lower lines to these quantities by their ids, in as many statements for one line as for many."""
    if not lines:
        return
    ids = tuple(line.id for line in lines)
    order_ids, products = {line.order_id for line in lines}, tuple(sorted({line.product_id for line in lines}))
    rows = queries.open_backorders(session, ids)
    given_back = {
        line.id: lower(
            to_raw(quantities[line.id] - line.packed - line.cancelled),
            to_raw(line.allocated),
            to_raw(rows[line.id].open_quantity) if line.id in rows else 0,
        )
        for line in lines
    }
    lower_backorders(session, [(row.id, given_back[line_id].backorder) for line_id, row in rows.items()])
    lower_allocations(session, {line_id: given.allocations for line_id, given in given_back.items()})
    for line in queries.lines_by_id(session, ids):
        line.quantity = quantities[line.id]
    session.flush()
    close_orders(session, order_ids)
    publish(session, LinesServed(products, ids, shrunk=ids))


def change_requested_date(session: Session, line_id: int, day: date | None, *, why: str = "") -> OrderLine:
    """Change the day for which the customer requests a line of a confirmed order, or empty it.

    A line that becomes scheduled keeps what it has. One that is not scheduled is served at its place like a line that
    was just confirmed. Raises NotFound, InvalidTransition and NothingOpen.
    """
    line = lock_line(session, line_id)
    ORDER.next(line.order.state, "change_requested_date")
    if not line.is_open:
        raise NothingOpen(what=say("Line {line} of {order}", line=line.position, order=line.order.name))
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
        raise NothingOpen(what=say("Line {line} of {order}", line=line.position, order=line.order.name))
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
    entry_ids = history.record_with_ids(
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
