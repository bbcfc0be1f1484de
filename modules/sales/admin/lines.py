"""Lines on an order's page: their columns and their actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Action, Badge, ExtraColumn, Facts, FormPage, document_anchor, line_heading
from erp.admin.access import may, screen_session
from erp.admin.formatting import badge, day
from erp.admin.numerals import money
from erp.db import format_quantity
from erp.options import options
from erp.text import joined, plural, say
from erp.url_rules import address_of
from modules.inventory_lots.states import Tracking
from modules.sales import queries, services
from modules.sales.admin.forms import QuantityForm, ReasonForm, RequestedDateForm
from modules.sales.admin.taking import TakeFrom
from modules.sales.admin.versions import of_line, of_requested_date
from modules.sales.domain import Progress, fulfilment
from modules.sales.models import OrderLine
from modules.sales.states import ORDER, Fulfilment, OrderState


def _product(line: OrderLine) -> Markup:
    product = escape(document_anchor("inventory_lots.product", line.product_id, line.product))
    mark = badge(Badge("preorder", "info")) if line.is_preorder else ""
    price = (
        "" if line.unit_price is None else say("{price} a {unit}", price=money(line.unit_price), unit=line.product.unit)
    )
    below = f'<div class="small text-muted">{escape(price)}</div>'
    return Markup(f'<div style="min-width:10em">{product} {mark}{below}</div>')


def _backordered(line: OrderLine) -> Decimal:
    return sum((row.open_quantity for row in line.backorders if row.is_open), Decimal(0))


def _dates(line: OrderLine) -> Markup:
    """Show the promise date, and below it the date that the customer requested."""
    requested = Markup("")
    if line.requested_on is not None:
        requested = escape(say("requested {day}", day=day(line.requested_on)))
    promised = escape(day(line.promise_date))
    return Markup(f'<div class="text-nowrap">{promised}</div><div class="text-muted small">{requested}</div>')


def _fulfilment(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    confirmed = [line for line in lines if line.order.state != OrderState.draft]
    found = queries.line_progress(session, confirmed)
    return {line.id: _shown_fulfilment(line, found[line.id]) for line in confirmed}


def _shown_fulfilment(line: OrderLine, progress: Progress) -> Markup:
    state = fulfilment([progress])
    more = [Badge("held", "warning")] if line.hold_allocation and line.has_need else []
    more += [Badge("scheduled", "info")] if progress.scheduled and state is not Fulfilment.scheduled else []
    shown = Markup().join(badge(each) for each in more)
    return Markup(f"<div>{badge(state)}</div>{shown}{escape(_shortage(line))}{_why(line)}")


def _why(line: OrderLine) -> Markup:
    """Link to the page that says why a line is not allocated, where stock of others may be taken for it."""
    if not queries.can_take(line):
        return Markup()
    address = address_of("sales_order.line_action", name="why", id=line.order_id, line_id=line.id)
    text = escape(say("Why?"))
    return Markup(f'<div><a class="small text-nowrap" href="{escape(address)}">{text}</a></div>')


def _shortage(line: OrderLine) -> Markup | str:
    """Return the shortage that no backorder line shows while backorders are off."""
    missing = line.need - _backordered(line)
    if options.sales.backorders or missing <= 0 or line.product.tracking is Tracking.serial:
        return ""
    return badge(Badge(say("short {missing}", missing=format_quantity(missing)), "danger"))


LINE_COLUMNS = (
    ("#", "position"),
    ("Product", _product),
    ("Ordered", "quantity"),
    ("Allocated", "allocated"),
    ("Packed", "packed"),
    ("Backordered", _backordered),
    ("Cancelled", "cancelled"),
    ("Promised", _dates),
    ExtraColumn("fulfilment", "Fulfilment", _fulfilment),
)


def why_not_allocated(screen: Any, line: OrderLine) -> ResponseReturnValue:
    """Show the line's place in the queue, the lines before it, and each supply that a run considers."""
    session = screen_session()
    shown = {
        "answer": queries.explain(session, line),
        "holders": queries.holders_for(session, line) if may(TakeFrom.permission) else (),
        "most_holders": queries.MOST_HOLDERS,
        "take_from": screen.action_url(line.order, TakeFrom.name, line),
        "back": screen.get_url(".details_view", id=line.order_id),
    }
    return str(screen.render_page("sales/explanation.html", row=line, heading=line_heading(line), **shown))


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

    name = "change-quantity"
    title = "Change quantity"
    permission = "sales.edit"
    icon = "fa-sort-numeric-asc"
    allowed = staticmethod(lambda line: ORDER.allows(line.order.state, "change_quantity"))
    form_class = QuantityForm
    help = "If raised, the line keeps its place in the queue. If lowered, the backorder shrinks before allocations."

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.quantity.data = row.quantity

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        line = services.change_quantity(session, row.id, form.quantity.data)
        return say(
            "Line {line}: the quantity is now {line_}.", line=line.position, line_=format_quantity(line.quantity)
        )


class ChangeRequestedDate(LinePage):
    """Asks for which day the customer requests a line, and why it changes."""

    name = "requested-date"
    title = "Change requested date"
    permission = "sales.edit"
    icon = "fa-calendar-o"
    allowed = staticmethod(lambda line: ORDER.allows(line.order.state, "change_requested_date") and line.is_open)
    form_class = RequestedDateForm

    @property
    def help(self) -> str:  # type: ignore[override]
        """Return what the requested date decides, as the options say."""
        parts = ["The line keeps what is allocated to it."]
        if options.sales.service_order == "requested_on":
            parts.append("Of equal priority, the line that is requested first is served first.")
        if (days := options.sales.reserve_ahead_days) is not None:
            parts.append(say("Automatic runs serve it from {days} before this date on.", days=plural(days, "day")))
        return joined(parts)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_requested_date(session, row)

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.requested_on.data = row.requested_on

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        line = services.change_requested_date(session, row.id, form.requested_on.data, why=form.why.data or "")
        asked = (
            say("it is requested on {requested_on}", requested_on=day(line.requested_on))
            if line.requested_on
            else say("it has no requested date")
        )
        return say(
            "Line {line}: {asked}. {why_scheduled}",
            line=line.position,
            asked=asked,
            why_scheduled=queries.why_scheduled(line),
        ).strip()


class CancelLine(LinePage):
    """Asks why what is open of a line is cancelled."""

    name = "cancel"
    title = "Cancel line"
    permission = "sales.cancel"
    icon = "fa-ban"
    allowed = staticmethod(lambda line: line.order.is_confirmed and line.is_open)
    confirm = "Cancel what is open of this line? Its allocations and purchase allocations are released."
    yes = "Cancel line"
    no = "Keep it"
    style = "danger"
    form_class = ReasonForm

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        line = services.cancel_line(session, row.id, why=form.why.data or "")
        return say(
            "Line {line} is cancelled: {cancelled} in all.",
            line=line.position,
            cancelled=format_quantity(line.cancelled),
        )


LINE_ACTIONS = (
    Action(
        name="why",
        label="Explain",
        permission="sales.view",
        page=why_not_allocated,
        icon="fa-question-circle-o",
    ),
    TakeFrom.action(),
    ChangeQuantity.action(),
    ChangeRequestedDate.action(),
    CancelLine.action(),
)
