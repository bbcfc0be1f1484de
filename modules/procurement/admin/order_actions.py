"""What is done to a purchase order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Action, FormPage
from modules.procurement import services
from modules.procurement.admin.impact import show_impact_first
from modules.procurement.admin.receiving import Receive, coming
from modules.procurement.forms import DatesForm, StatusForm
from modules.procurement.models import PurchaseOrder
from modules.procurement.states import PURCHASE_ORDER


def _can(action: str) -> Callable[[Any], bool]:
    return lambda order: PURCHASE_ORDER.allows(order.state, action)


def _order(session: Session, order: PurchaseOrder) -> str:
    order_id = order.id
    services.order(session, order)
    return f"{session.get_one(PurchaseOrder, order_id).name} is ordered."


def _cancel(session: Session, order: PurchaseOrder) -> str:
    name = order.name
    services.cancel_order(session, order)
    return f"{name} is cancelled."


class ExpectedDates(FormPage):
    """Asks when the open lines are expected, and shows which promises that breaks before anything is saved."""

    title = "Expected dates"
    button = "Save dates"
    template = "procurement/expected_dates.html"
    form_class = DatesForm

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Show the present dates."""
        for line in coming(row):
            form.lines.append_entry({"line_id": str(line.id), "expected_on": line.expected_on})

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return the lines."""
        return {"order_lines": {str(line.id): line for line in row.lines}}

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Save the dates, once the person has seen what they break."""
        name, lines = row.name, {str(line.id): line for line in row.lines}
        entries = [entry.form for entry in form.lines if entry.form.line_id.data in lines]
        dates = {lines[entry.line_id.data].id: entry.expected_on.data for entry in entries}
        # Whoever links them meanwhile is waited for, and then shown.
        services.lock_lines(session, dates)
        old = {line.id: line.expected_on for line in row.lines}
        show_impact_first(session, {line_id: new for line_id, new in dates.items() if new != old[line_id]})
        changed = services.set_expected_dates(session, dates)
        return f"{name}: {changed} expected {'date' if changed == 1 else 'dates'} changed."


class StatusOfAll(FormPage):
    """Asks for a status that all lines get."""

    title = "Status of all lines"
    button = "Give all lines this status"
    form_class = StatusForm

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Give it to all lines."""
        name, status = row.name, form.status.data
        changed = services.set_status(session, [line.id for line in row.lines], status)
        return f"{name}: {changed} {'line has' if changed == 1 else 'lines have'} a new status."


ORDER_ACTIONS = (
    Action(
        name="order",
        label="Order",
        permission="procurement.edit",
        run=_order,
        allowed=_can("order"),
        style="primary",
        icon="fa-paper-plane",
    ),
    Action(
        name="receive",
        label="Receive",
        permission="procurement.receive",
        page=Receive(),
        allowed=_can("receive"),
        style="primary",
        icon="fa-sign-in",
    ),
    Action(
        name="expected-dates",
        label="Expected dates",
        permission="procurement.edit",
        page=ExpectedDates(),
        allowed=_can("close_short"),
        icon="fa-calendar",
    ),
    Action(
        name="status",
        label="Status of all lines",
        permission="procurement.edit",
        page=StatusOfAll(),
        allowed=_can("change_line"),
        icon="fa-tags",
    ),
    Action(
        name="cancel",
        label="Cancel",
        permission="procurement.edit",
        run=_cancel,
        confirm="Cancel this purchase order? Sales orders lose what it would bring, and are not cancelled themselves.",
        yes="Cancel purchase order",
        no="Keep it",
        allowed=_can("cancel"),
        style="danger",
        icon="fa-ban",
    ),
)
