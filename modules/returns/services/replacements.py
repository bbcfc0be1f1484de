"""Replacement orders: the customer gets the goods again, at the place in the queue of the order that they were of."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy.orm import Session

from modules.returns.domain import ANNOUNCE_REPLACED
from modules.returns.errors import AlreadyReplaced, NothingReturned
from modules.returns.models import Return
from modules.returns.services.announcements import announce
from modules.returns.services.returns import lock_return
from modules.returns.states import RETURN
from modules.sales.models import Order
from modules.sales.services import NewDraft, NewLine, confirm, create_draft


def replace(session: Session, return_id: int, *, is_free: bool) -> Order:
    """Confirm an order of all that was received, with the order time and the priority of the original order.

    It costs nothing where `is_free`, else what was agreed. Raises InvalidTransition, AlreadyReplaced and what refuses
    to confirm an order.
    """
    document = lock_return(session, return_id)
    RETURN.next(document.state, "replace")
    if document.replacement is not None:
        raise AlreadyReplaced(number=document.number, order=document.replacement.name)
    lines = _lines(document, is_free)
    if not lines:
        raise NothingReturned
    original = document.order
    draft = NewDraft(
        customer_id=original.customer_id,
        ordered_at=original.ordered_at,
        lines=lines,
        priority=original.priority,
        shipping_policy=original.shipping_policy,
        note=f"Replacement for {original.name}, {document.number}",
    )
    order = confirm(session, create_draft(session, draft))
    document.replacement = order
    session.flush()
    announce(session, ANNOUNCE_REPLACED, document, replacement=order.name)
    return order


def _lines(document: Return, is_free: bool) -> list[NewLine]:
    """Return a line for each line of the original order of which something was received."""
    wanted: dict[int, NewLine] = {}
    for line in document.lines:
        ordered = line.pack_line.line
        before = wanted[ordered.id].quantity if ordered.id in wanted else Decimal(0)
        if line.received:
            price = Decimal(0) if is_free else ordered.unit_price
            wanted[ordered.id] = NewLine(ordered.product_id, before + line.received, price)
    return list(wanted.values())
