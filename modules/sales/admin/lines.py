"""Lines on an order's page: their columns and their actions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Action, Badge, Facts, FormPage, document_anchor, line_heading
from erp.admin.access import screen_session
from erp.admin.formatting import badge, day, money
from erp.db import format_quantity
from erp.options import options
from modules.inventory_lots.states import Tracking
from modules.sales import queries, services
from modules.sales.admin.forms import QuantityForm, ReasonForm
from modules.sales.admin.versions import of_line
from modules.sales.models import OrderLine
from modules.sales.states import ORDER, OrderState


def _product(line: OrderLine) -> Markup:
    shown = Markup("{} {}").format(
        document_anchor("inventory_lots.product", line.product_id, line.product),
        badge(Badge("preorder", "info")) if line.is_preorder else "",
    )
    price = "" if line.unit_price is None else f"{money(line.unit_price)} a {line.product.unit}"
    return Markup('<div style="min-width:12em">{}<div class="small text-muted">{}</div></div>').format(shown, price)


def _backordered(line: OrderLine) -> Decimal:
    return sum((row.open_quantity for row in line.backorders if row.is_open), Decimal(0))


def _dates(line: OrderLine) -> Markup:
    """Show the promise date, and below it the date that the customer requested."""
    requested = "" if line.requested_on is None else f"requested {day(line.requested_on)}"
    shown = Markup('<div class="text-nowrap">{}</div><div class="text-nowrap text-muted small">{}</div>')
    return shown.format(day(line.promise_date), requested)


def _fulfilment(line: OrderLine) -> Markup | None:
    if line.order.state == OrderState.draft:
        return None
    held = badge(Badge("held", "warning")) if line.hold_allocation and line.has_need else ""
    return Markup("<div>{}</div>{}{}").format(badge(queries.fulfilment_of([line])), held, _shortage(line))


def _shortage(line: OrderLine) -> Markup | str:
    """Return the shortage that no backorder line shows while backorders are off."""
    missing = line.need - _backordered(line)
    if options.sales.backorders or missing <= 0 or line.product.tracking is Tracking.serial:
        return ""
    return badge(Badge(f"short {format_quantity(missing)}", "danger"))


LINE_COLUMNS = (
    ("#", "position"),
    ("Product", _product),
    ("Ordered", "quantity"),
    ("Allocated", "allocated"),
    ("Packed", "packed"),
    ("Backordered", _backordered),
    ("Cancelled", "cancelled"),
    ("Promised", _dates),
    ("Fulfilment", _fulfilment),
)


def why_not_allocated(screen: Any, line: OrderLine) -> ResponseReturnValue:
    """Show the line's place in the queue, the lines before it, and each supply that a run considers."""
    answer = queries.explain(screen_session(), line)
    back = screen.get_url(".details_view", id=line.order_id)
    return str(
        screen.render_page("sales/explanation.html", row=line, heading=line_heading(line), answer=answer, back=back)
    )


class LinePage(FormPage):
    """A page that asks for values of a line, below what the line holds and could give back."""

    template = "sales/change_line.html"

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_line(session, row)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {
            "backordered": queries.backordered(session, [row.id]).get(row.id),
            "purchase_allocations": queries.purchase_allocations_of(session, [row.id]).get(row.id, []),
        }


class ChangeQuantity(LinePage):
    """Asks for a line's new quantity."""

    title = "Change quantity"
    form_class = QuantityForm
    help = "Raised, the line keeps its place in the queue. Lowered, the backorder gives back first, then allocations."

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.quantity.data = row.quantity

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        line = services.change_quantity(session, row.id, form.quantity.data)
        return f"Line {line.position}: the quantity is now {format_quantity(line.quantity)}."


class CancelLine(LinePage):
    """Asks why what is open of a line is cancelled."""

    title = "Cancel line"
    confirm = "Cancel what is open of this line? Its allocations and purchase allocations are released."
    yes = "Cancel line"
    no = "Keep it"
    style = "danger"
    form_class = ReasonForm

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
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
        permission="sales.edit",
        page=ChangeQuantity(),
        allowed=lambda line: ORDER.allows(line.order.state, "change_quantity"),
        icon="fa-sort-numeric-asc",
    ),
    Action(
        name="cancel",
        permission="sales.cancel",
        page=CancelLine(),
        allowed=lambda line: line.order.is_confirmed and line.is_open,
        icon="fa-ban",
    ),
)
