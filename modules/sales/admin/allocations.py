"""Allocations on an order's page: Allocate Order, Remove Allocation Lines and the panel of allocation lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session
from typing_extensions import override

from erp.admin import Choose, Chosen, Facts, Panel, Result
from erp.admin.access import screen_session
from erp.db import one_moment
from erp.errors import ErpError
from erp.events import current_run
from erp.text import plural, say
from modules.sales import queries, services
from modules.sales.admin.forms import RemovalForm
from modules.sales.models import Order
from modules.sales.states import OrderState


def allocation_result(session: Session, order_id: int, message: str) -> Result:
    """Return a message with what this request allocated to an order, line by line."""
    results = queries.allocation_results(session, order_id, current_run(session).saved_id)
    context = {"results": results, "covers_from_purchases": queries.covers_from_purchases()}
    return Result(message, "sales/allocation_result.html", context)


def allocate(session: Session, order: Order) -> Result:
    """Serve an order now, and show what it got; what earlier orders lose must have been agreed to."""
    services.allocate_order(session, order.id, agreed=request.form.get("agreed", ""))
    return allocation_result(session, order.id, say("What was allocated to {order}", order=order.name))


def ask_before_taking(screen: Any, order: Order, error: ErpError) -> ResponseReturnValue:
    """Show what earlier orders would lose, and ask whether to allocate all the same (409: nothing is allocated yet)."""
    with one_moment(screen_session()):
        losses = queries.losses(screen_session(), order.id)
    back = screen.get_url(".details_view", id=order.id)
    page = screen.render_page(
        "sales/allocate_order.html",
        row=order,
        error=error,
        losses=losses,
        agreed=queries.fingerprint(losses),
        back=back,
    )
    return page, 409


class RemoveAllocations(Choose):
    """Asks which allocation lines are removed."""

    name = "remove-allocations"
    title = "Remove Allocation Lines"
    permission = "sales.allocate"
    icon = "fa-undo"
    button = "Remove All/Selected"
    confirm = "Remove the chosen allocation lines? What they hold is free for other orders at once."
    yes = "Remove"
    style = "danger"
    form_class = RemovalForm
    columns = (
        ("Allocation", lambda row: say("Line {position}: {sku}", position=row.position, sku=row.sku)),
        ("Product", "name"),
        ("Lot", "lot"),
        ("Location", "location"),
        ("Allocated", "quantity"),
        ("Packed", "packed"),
        ("Quantity to release", "unpacked"),
    )
    empty = "This order has no allocation lines to remove."
    help = "The backorder lines stay as they are. What is released is free for a clerk or for the next run."

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        return queries.removable_rows(session, row.id)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"state": row.state}

    @override
    def depends_on_row(self, item: Any) -> Facts:
        where = say("line {item} in lot {lot} at {location}", item=item.position, lot=item.lot, location=item.location)
        return {
            say("allocated of {where}", where=where): item.quantity,
            say("packed of {where}", where=where): item.packed,
        }

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> Result:
        ids = [each.row.id for each in chosen]
        count = services.remove_allocations(session, row.id, ids, hold=form.hold_allocation.data)
        context = {"remaining": queries.removable_rows(session, row.id)}
        return Result(
            say("{allocation_lines} removed.", allocation_lines=plural(count, "allocation line")),
            "sales/remaining_allocations.html",
            context,
        )


def _allocations(session: Session, order: Any) -> Mapping[str, Any] | None:
    rows = queries.allocation_rows(session, order.id)
    return {"allocations": rows} if rows or order.state != OrderState.draft else None


ALLOCATIONS = Panel("Allocation lines", "sales/allocations.html", _allocations, counted="allocations")
