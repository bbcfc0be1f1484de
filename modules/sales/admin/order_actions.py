"""What is done to a sales order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import request
from sqlalchemy.orm import Session
from wtforms import Form

from erp.admin import Action, Choose, Chosen, FormPage, Result
from erp.admin.lines import LinesField
from erp.events import current_run
from erp.options import options
from modules.inventory_lots.states import Tracking
from modules.sales import services
from modules.sales.errors import NoLinesGiven
from modules.sales.forms import ReasonForm, RemovalForm, new_lines_form
from modules.sales.models import Order
from modules.sales.queries.report import allocation_report
from modules.sales.queries.screens import (
    is_allocating_purchases,
    pack_lines,
    removable_rows,
    staying_behind,
    usable_serials,
)
from modules.sales.services import NewLine
from modules.sales.states import ORDER

SERIALS_SHOWN = 20


def _can(action: str) -> Callable[[Any], bool]:
    return lambda order: ORDER.allows(order.state, action)


def _report(session: Session, order_id: int, message: str) -> Result:
    lines = allocation_report(session, order_id, current_run(session).saved_id)
    return Result(
        message, "sales/allocated.html", {"reports": lines, "is_allocating_purchases": is_allocating_purchases()}
    )


def _confirm(session: Session, order: Order) -> str | Result:
    order = services.confirm(session, order.id)
    if not options.sales.allocate_on_confirm:
        return f"{order.name} is confirmed."
    return _report(session, order.id, f"{order.name} is confirmed. This is what it got:")


def _allocate(session: Session, order: Order) -> Result:
    services.allocate_order(session, order.id)
    return _report(session, order.id, f"{order.name}: this is what it got.")


def _pack(session: Session, order: Order) -> Result:
    return packed(session, order.id, {})


def packed(session: Session, order_id: int, serials: Mapping[int, Sequence[str]]) -> Result:
    """Pack an order and tell what left and what stays behind."""
    pack = services.pack_order(session, order_id, serials)
    context = {
        "pack_id": pack.id,
        "number": pack.number,
        "lines": pack_lines(session, pack.id),
        "staying": staying_behind(session, order_id),
    }
    return Result(f"{pack.number} is packed.", "sales/packed.html", context)


def asks_for_serials(order: Order) -> bool:
    """Say whether packing must ask for serial numbers."""
    return any(line.product.tracking is Tracking.serial and line.open_quantity for line in order.lines)


class PackSerials(FormPage):
    """Asks for the serial numbers that leave with what is allocated."""

    title = "Pack Allocated Order"
    button = "Pack Allocated Order"
    template = "sales/pack_serials.html"

    def heading(self, row: Any) -> str:
        """Return the order's number."""
        return str(row.name)

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return the lines whose numbers are asked for, and the numbers in stock."""
        lines = [line for line in row.lines if line.product.tracking is Tracking.serial and line.open_quantity]
        stock = usable_serials(session, {line.product_id for line in lines}, SERIALS_SHOWN + 1)
        return {"lines": lines, "stock": stock, "most": SERIALS_SHOWN, "typed": request.form}

    def do(self, session: Session, row: Any, form: Any) -> Result:
        """Pack what is allocated and the numbers that were given."""
        given = {line.id: request.form.get(f"serials-{line.id}", "") for line in row.lines}
        numbers = {
            id_: [number for each in text.splitlines() if (number := each.strip())] for id_, text in given.items()
        }
        return packed(session, row.id, {id_: found for id_, found in numbers.items() if found})


class RemoveAllocations(Choose):
    """Asks which allocation lines are taken away."""

    title = "Remove Allocation Lines"
    button = "Remove All/Selected"
    confirm = "Remove the chosen allocation lines? What they hold is free for other orders at once."
    yes = "Remove"
    style = "danger"
    form_class = RemovalForm
    columns = (
        ("Allocation", lambda row: f"Line {row.position}: {row.sku}"),
        ("Product", "name"),
        ("Lot", "lot"),
        ("Location", "location"),
        ("Allocated", "quantity"),
        ("Packed", "packed"),
        ("To be freed", "unpacked"),
    )
    empty = "This order has no allocation lines to remove."
    help = "The backorder lines stay as they are. What is freed waits for a clerk or for the next run."

    def heading(self, row: Any) -> str:
        """Return the order's number."""
        return str(row.name)

    def rows(self, session: Session, row: Any) -> Sequence[Any]:
        """Return the lines that hold something."""
        return removable_rows(session, row.id)

    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> Result:
        """Take them away, and show what remains."""
        ids = [each.row.id for each in chosen]
        count = services.remove_allocations(session, row.id, ids, hold=form.hold_allocation.data)
        words = "1 allocation line" if count == 1 else f"{count} allocation lines"
        return Result(f"{words} removed.", "sales/remaining.html", {"remaining": removable_rows(session, row.id)})


