"""What changes of sales orders, their lines and backorders depend on."""

from __future__ import annotations

from functools import lru_cache

from sqlalchemy.orm import Session

from erp.admin import Facts
from erp.text import say
from modules.sales import queries
from modules.sales.models import Backorder, Order, OrderLine


def quantities_of(line: OrderLine) -> Facts:
    """Return what is ordered, allocated, packed and cancelled of a line."""
    return dict(zip(_labels(line.position), (line.quantity, line.allocated, line.packed, line.cancelled), strict=True))


@lru_cache(maxsize=1000)
def _labels(line: int) -> tuple[str, ...]:
    return (
        say("ordered of line {line}", line=line),
        say("allocated of line {line}", line=line),
        say("packed of line {line}", line=line),
        say("cancelled of line {line}", line=line),
    )


def of_order(_session: Session, order: Order) -> Facts:
    """Return the state of an order and the quantities of its lines."""
    quantities = {label: value for line in order.lines for label, value in quantities_of(line).items()}
    return {"state": order.state, **quantities}


def of_draft(session: Session, order: Order) -> Facts:
    """Return the state of an order and what is ordered, line by line."""
    ordered = queries.ordered_products(session, order.id)
    return {
        "state": order.state,
        **{say("line {position}", position=position): text for position, text in ordered.items()},
    }


def of_line(_session: Session, line: OrderLine) -> Facts:
    """Return the state of a line's order and the quantities of the line."""
    return {"state": line.order.state, **quantities_of(line)}


def of_requested_date(_session: Session, line: OrderLine) -> Facts:
    """Return the state of a line's order and the requested date of the line."""
    return {"state": line.order.state, say("requested date of line {line}", line=line.position): line.requested_on}


def of_backorder(_session: Session, backorder: Backorder) -> Facts:
    """Return the state of a backorder and its quantities."""
    return {
        "state": backorder.state,
        "quantity": backorder.quantity,
        say("allocated since"): backorder.allocated_quantity,
        "cancelled": backorder.cancelled_quantity,
    }
