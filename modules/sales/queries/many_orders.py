"""What lists show of many orders or lines before and after an action on them, summed in one statement."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from erp.db import format_quantity, is_one_of, total
from erp.text import joined, plural, say
from modules.sales.models import Order, OrderLine
from modules.sales.queries.lines import select_lines
from modules.sales.queries.purchase_allocations import purchase_allocated_quantities
from modules.sales.states import OrderState


@dataclass(frozen=True)
class Quantities:
    """What is open, allocated and packed of an order or a line, and on purchase orders; `held` counts held lines."""

    id: int
    order_id: int
    name: str
    state: OrderState
    edits: int
    open_quantity: Decimal
    allocated: Decimal
    packed: Decimal
    cancelled: Decimal
    held: int
    on_purchase_orders: Decimal = Decimal(0)

    def allocated_since(self, was: Quantities) -> str:
        """Return in words what is more allocated than before, on stock and on purchase orders, and what is not."""
        more, covered = self.allocated - was.allocated, self.on_purchase_orders - was.on_purchase_orders
        left = self.open_quantity - self.allocated
        parts = [say("{more} more allocated", more=format_quantity(more)) if more else say("nothing more is in stock")]
        parts += [say("{covered} more on purchase orders", covered=format_quantity(covered))] if covered > 0 else []
        parts.append(
            say("{left} not allocated", left=format_quantity(left)) if left else say("all of it is allocated now")
        )
        parts += [say("no longer held")] if was.held and not self.held else []
        return joined(parts, "; ")

    def held_since(self, was: Quantities) -> str:
        """Return in words how many lines are held that were not."""
        return say("{lines} held; what is allocated stays", lines=plural(self.held - was.held, "line"))

    def released_since(self, was: Quantities) -> str:
        """Return in words how many lines are not held any more, and what they got."""
        return say(
            "{lines} released; {allocated_since}",
            lines=plural(was.held - self.held, "line"),
            allocated_since=self.allocated_since(replace(was, held=0)),
        )


_SUMS = (
    total(OrderLine.open_quantity),
    total(OrderLine.allocated),
    total(OrderLine.packed),
    total(OrderLine.cancelled),
    func.coalesce(func.sum(cast(OrderLine.hold_allocation, Integer)), 0),
)


def order_quantities(session: Session, order_ids: Collection[int]) -> dict[int, Quantities]:
    """Return how these orders stand, by id, without what they have on purchase orders."""
    columns = (Order.id, Order.number, Order.state, Order.row_version)
    rows = select(*columns, *_SUMS).outerjoin(Order.lines).where(is_one_of(session, Order.id, order_ids))
    found = session.execute(rows.group_by(*columns)).all()
    return {
        id_: Quantities(id_, id_, number or say("Draft {id}", id=id_), state, edits, *_sums(sums))
        for id_, number, state, edits, *sums in found
    }


def line_quantities(session: Session, line_ids: Collection[int]) -> dict[int, Quantities]:
    """Return how these lines stand, by id, with what they have on purchase orders."""
    columns = (OrderLine.id, OrderLine.order_id, Order.number, OrderLine.position, Order.state)
    counters = (OrderLine.open_quantity, OrderLine.allocated, OrderLine.packed, OrderLine.cancelled)
    rows = select_lines(*columns, *counters, OrderLine.hold_allocation)
    found = session.execute(rows.where(is_one_of(session, OrderLine.id, line_ids))).all()
    on_purchases = purchase_allocated_quantities(session, [row[0] for row in found])
    return {
        id_: Quantities(
            *(id_, order_id, joined((number or say("Draft {id}", id=order_id), str(position)), "/"), state, 0),
            *(*quantities, int(held), on_purchases.get(id_, Decimal(0))),
        )
        for id_, order_id, number, position, state, *quantities, held in found
    }


def _sums(values: Any) -> list[Any]:
    *quantities, held = values
    return [*(value if value is not None else Decimal(0) for value in quantities), int(held)]