class CancelOrder(FormPage):
    """Asks why an order is given up."""

    title = "Cancel order"
    button = "Cancel order"
    confirm = "Cancel everything of this order that is not packed? Its allocations and links are let go."
    yes = "Cancel order"
    no = "Keep it"
    style = "danger"
    form_class = ReasonForm
    help = "What is packed stays packed. Everything else is given back: allocations, backorders and links."

    def heading(self, row: Any) -> str:
        """Return the order's number."""
        return str(row.name)

    def do(self, session: Session, row: Any, form: Any) -> str:
        """Cancel it."""
        order = services.cancel_order(session, row.id, why=form.why.data or "")
        return f"{order.name} is {order.state}."


class AddLines(FormPage):
    """Asks for further lines of a confirmed order."""

    title = "Add lines"
    button = "Add lines"
    template = "sales/add_lines.html"

    @property
    def form_class(self) -> type[Form]:  # type: ignore[override]
        """Return the form with the table of lines."""
        return new_lines_form()

    def heading(self, row: Any) -> str:
        """Return the order's number."""
        return str(row.name)

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Begin with one line to fill."""
        form.lines.append_entry()

    def do(self, session: Session, row: Any, form: Any) -> Result:
        """Add them."""
        field: LinesField = form.lines
        added = [
            NewLine(values["product"].id, values["quantity"], values["unit_price"], values["requested_on"])
            for values in field.changes([]).added
        ]
        if not added:
            raise NoLinesGiven
        order = services.add_lines(session, row.id, added)
        return _report(session, order.id, f"{len(added)} lines added to {order.name}.")


ORDER_ACTIONS = (
    Action(
        name="confirm",
        label="Confirm",
        permission="sales.edit",
        run=_confirm,
        allowed=_can("confirm"),
        style="primary",
        icon="fa-check",
    ),
    Action(
        name="allocate",
        label="Allocate Order",
        permission="sales.allocate",
        run=_allocate,
        allowed=_can("allocate"),
        style="primary",
        icon="fa-cubes",
    ),
    Action(
        name="pack",
        label="Pack Allocated Order",
        permission="sales.pack",
        run=_pack,
        allowed=lambda order: ORDER.allows(order.state, "pack") and not asks_for_serials(order),
        icon="fa-archive",
    ),
    Action(
        name="pack-serials",
        label="Pack Allocated Order",
        permission="sales.pack",
        page=PackSerials(),
        allowed=lambda order: ORDER.allows(order.state, "pack") and asks_for_serials(order),
        icon="fa-archive",
    ),
    Action(
        name="remove-allocations",
        label="Remove Allocation Lines",
        permission="sales.allocate",
        page=RemoveAllocations(),
        allowed=_can("remove_allocation"),
        icon="fa-undo",
    ),
    Action(
        name="add-lines",
        label="Add lines",
        permission="sales.edit",
        page=AddLines(),
        allowed=_can("change_quantity"),
        icon="fa-plus",
    ),
    Action(
        name="cancel",
        label="Cancel order",
        permission="sales.cancel",
        page=CancelOrder(),
        allowed=_can("cancel"),
        style="danger",
        icon="fa-ban",
    ),
)
