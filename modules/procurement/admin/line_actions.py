"""What is done to a line of a purchase order."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from erp.admin import Action, FormPage, line_heading
from erp.admin.formatting import day
from erp.numbers import format_quantity
from modules.procurement import services
from modules.procurement.admin.impact import show_impact_first
from modules.procurement.admin.receiving import Receive
from modules.procurement.forms import DateForm, StatusForm
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.states import PURCHASE_ORDER


def _can_change(line: PurchaseOrderLine) -> bool:
    return PURCHASE_ORDER.allows(line.order.state, "change_line")


def _is_coming(line: PurchaseOrderLine) -> bool:
    return PURCHASE_ORDER.allows(line.order.state, "close_short") and line.outstanding > 0


def _close(session: Session, line: PurchaseOrderLine) -> str:
    place, left = str(line), line.outstanding
    services.close_line(session, line)
    return f"{place} is closed short: {format_quantity(left)} will not come any more."


class ExpectedDate(FormPage):
    """Asks when a line is expected, and shows which promises that breaks before it is saved."""

    title = "Expected date"
    button = "Save date"
    template = "procurement/expected_date.html"
    form_class = DateForm

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Show the present date."""
        form.expected_on.data = row.expected_on

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Save the date, once the person has seen what it breaks."""
        # Whoever links it meanwhile is waited for, and then shown.
        services.lock_lines(session, [row.id])
        place, new = str(row), form.expected_on.data
        if new != row.expected_on:
            show_impact_first(session, {row.id: new})
        services.set_expected_dates(session, {row.id: new})
        return f"{place} is expected on {day(new)}." if new else f"{place} is expected on no known day."


class LineStatus(FormPage):
    """Asks for the status of a line."""

    title = "Line status"
    button = "Save status"
    form_class = StatusForm

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Show the present status."""
        form.status.data = row.status

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Give the line its status."""
        place, status = str(row), form.status.data
        services.set_status(session, [row.id], status)
        return f"{place} has the status {status}." if status else f"{place} has no status."


LINE_ACTIONS = (
    Action(
        name="receive",
        label="Receive",
        permission="procurement.receive",
        page=Receive(),
        allowed=_is_coming,
        icon="fa-sign-in",
    ),
    Action(
        name="expected-date",
        label="Expected date",
        permission="procurement.edit",
        page=ExpectedDate(),
        allowed=_can_change,
        icon="fa-calendar",
    ),
    Action(
        name="status",
        label="Line status",
        permission="procurement.edit",
        page=LineStatus(),
        allowed=_can_change,
        icon="fa-tag",
    ),
    Action(
        name="close-short",
        label="Close short",
        permission="procurement.edit",
        run=_close,
        confirm="Close this line short? What is outstanding will not come any more, and sales orders lose it.",
        yes="Close short",
        no="Keep it open",
        allowed=_is_coming,
        style="danger",
        icon="fa-compress",
    ),
)
