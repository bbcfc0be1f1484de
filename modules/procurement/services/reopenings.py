"""Reopening: cancelled quantity of purchase order lines that will come after all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy.orm import Session

from erp import clock, history
from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.procurement.domain import Reopening
from modules.procurement.errors import ExpectedDatePassed, NothingCancelled, ReasonMissing, ReopenedTooMuch
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services.expected_dates import write_dates
from modules.procurement.services.locking import count_up_versions, lock_lines_and_orders
from modules.procurement.services.states import announce_supply, update_states
from modules.procurement.states import PURCHASE_ORDER, PurchaseState


def reopen_lines(session: Session, reopenings: Sequence[Reopening], *, why: str) -> None:
    """Lock lines and take back quantities that were cancelled of them; the states of their orders are derived again.

    An order that was cancelled as a draft is a draft again. Purchase allocations do not come back, but SupplyChanged
    offers the quantity to what waits. Raises NothingCancelled, ReopenedTooMuch, ExpectedDatePassed and ReasonMissing.
    """
    if not why.strip():
        raise ReasonMissing(action=say("reopen a line"))
    by_line = {reopening.line_id: reopening for reopening in reopenings}
    lines = lock_lines_and_orders(session, by_line)
    dates = {line.id: _check(line, by_line[line.id]) for line in lines}
    orders = {line.order_id: line.order for line in lines}
    count_up_versions(session, lines)
    with history.because(session, why.strip()):
        for line in lines:
            line.cancelled -= by_line[line.id].quantity
        _reopen_drafts(orders.values())
        session.flush()
        write_dates(session, lines, dates)
        update_states(session, orders)
    announce_supply(session, [line.product_id for line in lines if line.order.state != PurchaseState.draft])


def _check(line: PurchaseOrderLine, reopening: Reopening) -> date | None:
    """Return the date on which a line that may be reopened is expected; raise why it may not."""
    PURCHASE_ORDER.next(line.order.state, "reopen")
    if not line.cancelled:
        raise NothingCancelled(line=str(line))
    check_quantity(reopening.quantity, line.product.unit_decimals, what=str(line))
    if reopening.quantity > line.cancelled:
        raise ReopenedTooMuch(line=str(line), quantity=reopening.quantity, cancelled=line.cancelled)
    expected_on = reopening.expected_on or line.expected_on
    if expected_on and expected_on < clock.today():
        raise ExpectedDatePassed(line=str(line), expected_on=expected_on)
    return expected_on


def _reopen_drafts(orders: Iterable[PurchaseOrder]) -> None:
    for order in orders:
        # An order gets its number when it is ordered: one without a number was cancelled as a draft.
        if order.number is None:
            order.state = PurchaseState.draft
