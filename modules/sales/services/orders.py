"""Sales orders from draft to confirmed, and their cancellation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from erp import clock, history
from erp.db import insert_rows, new_ids_of
from erp.errors import ErpError
from erp.events import publish
from erp.options import options
from erp.sequence import next_number
from modules.sales.errors import OrderWithoutLines
from modules.sales.events import LinesServed, OrderConfirmed
from modules.sales.models import Order, OrderLine
from modules.sales.services.allocations import plan_with, write_plans
from modules.sales.services.lines import NewLine, cancel_lines, check_lines, new_line_refusals, new_refusals
from modules.sales.services.locking import lock_order
from modules.sales.services.order_states import ORDER_TABLE, close_orders, write_orders
from modules.sales.services.quote_endings import use_quote
from modules.sales.services.releases import LINE
from modules.sales.states import ORDER, AllocationSource, OrderState, ShippingPolicy


@dataclass(frozen=True)
class NewOrder:
    """A confirmed order to be made under a given number."""

    number: str
    customer_id: int
    ordered_at: datetime
    lines: Sequence[NewLine]
    priority: int = 0
    shipping_policy: ShippingPolicy = ShippingPolicy.partial

    def values(self) -> dict[str, object]:
        """Return the order's column values."""
        return {
            "number": self.number,
            "customer_id": self.customer_id,
            "ordered_at": self.ordered_at,
            "priority": self.priority,
            "shipping_policy": self.shipping_policy,
            "state": OrderState.confirmed,
        }


@dataclass(frozen=True)
class NewDraft:
    """A draft to be made; ordered now where `ordered_at` says no other instant."""

    customer_id: int
    lines: Sequence[NewLine]
    ordered_at: datetime | None = None
    priority: int = 0
    shipping_policy: ShippingPolicy = ShippingPolicy.partial
    note: str = ""

    def values(self) -> dict[str, object]:
        """Return the order's column values."""
        return {
            "customer_id": self.customer_id,
            "ordered_at": self.ordered_at or clock.now(),
            "priority": self.priority,
            "shipping_policy": self.shipping_policy,
            "note": self.note,
        }


def create_draft(session: Session, draft: NewDraft) -> int:
    """Make a draft with its lines; return its id. Raises what `create_drafts` refuses."""
    (made,) = create_drafts(session, [draft])
    if isinstance(made, ErpError):
        raise made
    return made


def create_drafts(session: Session, drafts: Sequence[NewDraft]) -> list[int | ErpError]:
    """Make drafts with their lines, in a fixed number of statements; return the id of each, or why it is refused.

    They are refused as their confirmation would be: BadQuantity, NegativePrice and InactiveProduct.
    """
    refused = new_line_refusals(session, [draft.lines for draft in drafts])
    made = {place: draft for place, draft in enumerate(drafts) if place not in refused}
    free = new_ids_of(session, {ORDER_TABLE: len(made), LINE: sum(len(draft.lines) for draft in made.values())})
    ids = dict(zip(made, free[ORDER_TABLE], strict=True))
    insert_rows(session, Order, [draft.values() for draft in made.values()], ids=free[ORDER_TABLE])
    rows = [
        line.values(ids[place], position)
        for place, draft in made.items()
        for position, line in enumerate(draft.lines, start=1)
    ]
    insert_rows(session, OrderLine, rows, ids=free[LINE])
    return [ids[place] if place in ids else refused[place] for place in range(len(drafts))]


def confirm(session: Session, order_id: int, *, quote: str | None = None) -> Order:
    """Check an order's lines, give it its number, and run its products unless the option says otherwise.

    With the token of a `quote` it gets exactly what that holds, and nothing is run. Raises InvalidTransition,
    OrderWithoutLines and LinesRefused with every reason, and what `use_quote` raises.
    """
    order = lock_order(session, order_id)
    state = ORDER.next(order.state, "confirm")
    if not order.lines:
        raise OrderWithoutLines(order=order.name)
    run = None if quote is None else use_quote(session, order, quote)
    check_lines(session, order, order.lines)
    if run is None and options.sales.allocate_on_confirm:
        run = plan_with(session, order.lines)
    # The number is taken last: the next one waits until this transaction ends.
    number = order.number or next_number(session, "sales.order", "SO", Order.number)
    write_orders(session, [(order, number, state)])
    if run is not None:
        write_plans(session, *run, AllocationSource.automatic, is_alone=quote is None)
    publish(session, OrderConfirmed((order_id,)))
    return order


def create_confirmed(session: Session, orders: Sequence[NewOrder]) -> tuple[list[int], dict[tuple[int, int], ErpError]]:
    """Make confirmed orders as an import brings them, without allocating anything.

    The caller holds the products' locks. Returns the orders' ids and what is refused by (order, line) index; with any
    refusal the caller undoes all of it.
    """
    order_ids = insert_rows(session, Order, [new.values() for new in orders])
    places = [(order, line) for order, new in enumerate(orders) for line in range(len(new.lines))]
    new_lines = [line for new in orders for line in new.lines]
    rows = [line.values(order_ids[order], place + 1) for (order, place), line in zip(places, new_lines, strict=True)]
    line_ids = insert_rows(session, OrderLine, rows)
    subjects = [history.Subject("sales.order", id_, new.number) for id_, new in zip(order_ids, orders, strict=True)]
    history.record_all(
        session, [history.Change(subject, "created", "state", new=OrderState.confirmed) for subject in subjects]
    )
    refusals = new_refusals(session, dict(zip(line_ids, new_lines, strict=True)))
    if not refusals:
        publish(session, OrderConfirmed(tuple(order_ids)))
    return order_ids, {place: refusals[id_] for place, id_ in zip(places, line_ids, strict=True) if id_ in refusals}


def announce_order(session: Session, order: Order) -> None:
    """Announce that what holds for all lines of a confirmed order changed, such as its shipping policy."""
    session.flush()
    products = tuple(sorted({line.product_id for line in order.lines}))
    publish(session, LinesServed(products, tuple(line.id for line in order.lines)))


def cancel_order(session: Session, order_id: int, *, why: str = "") -> Order:
    """Cancel all of an order that is not packed. Raises InvalidTransition."""
    order = lock_order(session, order_id)
    state = ORDER.next(order.state, "cancel")
    was_draft = order.state == OrderState.draft
    cancel_lines(session, [line for line in order.lines if line.is_open], why=why)
    if was_draft or not order.lines:
        order.state = state
    close_orders(session, [order.id])
    session.flush()
    return order
