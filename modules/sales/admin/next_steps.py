"""What is to be done next with a sales order."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from erp.admin import NextStep
from erp.text import plural, say
from modules.inventory_lots.states import Tracking
from modules.sales import queries
from modules.sales.admin.packs import PackSerials, asks_for_serials
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState, ShippingPolicy

WAIT = NextStep("", say("wait. All that is open is on purchase orders, and is allocated to the order when it arrives."))


def next_step(session: Session, order: Order) -> NextStep | None:
    """Return what is to be done next with an order; None where nothing of it is open."""
    if order.state == OrderState.draft:
        return NextStep("confirm", say("confirm the order, so that it takes its place in the queue."))
    lines = [line for line in order.lines if line.is_open]
    if order.state != OrderState.confirmed or not lines:
        return None
    allocated = [line for line in lines if line.allocated]
    waiting = [line for line in lines if line.has_need and line.product.tracking is not Tracking.serial]
    if allocated and waiting and order.shipping_policy is ShippingPolicy.complete:
        text = say("allocate what is free. The order ships complete, and {waiting}", waiting=_waits(waiting, lines))
        return NextStep("allocate", text)
    if allocated or not waiting:
        return _pack(order, allocated, lines)
    if _is_covered(session, waiting):
        return WAIT
    return NextStep("allocate", say("allocate what is free: {waiting}", waiting=_waits(waiting, lines)))


def _pack(order: Order, allocated: list[OrderLine], lines: list[OrderLine]) -> NextStep:
    name = PackSerials.name if asks_for_serials(order) else "pack"
    if not allocated:
        return NextStep(name, say("pack it. You will be asked for the serial numbers."))
    return NextStep(name, say("pack what is allocated: {allocated} in stock.", allocated=_of(allocated, lines)))


def _is_covered(session: Session, lines: list[OrderLine]) -> bool:
    """Say whether purchase orders cover all that the lines still need."""
    found = queries.purchase_allocations_of(session, [line.id for line in lines])
    covered = {id_: sum((note.quantity for note in notes), Decimal(0)) for id_, notes in found.items()}
    return all(covered.get(line.id, Decimal(0)) >= line.need for line in lines)


def _waits(some: list[OrderLine], lines: list[OrderLine]) -> str:
    """Return how many of the lines are not allocated in full."""
    if len(some) == len(lines) > 1:
        return say("none of its {lines} lines is fully allocated.", lines=len(lines))
    return say("{some} not fully allocated.", some=_of(some, lines))


def _of(some: list[OrderLine], lines: list[OrderLine]) -> str:
    """Return how many of the lines these are, with the verb that follows."""
    if len(some) == len(lines):
        return say("its line is") if len(lines) == 1 else say("all {lines} lines are", lines=len(lines))
    of_all = plural(len(lines), "line")
    return (
        say("1 of {lines} is", lines=of_all)
        if len(some) == 1
        else say("{some} of {lines} are", some=len(some), lines=of_all)
    )
