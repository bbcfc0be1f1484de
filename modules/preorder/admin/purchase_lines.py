"""What preorder adds to each line of a purchase order: reviewing, making and removing its allocations."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import BooleanField, Form

from erp.admin import Action, Badge, Choose, Chosen, Facts, document_url, line_heading
from erp.admin.access import screen_session
from erp.admin.formatting import badge
from erp.admin.numerals import quantity as shown_quantity
from erp.db import format_quantity
from erp.text import plural, say
from modules.preorder import queries, services
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.admin.promise_dates import SyncDates, news_of_allocations, order_anchor, promise
from modules.preorder.admin.what_if import WhatIf
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.states import PurchaseState
from modules.sales.domain import is_too_far_ahead
from modules.sales.queries import last_served_day

MOST_DRAWN = 200


def line_bar(line: PurchaseOrderLine, purchase_allocations: Sequence[Any]) -> list[Drawn]:
    """Return the bar of a purchase order line: received, allocated by order, available, and closed short.

    Of very many orders the first are drawn one by one and the others as one part.
    """
    unit = line.product.unit
    received = min(line.received, line.quantity)
    allocated = [
        Part(
            row.outstanding,
            "incoming",
            row.number,
            f"{row.number}/{row.position}, {row.customer}: {shown_quantity(row.outstanding)} {unit}",
            document_url("sales.order", row.order_id) or "",
        )
        for row in purchase_allocations[:MOST_DRAWN]
    ]
    others = line.allocated - sum((part.quantity for part in allocated), Decimal(0))
    free, cancelled = line.outstanding - line.taken, line.cancelled
    for_others = say("{others} {unit} for more orders", others=format_quantity(others), unit=unit)
    closed = say("{cancelled} {unit} closed short", cancelled=format_quantity(cancelled), unit=unit)
    there = say("{received} {unit} received", received=format_quantity(received), unit=unit)
    quoted = say("{held} {unit} held for quotes", held=format_quantity(line.held), unit=unit)
    available = say("{free} {unit} available", free=format_quantity(free), unit=unit)
    return draw(
        [
            Part(received, "done", say("received"), there),
            *allocated,
            Part(others, "incoming", say("more orders"), for_others),
            Part(line.held, "stock", say("quotes"), quoted),
            Part(free, "free", say("available"), available),
            Part(cancelled, "gone", say("closed short"), closed),
        ]
    )


def review(screen: Any, line: PurchaseOrderLine) -> ResponseReturnValue:
    """Show the sales orders to which the line is allocated, and how much of it is."""
    purchase_allocations = queries.purchase_allocations_to(
        screen_session(), PurchaseAllocation.purchase_line_id == line.id
    )
    actions = [action for action in LINE_ACTIONS if action.page is not review and action.allowed(line)]
    return str(
        screen.render_page(
            "preorder/purchase_line.html",
            row=line,
            heading=line_heading(line),
            purchase_allocations=purchase_allocations,
            available=queries.available_of(line),
            bar=line_bar(line, purchase_allocations),
            actions=actions,
            back=screen.get_url(".details_view", id=line.order_id),
        )
    )


def _waits_because(row: Any) -> Badge | None:
    """Say why automatic runs leave a line alone."""
    if is_too_far_ahead(row.requested_on, last_served_day()):
        return Badge("scheduled", "info")
    return Badge("held", "warning") if row.hold_allocation else None


class AllocateSalesOrders(Choose):
    """The open backorders of the line's product that are not covered, in order of service."""

    name = "allocate"
    title = "Allocate Sales Order"
    permission = "preorder.allocate"
    icon = "fa-link"
    button = "Allocate Selected"
    help = "In order of service. Choose the sales orders to which this purchase order line is allocated."
    template = "preorder/allocate.html"
    quantity_label = "Quantity"
    empty = "No open sales order waits for this product."
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Ordered at", "ordered_at"),
        ("Kind", "kind"),
        ("Requested", "requested_on"),
        ("Backordered", "waiting"),
        ("On purchase orders", "purchase_allocated"),
        ("Not covered", "remainder"),
        ("", _waits_because),
    )

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        return queries.waiting_lines(session, row.product_id) if queries.available_of(row) else ()

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {say("available of {row}", row=row): queries.available_of(row)}

    @override
    def depends_on_row(self, item: Any) -> Facts:
        line = f"{item.number}/{item.position}"
        return {
            say("backordered of {line}", line=line): item.waiting,
            say("on purchase orders of {line}", line=line): item.purchase_allocated,
        }

    @override
    def quantity(self, item: Any) -> Decimal | None:
        return item.remainder  # type: ignore[no-any-return]

    @override
    def decimals(self, row: Any) -> int:
        return int(row.product.unit_decimals)

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        available = queries.available_of(row)
        note = say(
            "{available} {unit} of {row} are available.",
            available=format_quantity(available),
            unit=row.product.unit,
            row=row,
        )
        if not available:
            note = say("Nothing of {row} is available: it is allocated, or overdue for too long.", row=row)
        pairs = [(each.line_id, row.id) for each in self.rows(session, row)]
        return {"note": note, "most": queries.MOST_SHOWN, "news": news_of_allocations(session, pairs)}

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        name, line_id = str(row), row.id
        services.allocate_by_hand(session, {(each.row.line_id, line_id): each.quantity for each in chosen})
        total = sum((each.quantity for each in chosen), Decimal(0))
        return say(
            "{total} of {name} are allocated to {chosen}.",
            total=format_quantity(total),
            name=name,
            chosen=_orders(chosen),
        )


