"""What preorder adds to each line of a sales order: incoming supply, its promise date, and the changes of both."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from flask.typing import ResponseReturnValue
from markupsafe import Markup
from sqlalchemy.orm import Session

from erp.admin import Action, Choose, Chosen, FormPage, document_anchor, line_heading
from erp.admin.access import screen_session
from erp.admin.formatting import day
from erp.db import format_quantity
from modules.inventory_lots.services import lock_products
from modules.inventory_lots.states import Tracking
from modules.preorder import queries, services
from modules.preorder.errors import NotWaiting
from modules.preorder.forms import PromiseForm
from modules.sales.models import OrderLine
from modules.sales.services import set_promise_dates
from modules.sales.states import OrderState


def _purchase_order_anchor(row: queries.Incoming) -> Markup:
    return document_anchor("procurement.purchase_order", row.order_id, row.name)  # type: ignore[no-any-return]


class AllocatePurchaseLines(Choose):
    """The open purchase order lines of the line's product, in the order in which they serve demand."""

    title = "Allocate Sales Order"
    button = "Allocate Selected"
    template = "preorder/allocate.html"
    help = "Several are used in this order, until the line is covered."
    quantity_label = "Quantity"
    empty = "Nothing of this product is on its way that is not linked already."
    columns = (
        ("Purchase order", _purchase_order_anchor),
        ("Supplier", "supplier"),
        ("Expected", lambda row: row.expected_on or Markup('<span class="text-muted">no date</span>')),
        ("Outstanding", "outstanding"),
        ("Available", "available"),
    )

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def rows(self, session: Session, row: Any) -> Sequence[queries.Incoming]:
        """Return what can be linked, if anything is wanted."""
        remainder = queries.uncovered_remainder(session, row)
        return queries.incoming_lines(session, row.product_id, remainder) if remainder > 0 else ()

    def quantity(self, item: queries.Incoming) -> Decimal:
        """Offer what the purchase order line has, and no more than is wanted."""
        return item.offered

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Say how much is wanted."""
        remainder = queries.uncovered_remainder(session, row)
        if remainder <= 0:
            return {"note": "All that stock leaves open of this line is linked already."}
        return {"note": f"{format_quantity(remainder)} {row.product.unit} of {row} are not covered."}

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        """Link them, the first first, each with no more than is still wanted."""
        lock_products(session, [row.product_id])
        name, line_id, remainder = str(row), row.id, queries.uncovered_remainder(session, row)
        amounts: dict[tuple[int, int], Decimal] = {}
        message = []
        for each in chosen:
            if quantity := min(each.quantity, remainder):
                amounts[line_id, each.row.id] = quantity
                message.append(f"{format_quantity(quantity)} of {each.row.name}")
                remainder -= quantity
        if not amounts:
            raise NotWaiting(line=name, waiting=Decimal(0), wanted=chosen[0].quantity)
        services.allocate_by_hand(session, amounts)
        return f"{' and '.join(message)} are allocated to {name}."


class EditPromise(FormPage):
    """Asks for the date that the customer is promised."""

    title = "Edit"
    button = "Save"
    template = "preorder/promise.html"
    form_class = PromiseForm
    help = "The date is kept from then on: automatic syncs leave it alone."

    def heading(self, row: Any) -> str:
        """Return which line it is."""
        return line_heading(row)

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Show what was asked for and what the supply says."""
        found = queries.expectations(session, OrderLine.id == row.id).get(row.id)
        return {"expected": found.expected if found else None}

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Show the present promise."""
        form.promise_date.data = row.promise_date

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Promise it."""
        line_id, name, promised = row.id, str(row), form.promise_date.data
        lock_products(session, [row.product_id])
        set_promise_dates(
            session,
            {line_id: promised},
            cause="edit",
            pin=True,
            why=form.why.data or "",
            notify=form.notify.data,
        )
        return f"{name} is promised for {day(promised)}."


def item_history(screen: Any, line: OrderLine) -> ResponseReturnValue:
    """Show each change of the line: when, who, field, from, to and why."""
    entries, are_all = queries.history_of_line(screen_session(), line)
    back = screen.get_url(".details_view", id=line.order_id)
    return str(
        screen.render_page(
            "preorder/item_history.html",
            row=line,
            heading=line_heading(line),
            entries=entries,
            are_all=are_all,
            back=back,
        )
    )


def _is_open(line: OrderLine) -> bool:
    return line.order.state == OrderState.confirmed and line.open_quantity > 0


def _can_be_allocated(line: OrderLine) -> bool:
    return _is_open(line) and line.need > 0 and line.product.tracking is not Tracking.serial


LINE_ACTIONS = (
    Action(
        name="allocate",
        label="Allocate Sales Order",
        permission="preorder.allocate",
        page=AllocatePurchaseLines(),
        allowed=_can_be_allocated,
        icon="fa-link",
    ),
    Action(
        name="edit",
        label="Edit",
        permission="preorder.promise",
        page=EditPromise(),
        allowed=_is_open,
        icon="fa-calendar",
    ),
    Action(
        name="history",
        label="Order Item Change History",
        permission="preorder.view",
        page=item_history,
        icon="fa-history",
    ),
)
