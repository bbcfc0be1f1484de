"""Filters of the lists of sales by what is computed: how far orders are, what is held, scheduled or ready."""

from __future__ import annotations

from functools import partial

from sqlalchemy import ColumnElement, func, select

from erp.admin import DerivedFilter, QuickFilter, compared, yes_or_no
from erp.admin.access import screen_session
from modules.sales import queries
from modules.sales.models import Backorder, Order, OrderLine, Pack, PackLine
from modules.sales.states import Fulfilment


def is_confirmed() -> ColumnElement[bool]:
    """Return the condition of the orders of which something may be open."""
    return Order.state == "confirmed"


def _is_so_far(state: Fulfilment) -> ColumnElement[bool]:
    return queries.has_fulfilment(screen_session(), state)


def _is_ready() -> ColumnElement[bool]:
    return queries.is_ready_to_pack(screen_session())


def _fulfilment(*states: Fulfilment) -> DerivedFilter:
    return DerivedFilter(
        "Fulfilment",
        {each.value: partial(_is_so_far, each) for each in states},
        among=is_confirmed,
        candidates={Fulfilment.part_packed.value: queries.may_be_part_packed},
    )


_FURTHER = (
    yes_or_no("Held", queries.has_held_line, candidates=queries.may_have_held_line),
    yes_or_no("Scheduled", queries.has_scheduled_line, among=is_confirmed),
    *compared("Lines", lambda: _count(OrderLine.id, OrderLine.order_id == Order.id)),
)
ORDER_FILTERS = (_fulfilment(*Fulfilment), yes_or_no("Ready to pack", _is_ready, among=is_confirmed), *_FURTHER)
# Something of what is ready is allocated: it is in no other state.
READY_FILTERS = (_fulfilment(Fulfilment.part_allocated, Fulfilment.allocated, Fulfilment.part_packed), *_FURTHER)
ORDER_QUICK_FILTERS = (
    QuickFilter("Draft", "state_is", "draft"),
    QuickFilter("Confirmed", "state_is", "confirmed"),
    QuickFilter("Ready to pack", "ready_to_pack_is", "yes"),
    QuickFilter("Not allocated", "fulfilment_is", "unallocated"),
    QuickFilter("Held", "held_is", "yes"),
    QuickFilter("Done", "state_is", "done"),
    QuickFilter("Cancelled", "state_is", "cancelled"),
)
OPEN_FILTERS = compared("Open", lambda: OrderLine.open_quantity)
BACKORDER_FILTERS = compared("Open", lambda: Backorder.open_quantity)
PACK_FILTERS = (
    *compared("Lines", lambda: _count(PackLine.id, PackLine.pack_id == Pack.id)),
    yes_or_no("Reversed", lambda: _count(PackLine.id, PackLine.pack_id == Pack.id, PackLine.reversed > 0) > 0),
)


def _count(column: object, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count(column)).where(*conditions).scalar_subquery()  # type: ignore[arg-type]