def _orders(chosen: Sequence[Chosen]) -> str:
    numbers = list(dict.fromkeys(each.row.number for each in chosen))
    return numbers[0] if len(numbers) == 1 else plural(len(numbers), "sales order")


class HoldForm(Form):
    """Whether the lines of removed allocations stay out of automatic runs."""

    hold_allocation = BooleanField(
        "Hold allocation",
        default=True,
        description="Keeps these lines out of automatic runs until they are allocated by hand.",
    )


class RemoveAllocations(Choose):
    """Removes chosen allocations of the line."""

    name = "remove"
    title = "Remove Allocation"
    permission = "preorder.allocate"
    icon = "fa-chain-broken"
    button = "Remove Allocations"
    confirm = "Remove the chosen sales orders from this purchase order line? They then wait for other supply."
    yes = "Remove Allocations"
    no = "Keep them"
    style = "danger"
    empty = "This line is not allocated to any sales order."
    form_class = HoldForm
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Ordered at", "ordered_at"),
        ("Allocated", "outstanding"),
        ("Promise date", promise),
        ("Source", lambda row: Markup(" ").join(map(badge, row.sources))),
        ("By", "made_by"),
    )

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        return queries.purchase_allocations_to(session, PurchaseAllocation.purchase_line_id == row.id)

    @override
    def depends_on_row(self, item: Any) -> Facts:
        return {say("allocated to {item}/{item_}", item=item.number, item_=item.position): item.outstanding}

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        ids = [id for each in chosen for id in each.row.ids]
        services.remove_purchase_allocations(session, ids, hold=form.hold_allocation.data)
        total = sum((each.row.outstanding for each in chosen), Decimal(0))
        return say("{total} are no longer allocated to {chosen}.", total=format_quantity(total), chosen=_orders(chosen))


def _is_ordered(line: PurchaseOrderLine) -> bool:
    return line.order.state != PurchaseState.draft


def _is_supply(line: PurchaseOrderLine) -> bool:
    return line.is_open


LINE_ACTIONS = (
    Action(
        name="review",
        label="Review Allocations",
        permission="preorder.view",
        page=review,
        allowed=_is_ordered,
        icon="fa-list-ul",
    ),
    AllocateSalesOrders.action(
        confirm="View the unallocated sales orders of this product, to allocate them to this purchase order?",
        yes="Yes",
        no="No",
        allowed=_is_supply,
    ),
    SyncDates.action(
        confirm="Sync the arrival date with the sales orders to which this line is allocated?",
        yes="Yes",
        no="No",
        allowed=_is_supply,
    ),
    WhatIf.action(allowed=_is_supply),
    RemoveAllocations.action(allowed=_is_supply),
)
