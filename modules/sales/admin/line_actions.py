"""What is done to a line of a sales order."""

from __future__ import annotations

from typing import Any

from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from erp.admin import Action, FormPage, line_heading
from erp.admin.access import screen_session
from erp.db import format_quantity
from modules.sales import services
from modules.sales.forms import QuantityForm, ReasonForm
from modules.sales.models import OrderLine
from modules.sales.queries.explanation import explain
from modules.sales.queries.report import purchase_allocations_of
from modules.sales.queries.screens import backordered
from modules.sales.states import ORDER, OrderState


def _status_before(session: Session, line: OrderLine) -> dict[str, Any]:
    """Return what a line holds: what a change or a cancellation would give back."""
    return {
        "backordered": backordered(session, [line.id]).get(line.id),
        "purchase_allocations": purchase_allocations_of(session, [line.id]).get(line.id, []),
    }


def why_not_allocated(screen: Any, line: OrderLine) -> ResponseReturnValue:
    """Show the line's place in the queue, who is before it, and each supply that was looked at."""
    answer = explain(screen_session(), line)
    back = screen.get_url(".details_view", id=line.order_id)
    return str(screen.render_page("sales/why.html", row=line, heading=line_heading(line), answer=answer, back=back))


class ChangeQuantity(FormPage):
    """Asks for a line's new quantity."""

    title = "Change quantity"
    button = "Change quantity"
    template = "sales/change_quantity.html"
    form_class = QuantityForm
    help = "Raised, the line keeps its place in the queue. Lowered, the backorder gives back first, then allocations."

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return what the line holds."""
        return _status_before(session, row)

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Show the present quantity."""
        form.quantity.data = row.quantity

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Change it."""
        line = services.change_quantity(session, row.id, form.quantity.data)
        return f"Line {line.position}: the quantity is now {format_quantity(line.quantity)}."


class CancelLine(FormPage):
    """Asks why what is open of a line is given up."""

    title = "Cancel line"
    button = "Cancel line"
    confirm = "Cancel what is open of this line? Its allocations and links are let go."
    yes = "Cancel line"
    no = "Keep it"
    style = "danger"
    template = "sales/cancel_line.html"
    form_class = ReasonForm

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return what the line holds."""
        return _status_before(session, row)

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Cancel it."""
        line = services.cancel_line(session, row.id, why=form.why.data or "")
        return f"Line {line.position} is cancelled: {format_quantity(line.cancelled)} in all."


LINE_ACTIONS = (
    Action(
        name="why",
        label="Why is this not allocated?",
        permission="sales.view",
        page=why_not_allocated,
        icon="fa-question-circle-o",
    ),
    Action(
        name="change-quantity",
        label="Change quantity",
        permission="sales.edit",
        page=ChangeQuantity(),
        allowed=lambda line: ORDER.allows(line.order.state, "change_quantity"),
        icon="fa-sort-numeric-asc",
    ),
    Action(
        name="cancel",
        label="Cancel line",
        permission="sales.cancel",
        page=CancelLine(),
        allowed=lambda line: line.order.state == OrderState.confirmed and line.open_quantity > 0,
        style="danger",
        icon="fa-ban",
    ),
)
