"""What preorder adds to each line of a purchase order: reviewing, making, syncing and removing its links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from erp.admin import Action, Badge, Choose, Chosen, document_anchor, document_url, line_heading
from erp.admin.access import screen_session
from erp.admin.formatting import badge, day
from erp.db import format_quantity
from modules.preorder import queries, services
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.forms import HoldForm, NotifyForm
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import SUPPLY_STATES
from modules.procurement.states import PurchaseState
from modules.sales.models import OrderLine

MOST_DRAWN = 200


def order_anchor(row: Any) -> Markup:
    """Return the sales order of a row with the position of its line."""
    return document_anchor("sales.order", row.order_id, f"{row.number}/{row.position}")  # type: ignore[no-any-return]


def promise(row: Any) -> Markup:
    """Return the promise date of a row, and whether it is pinned."""
    pinned = badge(Badge("pinned", "info")) if row.is_promise_pinned else Markup()
    return Markup("{} {}").format(day(row.promise_date), pinned)


def line_bar(line: PurchaseOrderLine, purchase_allocations: Sequence[Any]) -> list[Drawn]:
    """Return the bar of a purchase order line: received, each linked order, what is free, and what will not come.

    Of very many linked orders the first are drawn one by one and the others as one part.
    """
    unit = line.product.unit
    received = min(line.received, line.quantity)
    purchase_allocated = [
        Part(
            row.outstanding,
            "purchase_allocated",
            row.number,
            f"{row.number}/{row.position}, {row.customer}: {format_quantity(row.outstanding)} {unit}",
            document_url("sales.order", row.order_id) or "",
        )
        for row in purchase_allocations[:MOST_DRAWN]
    ]
    others = line.allocated - sum((part.quantity for part in purchase_allocated), Decimal(0))
    free = line.outstanding - line.allocated
    return draw(
        [
            Part(received, "done", "received", f"{format_quantity(received)} {unit} received"),
            *purchase_allocated,
            Part(others, "purchase_allocated", "more orders", f"{format_quantity(others)} {unit} for more orders"),
            Part(free, "free", "available", f"{format_quantity(free)} {unit} available"),
            Part(line.cancelled, "gone", "closed short", f"{format_quantity(line.cancelled)} {unit} closed short"),
        ]
    )


def review(screen: Any, line: PurchaseOrderLine) -> ResponseReturnValue:
    """Show every sales order that is linked to the line, and how much of the line is spoken for."""
    purchase_allocations = queries.purchase_allocations_to(
        screen_session(), PurchaseAllocation.purchase_line_id == line.id
    )
    actions = [action for action in LINE_ACTIONS if action.page is not review and action.allowed(line)]
    return str(
        screen.render_page(
            "preorder/review.html",
            row=line,
            heading=line_heading(line),
            purchase_allocations=purchase_allocations,
            available=queries.available_of(line),
            bar=line_bar(line, purchase_allocations),
            actions=actions,
            back=screen.get_url(".details_view", id=line.order_id),
        )
    )


class AllocateSalesOrders(Choose):
    """The open backorders of the line's product that nothing covers, in order of service."""

    title = "Allocate Sales Order"
    button = "Allocate Selected"
    help = "In order of service. Choose the sales orders that this purchase order line is meant for."
    template = "preorder/allocate.html"
    quantity_label = "Quantity"
    empty = "There is no sales order to choose."
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Ordered at", "ordered_at"),
        ("Kind", "kind"),
        ("Requested", "requested_on"),
        ("Backordered", "waiting"),
        ("Linked", "purchase_allocated"),
        ("Not covered", "remainder"),
        ("", lambda row: Badge("held", "warning") if row.hold_allocation else None),
    )

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        """Return the backorders, if there is anything to give them."""
        return queries.waiting_lines(session, row.product_id) if queries.available_of(row) else ()

    def quantity(self, item: Any) -> Decimal | None:
        """Offer what is not linked yet."""
        return item.remainder  # type: ignore[no-any-return]

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Say how much there is to give."""
        available = queries.available_of(row)
        note = f"{format_quantity(available)} {row.product.unit} of {row} are available."
        if not available:
            note = f"Nothing of {row} is available: it is linked, or overdue for too long."
        return {"note": note, "most": queries.MOST_SHOWN}

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        """Link them."""
        name, line_id = str(row), row.id
        services.allocate_by_hand(session, {(each.row.line_id, line_id): each.quantity for each in chosen})
        total = sum((each.quantity for each in chosen), Decimal(0))
        return f"{format_quantity(total)} of {name} are allocated to {_orders(chosen)}."


def _orders(chosen: Sequence[Chosen]) -> str:
    numbers = list(dict.fromkeys(each.row.number for each in chosen))
    return numbers[0] if len(numbers) == 1 else f"{len(numbers)} sales orders"


@dataclass(frozen=True)
class Sync:
    """A linked order line with its promise beside the date that it would get."""

    line_id: int
    order_id: int
    number: str
    position: int
    customer: str
    quantity: Decimal
    promise_date: date | None
    is_promise_pinned: bool
    new_date: date | None
    decided_by: Markup

    @property
    def is_changed(self) -> bool:
        """Say whether a sync would change the promise."""
        return self.new_date is not None and self.new_date != self.promise_date


class SyncDates(Choose):
    """Gives linked order lines the date that their supply now says."""

    title = "Sync Date with SO"
    button = "Sync Selected"
    help = "The new date is the latest arrival of all that a line waits for, plus the buffer."
    empty = "No sales order is linked to this line."
    form_class = NotifyForm
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Linked", "quantity"),
        ("Promise date", promise),
        ("New date", lambda row: row.new_date or Markup('<span class="text-muted">no expected date</span>')),
        ("Decided by", "decided_by"),
        ("", lambda row: Badge("changes", "warning") if row.is_changed else None),
    )

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def rows(self, session: Session, row: Any) -> Sequence[Sync]:
        """Return the linked lines and their new dates."""
        purchase_allocations = queries.purchase_allocations_to(session, PurchaseAllocation.purchase_line_id == row.id)
        ids = [purchase_allocation.line_id for purchase_allocation in purchase_allocations]
        found = queries.expectations(session, OrderLine.id.in_(ids))
        dates, deciding = queries.new_promises(found), queries.deciding_purchase_lines(session, ids)
        return [
            Sync(
                purchase_allocation.line_id,
                purchase_allocation.order_id,
                purchase_allocation.number,
                purchase_allocation.position,
                purchase_allocation.customer,
                purchase_allocation.outstanding,
                purchase_allocation.promise_date,
                purchase_allocation.is_promise_pinned,
                dates.get(purchase_allocation.line_id),
                _decided_by(found[purchase_allocation.line_id], deciding[purchase_allocation.line_id]),
            )
            for purchase_allocation in purchase_allocations
        ]

    def key(self, item: Sync) -> str:
        """Name a row by its sales order line."""
        return str(item.line_id)

    def is_ticked(self, item: Sync) -> bool:
        """Tick what changes and nobody pinned."""
        return item.is_changed and not item.is_promise_pinned

    def can_tick(self, item: Sync) -> bool:
        """Leave lines without an expected date alone."""
        return item.new_date is not None

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        """Sync them."""
        ids = [each.row.line_id for each in chosen]
        changed = services.sync_promises(session, ids, notify=form.notify.data, why=form.why.data or "")
        return "1 promise date is synced." if changed == 1 else f"{changed} promise dates are synced."


def _decided_by(found: queries.Expectation, deciding: queries.Deciding) -> Markup:
    missing = found.cover.open_quantity - found.cover.allocated - found.cover.purchase_allocated
    if missing > 0:
        return Markup("{} are not covered").format(format_quantity(missing))
    name = document_anchor("procurement.purchase_order", deciding.order_id, deciding.name)
    return Markup("{} ({})").format(name, day(deciding.expected_on) or "no date")


class RemoveAllocations(Choose):
    """The links of the line, to be taken away."""

    title = "Remove Allocation"
    button = "Remove Allocations"
    confirm = "Remove the chosen sales orders from this purchase order line? What is freed waits for a person or a run."
    yes = "Remove Allocations"
    no = "Keep them"
    style = "danger"
    empty = "No sales order is linked to this line."
    form_class = HoldForm
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Ordered at", "ordered_at"),
        ("Linked", "outstanding"),
        ("Promise date", promise),
        ("How", "source"),
        ("By", lambda row: row.user_name or row.run_name),
    )

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        """Return the links."""
        return queries.purchase_allocations_to(session, PurchaseAllocation.purchase_line_id == row.id)

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        """Remove them."""
        services.remove_purchase_allocations(session, [each.row.id for each in chosen], hold=form.hold_allocation.data)
        total = sum((each.row.outstanding for each in chosen), Decimal(0))
        return f"{format_quantity(total)} are not allocated to {_orders(chosen)} any more."


def _is_ordered(line: PurchaseOrderLine) -> bool:
    return line.order.state != PurchaseState.draft


def _is_supply(line: PurchaseOrderLine) -> bool:
    return line.order.state in SUPPLY_STATES and line.outstanding > 0


LINE_ACTIONS = (
    Action(
        name="review",
        label="Review Allocations",
        permission="preorder.view",
        page=review,
        allowed=_is_ordered,
        icon="fa-list-ul",
    ),
    Action(
        name="allocate",
        label="Allocate Sales Order",
        permission="preorder.allocate",
        page=AllocateSalesOrders(),
        confirm="View the unallocated sales orders of this product, to allocate them to this purchase order?",
        yes="Yes",
        no="No",
        allowed=_is_supply,
        icon="fa-link",
    ),
    Action(
        name="sync",
        label="Sync Date with SO",
        permission="preorder.promise",
        page=SyncDates(),
        confirm="Sync the arrival date with the sales orders that are linked to this line?",
        yes="Yes",
        no="No",
        allowed=_is_supply,
        icon="fa-calendar-check-o",
    ),
    Action(
        name="remove",
        label="Remove Allocation",
        permission="preorder.allocate",
        page=RemoveAllocations(),
        allowed=_is_supply,
        style="danger",
        icon="fa-chain-broken",
    ),
)
