"""Changing confirmed orders: quantities, cancellations and promise dates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import Subquery, select, update
from sqlalchemy.orm import Session, joinedload

from erp import history
from erp.db import bulk_add, bulk_update, from_raw, is_one_of, to_raw
from erp.errors import NotFound
from erp.events import publish
from erp.options import options
from modules.inventory_lots.domain import check_quantity
from modules.sales import queries
from modules.sales.domain import lower
from modules.sales.errors import LinesRefused, NothingOpen, QuantityBelowDone
from modules.sales.events import BackorderCancelled, LinesServed, PromiseChange, PromiseDateChanged
from modules.sales.models import Order, OrderLine
from modules.sales.services.allocation import give_up_lines, lose_allocations, serve_products
from modules.sales.services.backorders import close_backorders, shrink_backorder
from modules.sales.services.completion import close_orders
from modules.sales.services.locking import lock_order
from modules.sales.services.orders import line_refusals
from modules.sales.states import ORDER, OrderState


def change_quantity(session: Session, line_id: int, quantity: Decimal) -> OrderLine:
    """Change what a line of a confirmed order wants; it keeps its place in the queue (change a quantity).

    Raised, the added part is new need. Lowered, the backorder shrinks first, then links, then allocations, latest
    lot first. Raises InvalidTransition, QuantityBelowDone and LinesRefused.
    """
    line = _locked_line(session, line_id)
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
    if refusal := line_refusals(session, [line], are_raised=True).get(line.id):
        raise LinesRefused(order=line.order.name, reasons=[f"Line {line.position}: {refusal}"])
    if options.sales.allocate_on_confirm:
        serve_products(session, [line.product_id])


def _lower_line(session: Session, line: OrderLine, quantity: Decimal) -> None:
    row = queries.open_backorder(session, line.id)
    back = lower(
        to_raw(quantity - line.packed - line.cancelled),
        to_raw(line.allocated),
        to_raw(row.open_quantity) if row else 0,
    )
    shrink_backorder(session, line, from_raw(back.backorder))
    lose_allocations(session, line.id, from_raw(back.allocations), action="released")
    line.quantity = quantity
    session.flush()
    close_orders(session, [line.order_id])
    publish(session, LinesServed((line.product_id,), (line.id,), shrunk=(line.id,), may_allocate_purchases=False))


def cancel_line(session: Session, line_id: int, *, why: str = "") -> OrderLine:
    """Give up what of a line is not packed. Raises InvalidTransition and NothingOpen."""
    line = _locked_line(session, line_id)
    ORDER.next(line.order.state, "cancel")
    if not line.open_quantity:
        raise NothingOpen(what=f"Line {line.position} of {line.order.name}")
    _cancel(session, [line], why)
    close_orders(session, [line.order_id])
    return line


def cancel_order(session: Session, order_id: int, *, why: str = "") -> Order:
    """Give up all of an order that is not packed. Raises InvalidTransition."""
    order = lock_order(session, order_id)
    state = ORDER.next(order.state, "cancel")
    was_draft = order.state == OrderState.draft
    _cancel(session, [line for line in order.lines if line.open_quantity], why)
    if was_draft or not order.lines:
        order.state = state
    close_orders(session, [order.id])
    session.flush()
    return order


def _cancel(session: Session, lines: Sequence[OrderLine], why: str) -> None:
    ids = [line.id for line in lines]
    if not ids:
        return
    amounts = [(line.id, to_raw(line.open_quantity)) for line in lines]
    products = tuple(sorted({line.product_id for line in lines}))
    entry_ids = history.record_all(
        session,
        [
            history.Change(line.history_subject(), "cancelled", "open quantity", line.open_quantity, Decimal(0), why)
            for line in lines
        ],
    )
    give_up_lines(session, ids)
    backorders = close_backorders(session, dict(zip(ids, entry_ids, strict=True)))
    bulk_add(session, OrderLine.__table__, ("cancelled",), amounts)  # type: ignore[arg-type]
    session.expire_all()
    publish(session, LinesServed(products, tuple(ids), shrunk=tuple(ids), may_allocate_purchases=False))
    if backorders:
        publish(session, BackorderCancelled(backorders, "order"))


def _locked_line(session: Session, line_id: int) -> OrderLine:
    # The whole order is locked: whether it ends depends on its other lines too.
    order_id = session.scalar(select(OrderLine.order_id).where(OrderLine.id == line_id))
    lines = [] if order_id is None else lock_order(session, order_id).lines
    line = next((line for line in lines if line.id == line_id), None)
    if line is None:
        raise NotFound("sales order line", line_id)
    return line


def set_promise_dates(
    session: Session,
    dates: Mapping[int, date | None],
    *,
    cause: str,
    pin: bool = False,
    why: str = "",
    notify: bool = True,
) -> int:
    """Set the promise dates of lines by id, write each change into the history and announce them all at once.

    `cause` is `allocation`, `edit`, `sync` or `import`; `pin` keeps the dates from automatic syncs. Returns how many
    dates changed.
    """
    lines = session.scalars(
        select(OrderLine)
        .where(is_one_of(session, OrderLine.id, dates))
        .options(joinedload(OrderLine.order))
        .order_by(OrderLine.id)
    ).all()
    changed = [line for line in lines if line.promise_date != dates[line.id]]
    entry_ids = history.record_all(
        session,
        [
            history.Change(line.history_subject(), "changed", "promise_date", line.promise_date, dates[line.id], why)
            for line in changed
        ],
    )
    facts = tuple(
        PromiseChange(line.id, line.promise_date, dates[line.id], entry_id)
        for line, entry_id in zip(changed, entry_ids, strict=True)
    )
    sets = {"promise_date": "{day}"} | ({"is_promise_pinned": "true"} if pin else {})
    rows = [(line.id, dates[line.id]) for line in (lines if pin else changed)]
    bulk_update(session, OrderLine.__table__, sets, {"day": "date"}, rows)  # type: ignore[arg-type]
    session.expire_all()
    if facts:
        publish(session, PromiseDateChanged(facts, cause, notify))
    return len(facts)


def promise_first(session: Session, dates: Subquery) -> None:
    """Promise dates to lines that had none, as allocation does; this is no change of a promise and no news.

    `dates` has the columns `line_id` and `day`.
    """
    session.flush()
    promise = update(OrderLine).where(OrderLine.id == dates.c.line_id).values(promise_date=dates.c.day)
    session.execute(promise.execution_options(synchronize_session=False))
    session.expire_all()
