"""Actions of a sales order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import Form

from erp.admin import Action, Facts, FormPage, Result
from erp.admin.lines import LinesField
from erp.options import options
from erp.text import plural, say, word
from modules.sales import services
from modules.sales.admin.allocations import RemoveAllocations, allocate, allocation_result
from modules.sales.admin.forms import ReasonForm, check_line, new_lines_form
from modules.sales.admin.packs import PackSerials, asks_for_serials, pack
from modules.sales.admin.pick_lists import pick_list
from modules.sales.admin.scanning import ScanAndPack
from modules.sales.admin.versions import of_draft, of_order
from modules.sales.errors import NoLinesGiven
from modules.sales.models import Order
from modules.sales.services import NewLine
from modules.sales.states import ORDER


def _can(action: str) -> Callable[[Any], bool]:
    return lambda order: ORDER.allows(order.state, action)


def _confirm(session: Session, order: Order) -> str | Result:
    order = services.confirm(session, order.id)
    if not options.sales.allocate_on_confirm:
        return say("{order} is confirmed.", order=order.name)
    return allocation_result(session, order.id, say("{order} is confirmed. What was allocated:", order=order.name))


class CancelOrder(FormPage):
    """Asks why an order is cancelled."""

    name = "cancel"
    title = "Cancel order"
    permission = "sales.cancel"
    icon = "fa-ban"
    allowed = staticmethod(_can("cancel"))
    confirm = "Cancel all of this order that is not packed? Its allocations and purchase allocations are released."
    yes = "Cancel order"
    no = "Keep it"
    style = "danger"
    form_class = ReasonForm
    help = "What is packed stays packed. All else is cancelled; its allocations and purchase allocations are released."

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_order(session, row)

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        order = services.cancel_order(session, row.id, why=form.why.data or "")
        return say("{order} is {state}.", order=order.name, state=word(order.state))


class AddLines(FormPage):
    """Asks for further lines of a confirmed order."""

    name = "add-lines"
    title = "Add lines"
    permission = "sales.edit"
    icon = "fa-plus"
    allowed = staticmethod(_can("change_quantity"))
    template = "sales/add_lines.html"

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_draft(session, row)

    @property
    def form_class(self) -> type[Form]:  # type: ignore[override]
        """Return the form with the table of lines."""
        return new_lines_form()

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.lines.append_entry()

    @override
    def is_valid(self, form: Any) -> bool:
        return super().is_valid(form) and form.lines.check(check_line)

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        field: LinesField = form.lines
        added = [
            NewLine(values["product"].id, values["quantity"], values["unit_price"], values["requested_on"])
            for values in field.changes([]).added
        ]
        if not added:
            raise NoLinesGiven
        order = services.add_lines(session, row.id, added)
        return allocation_result(
            session, order.id, say("{lines} added to {order}.", lines=plural(len(added), "line"), order=order.name)
        )


ORDER_ACTIONS = (
    Action(
        name="confirm",
        label="Confirm",
        help="The order gets its number and its place in the queue, and is allocated where the option says so.",
        permission="sales.edit",
        run=_confirm,
        depends_on=of_draft,
        allowed=_can("confirm"),
        style="primary",
        icon="fa-check",
        key="c",
    ),
    Action(
        name="allocate",
        label="Allocate Order",
        help="Takes free stock, and what is free on purchase orders where the option says so, for each open line.",
        permission="sales.allocate",
        run=allocate,
        depends_on=of_order,
        allowed=_can("allocate"),
        style="primary",
        icon="fa-cubes",
        key="a",
    ),
    Action(
        name="pack",
        label="Pack Allocated Order",
        help="Takes what is allocated out of stock, as one pack for each warehouse. The pack can be reversed.",
        permission="sales.pack",
        run=pack,
        depends_on=of_order,
        allowed=lambda order: ORDER.allows(order.state, "pack") and not asks_for_serials(order),
        icon="fa-archive",
        key="p",
    ),
    PackSerials.action(),
    RemoveAllocations.action(allowed=_can("remove_allocation"), style="secondary"),
    ScanAndPack.action(),
    Action(
        name="pick-list",
        label="Pick list",
        permission="sales.view",
        page=pick_list,
        allowed=lambda order: ORDER.allows(order.state, "pack") and any(line.allocated for line in order.lines),
        icon="fa-print",
    ),
    AddLines.action(),
    CancelOrder.action(),
)
