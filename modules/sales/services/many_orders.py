"""What a clerk does to many orders at once: as for one, in as many statements for two orders as for a hundred.

Each function does what it can and returns why it refused the others, by id. All of it is one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from erp.db import format_quantity, is_one_of
from erp.errors import ErpError, StaleRecord
from erp.events import publish
from erp.sequence import next_numbers
from erp.text import say
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.errors import (
    HoldUnchanged,
    LinesRefused,
    NothingOpen,
    NothingToAllocate,
    OrderWithoutLines,
    SerialNotAllocated,
    TakesFromEarlier,
)
from modules.sales.events import LinesServed, OrderConfirmed
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.planning import served_first
from modules.sales.queries import Loss, Scope
from modules.sales.services.allocations import hold_lines, write_plans
from modules.sales.services.backorders import cancel_backorders
from modules.sales.services.lines import cancel_lines, line_refusals, serve_lines
from modules.sales.services.order_states import close_orders, write_orders
from modules.sales.services.scheduled import date_scheduled_backorders
from modules.sales.states import ORDER, AllocationSource, OrderState

ORDERS = cast(Table, Order.__table__)

Refusals = dict[int, ErpError]


class ManyOrders(NamedTuple):
    """Locked orders that may be changed, and why others may not, by id."""

    orders: list[Order]
    refusals: Refusals


def lock_orders(session: Session, order_ids: Collection[int], check: Callable[[Order], object]) -> ManyOrders:
    """Lock the products of orders and return the orders as they are now, those that `check` refuses with the reason.

    Raises StaleRecord when another product was put on one while the locks were waited for.
    """
    of_orders = select(OrderLine.product_id).where(is_one_of(session, OrderLine.order_id, order_ids))
    locked = set(session.scalars(of_orders.distinct()))
    lock_products(session, locked)
    found = queries.orders_with_lines(session, list(order_ids))
    if len(found) < len(set(order_ids)) or any(line.product_id not in locked for row in found for line in row.lines):
        raise StaleRecord
    refusals: Refusals = {}
    for order in found:
        try:
            check(order)
        except ErpError as error:
            refusals[order.id] = error
    return ManyOrders([order for order in found if order.id not in refusals], refusals)


def _lines(orders: Iterable[Order]) -> list[OrderLine]:
    return [line for order in orders for line in order.lines]


def confirm_orders(session: Session, order_ids: Collection[int]) -> Refusals:
    """Confirm drafts as `confirm` does, in order of their ids. Refused is what `confirm` refuses."""
    drafts, refusals = lock_orders(session, order_ids, _check_draft)
    refused = line_refusals(session, _lines(drafts)) if drafts else {}
    for order in drafts:
        reasons = [
            say("Line {line}: {refused}", line=line.position, refused=refused[line.id])
            for line in order.lines
            if line.id in refused
        ]
        if reasons:
            refusals[order.id] = LinesRefused(order=order.name, reasons=reasons)
    confirmed = [order for order in drafts if order.id not in refusals]
    for line in _lines(order for order in drafts if order.id in refusals):
        line.is_preorder = False  # set by a module that was asked about the lines
    if not confirmed:
        return refusals
    ids = [order.id for order in confirmed]
    _number(session, confirmed)
    serve_lines(session, queries.lines_of(session, ids))
    publish(session, OrderConfirmed(tuple(ids)))
    return refusals


def _check_draft(order: Order) -> None:
    ORDER.next(order.state, "confirm")
    if not order.lines:
        raise OrderWithoutLines(order=order.name)


def _number(session: Session, orders: Sequence[Order]) -> None:
    """Give orders their numbers and confirm them."""
    count = sum(not order.number for order in orders)
    new = iter(next_numbers(session, "sales.order", "SO", Order.number, count=count) if count else ())
    write_orders(session, [(order, order.number or next(new), OrderState.confirmed) for order in orders])
    session.expire_all()


def allocate_orders(session: Session, order_ids: Collection[int]) -> Refusals:
    """Serve the lines of orders now, as Allocate Order does: in order of service among them, held ones too.

    Refused is an order that wants a product of which an earlier order, that is not among these, would lose something:
    a clerk agrees to that order by order.
    """
    orders, refusals = lock_orders(session, order_ids, _check_allocation)
    return refusals | _serve_now(session, orders, [line.id for line in _lines(orders)])


def allocate_lines(session: Session, line_ids: Collection[int]) -> Refusals:
    """Serve lines now, as `allocate_orders` does whole orders; refusals are by line."""
    orders, refused = lock_orders(session, _orders_of(session, line_ids), _check_allocation)
    wanted = [line for line in _lines(orders) if line.id in line_ids]
    refused |= _serve_now(session, orders, [line.id for line in wanted])
    order_of = dict(session.execute(select(OrderLine.id, OrderLine.order_id).where(OrderLine.id.in_(line_ids))).all())
    return {line_id: refused[order_of[line_id]] for line_id in line_ids if order_of[line_id] in refused}


def _orders_of(session: Session, line_ids: Collection[int]) -> Sequence[int]:
    of_lines = select(OrderLine.order_id).where(is_one_of(session, OrderLine.id, line_ids)).distinct()
    return session.scalars(of_lines).all()


def _serve_now(session: Session, orders: Sequence[Order], line_ids: Collection[int]) -> Refusals:
    """Serve these lines of locked orders; return why some of the orders are left as they are."""
    lines = [line for line in _lines(orders) if line.id in line_ids]
    if not lines:
        return {}
    ids, products = tuple(line.id for line in lines), tuple(sorted({line.product_id for line in lines}))
    rules = queries.rules_of_runs(session)
    snapshots = queries.read_snapshots(session, Scope(products, beyond_queue=ids), rules)
    refusals = _refuse_losses(lines, queries.losses_in(session, snapshots, ids, rules))
    own = tuple(line.id for line in lines if line.order_id not in refusals)
    if own:
        hold_lines(session, own, False)
        write_plans(session, Scope(products, own), served_first(snapshots, own, rules), AllocationSource.manual)
        date_scheduled_backorders(session, is_one_of(session, Backorder.line_id, own))
    return refusals


def _check_allocation(order: Order) -> None:
    ORDER.next(order.state, "allocate")
    open_lines = [line for line in order.lines if line.is_open]
    if not any(line.has_need for line in open_lines):
        raise NothingToAllocate(order=order.name)
    if all(line.product.tracking is Tracking.serial for line in open_lines):
        raise SerialNotAllocated(sku=open_lines[0].product.sku)


def _refuse_losses(lines: Iterable[OrderLine], losses: Sequence[Loss]) -> Refusals:
    losers: dict[str, list[str]] = {}
    for loss in losses:
        losers.setdefault(loss.product, []).append(
            say(
                "{order} of {customer} ({loss} of {product})",
                order=loss.order,
                customer=loss.customer,
                loss=format_quantity(loss.quantity),
                product=loss.product,
            )
        )
    taking: dict[Order, list[str]] = {}
    for line in lines:
        if line.has_need and line.product.sku in losers:
            taking.setdefault(line.order, []).extend(losers[line.product.sku])
    return {
        order.id: TakesFromEarlier(order=order.name, losers=list(dict.fromkeys(named)))
        for order, named in taking.items()
    }


def cancel_orders(session: Session, order_ids: Collection[int], *, why: str = "") -> Refusals:
    """Cancel all of orders that is not packed, as `cancel_order` does."""
    orders, refusals = lock_orders(session, order_ids, lambda order: ORDER.next(order.state, "cancel"))
    if not orders:
        return refusals
    at_once = [order for order in orders if order.state == OrderState.draft or not order.lines]
    ids = [order.id for order in orders]
    cancel_lines(session, [line for line in _lines(orders) if line.is_open], why=why)
    if at_once:
        write_orders(session, [(order, order.number, OrderState.cancelled) for order in at_once])
        session.expire_all()
    close_orders(session, ids)
    session.flush()
    return refusals


def cancel_open_backorders(session: Session, backorder_ids: Collection[int], *, why: str = "") -> Refusals:
    """Cancel the open quantities of backorders for good, as `cancel_backorder` does; refusals are by backorder."""
    of_orders = select(OrderLine.order_id).join(Backorder, Backorder.line_id == OrderLine.id)
    of_orders = of_orders.where(is_one_of(session, Backorder.id, backorder_ids))
    lock_orders(session, session.scalars(of_orders.distinct()).all(), lambda _order: None)
    found = queries.backorders_by_id(session, list(backorder_ids))
    refusals: Refusals = {row.id: NothingOpen(what=str(row)) for row in found if not row.is_open}
    cancel_backorders(session, {row.id: row.open_quantity for row in found if row.is_open}, cause="clerk", why=why)
    return refusals


def hold_orders(session: Session, order_ids: Collection[int], hold: bool) -> Refusals:
    """Keep the open lines of orders out of automatic runs, or let them in again and serve them at their place."""
    orders, refusals = lock_orders(session, order_ids, lambda order: _check_hold(order, hold))
    held = [line for line in _lines(orders) if line.is_open and line.hold_allocation is not hold]
    change_hold(session, held, hold)
    return refusals


def _check_hold(order: Order, hold: bool) -> None:
    ORDER.next(order.state, "allocate")
    if not any(line.is_open and line.hold_allocation is not hold for line in order.lines):
        raise HoldUnchanged(what=order.name, hold=hold)


def change_hold(session: Session, lines: Sequence[OrderLine], hold: bool) -> None:
    """Hold locked lines, or release them and serve them at their place in the queue."""
    if not lines:
        return
    ids, products = tuple(line.id for line in lines), tuple(sorted({line.product_id for line in lines}))
    hold_lines(session, ids, hold)
    if hold:
        publish(session, LinesServed(products, ids))
    else:
        serve_lines(session, queries.lines_by_id(session, ids))


def hold_many_lines(session: Session, line_ids: Collection[int], hold: bool) -> Refusals:
    """Keep lines of confirmed orders out of automatic runs, or let them in again."""
    orders, _ = lock_orders(session, _orders_of(session, line_ids), lambda _order: None)
    lines = {line.id: line for line in _lines(orders)}
    refusals: Refusals = {}
    for line_id in line_ids:
        line = lines[line_id]
        if not line.order.is_confirmed or not line.is_open or line.hold_allocation is hold:
            refusals[line_id] = HoldUnchanged(what=str(line), hold=hold)
    change_hold(session, [lines[line_id] for line_id in line_ids if line_id not in refusals], hold)
    return refusals
