"""What a buyer does to many purchase orders or lines at once, in as many statements for two as for a hundred."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import cast

from sqlalchemy import Table
from sqlalchemy.orm import Session

from erp.db import bulk_update
from erp.errors import ErpError
from erp.history import Change, Subject, record_all
from erp.identity import identity_key
from erp.sequence import next_numbers
from modules.procurement.errors import NothingOutstanding, OrderWithoutLines, PartlyReceived
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services.lines import cancel_outstanding
from modules.procurement.services.locking import lock_lines_and_orders, lock_orders
from modules.procurement.services.states import announce_supply, update_states
from modules.procurement.states import PURCHASE_ORDER, PurchaseState

ORDERS = cast(Table, PurchaseOrder.__table__)

Refusals = dict[int, ErpError]
_State = tuple[int, str, PurchaseState]  # the id, name and state of an order


def _checked(
    orders: Sequence[PurchaseOrder], check: Callable[[PurchaseOrder], object]
) -> tuple[list[PurchaseOrder], Refusals]:
    refusals: Refusals = {}
    for order in orders:
        try:
            check(order)
        except ErpError as error:
            refusals[order.id] = error
    return [order for order in orders if order.id not in refusals], refusals


def place_orders(session: Session, order_ids: Collection[int]) -> Refusals:
    """Order drafts, as `place_order` does, in order of their ids; return why others stay, by id."""
    drafts, refusals = _checked(lock_orders(session, order_ids), _check_draft)
    products = {line.product_id for order in drafts for line in order.lines}
    without = [order for order in drafts if not order.number]
    count, taken = len(without), PurchaseOrder.number
    numbers = next_numbers(session, "procurement.purchase_order", "PO", taken, count=count) if without else []
    given = {order.id: number for order, number in zip(without, numbers, strict=True)}
    rows = [(id_, number, identity_key(number)) for id_, number in given.items()]
    columns = {"number": "{new_number}", "number_key": "{new_key}"}
    bulk_update(session, ORDERS, columns, {"new_number": "text", "new_key": "text"}, rows)
    _set_state(session, _states(drafts), PurchaseState.ordered, given)
    if products:
        announce_supply(session, products)
    return refusals


def _check_draft(order: PurchaseOrder) -> None:
    PURCHASE_ORDER.next(order.state, "order")
    if not any(line.has_outstanding for line in order.lines):
        raise OrderWithoutLines(order=order.name)


def _set_state(
    session: Session, states: Sequence[_State], new: PurchaseState, given: Mapping[int, str] | None = None
) -> None:
    """Give orders another state in one statement, and write the history, of the numbers that are `given` too."""
    changes = []
    for id_, name, old in states:
        number = (given or {}).get(id_)
        subject = Subject("procurement.purchase_order", id_, number or name)
        changes += [Change(subject, "changed", "number", "", number)] if number else []
        changes.append(Change(subject, "changed", "state", old, new))
    record_all(session, changes)
    columns = {"state": "{new_state}", "row_version": "row_version + 1"}
    bulk_update(session, ORDERS, columns, {"new_state": "text"}, [(id_, new.value) for id_, *_ in states])
    session.expire_all()


def _states(orders: Sequence[PurchaseOrder]) -> list[_State]:
    return [(order.id, order.name, order.state) for order in orders]


def cancel_orders(session: Session, order_ids: Collection[int]) -> Refusals:
    """Cancel orders of which nothing was received, as `cancel_order` does; return why others stay, by id."""
    orders, refusals = _checked(lock_orders(session, order_ids), _check_cancel)
    if not orders:
        return refusals
    drafts = [order for order in orders if order.state == PurchaseState.draft]
    placed = [order for order in orders if order.state != PurchaseState.draft]
    for line in (line for order in drafts for line in order.lines if line.has_outstanding):
        line.cancelled = line.quantity
    session.flush()
    lines = [line for order in placed for line in order.lines if line.has_outstanding]
    products = {line.product_id for line in lines}
    # Read before what they hold is released: then every row is read again.
    states = _states(orders)
    if lines:
        cancel_outstanding(session, lines)
    _set_state(session, states, PurchaseState.cancelled)
    if products:
        announce_supply(session, products)
    return refusals


def _check_cancel(order: PurchaseOrder) -> None:
    if order.state == PurchaseState.partly_received:
        raise PartlyReceived(order=order.name)
    PURCHASE_ORDER.next(order.state, "cancel")


def close_many_lines(session: Session, line_ids: Collection[int]) -> Refusals:
    """Close lines short, as `close_lines` does; return why others stay, by id."""
    refusals: Refusals = {}
    locked = lock_lines_and_orders(session, line_ids)
    for line in locked:
        try:
            _check_close(line)
        except ErpError as error:
            refusals[line.id] = error
    lines = [line for line in locked if line.id not in refusals]
    if lines:
        products, order_ids = [line.product_id for line in lines], {line.order_id for line in lines}
        cancel_outstanding(session, lines)
        update_states(session, order_ids)
        announce_supply(session, products)
    return refusals


def _check_close(line: PurchaseOrderLine) -> None:
    PURCHASE_ORDER.next(line.order.state, "close_short")
    if not line.has_outstanding:
        raise NothingOutstanding(line=str(line))
