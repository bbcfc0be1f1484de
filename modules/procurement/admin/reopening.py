"""The page that takes back cancelled quantity of a purchase order or of one of its lines."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import FieldList, Form, FormField, HiddenField, StringField
from wtforms.validators import InputRequired, Length, Optional

from erp import clock
from erp.admin import DayField, Facts, FormPage, QuantityField
from erp.admin.refusals import mark
from erp.errors import ErpError
from erp.numbers import format_quantity
from erp.text import joined, say
from modules.procurement import services
from modules.procurement.admin.versions import lines_of, of_order_or_line, order_of
from modules.procurement.domain import Reopening
from modules.procurement.errors import NothingReopened
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PURCHASE_ORDER


class ReopenedLineForm(Form):
    """How much of one line will come after all, and when."""

    line_id = HiddenField()
    quantity = QuantityField("Reopen", [Optional()])
    expected_on = DayField("Expected on", [Optional()])


class ReopenForm(Form):
    """What is reopened of an order, and why."""

    lines = FieldList(FormField(ReopenedLineForm))
    why = StringField("Reason", [InputRequired(), Length(max=200)])


def cancelled_lines(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    """Return those of an order's lines, or the line itself, of which something was cancelled."""
    return [line for line in lines_of(row) if line.cancelled > 0]


def can_reopen(row: PurchaseOrder | PurchaseOrderLine) -> bool:
    """Say whether something of an order or a line can be reopened."""
    return PURCHASE_ORDER.allows(order_of(row).state, "reopen") and bool(cancelled_lines(row))


class Reopen(FormPage):
    """The page that asks how much of each cancelled line will come after all, when, and why."""

    name = "reopen"
    title = "Reopen"
    permission = "procurement.edit"
    icon = "fa-folder-open-o"
    allowed = staticmethod(can_reopen)
    template = "procurement/reopen.html"
    form_class = ReopenForm
    help = (
        "Clear the quantity of what stays cancelled. A line whose expected date has passed needs a new one. "
        "Purchase allocations that were released do not come back: what is reopened serves whatever waits."
    )

    @override
    def heading(self, row: Any) -> str:
        return str(row)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return of_order_or_line(session, row)

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        today = clock.today()
        for line in cancelled_lines(row):
            is_past = line.expected_on is not None and line.expected_on < today
            day = None if is_past else line.expected_on
            form.lines.append_entry({"line_id": str(line.id), "quantity": line.cancelled, "expected_on": day})

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        return {"order_lines": {str(line.id): line for line in cancelled_lines(row)}}

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        lines = {str(line.id): line for line in cancelled_lines(row)}
        entries: list[Any] = [entry.form for entry in form.lines]
        reopenings = [
            Reopening(lines[entry.line_id.data].id, entry.quantity.data, entry.expected_on.data)
            for entry in entries
            if entry.line_id.data in lines and entry.quantity.data
        ]
        order = order_of(row)
        if not reopenings:
            raise NothingReopened(order=order.name)
        goods = [
            say(
                "{quantity} of {product}",
                quantity=format_quantity(each.quantity),
                product=lines[str(each.line_id)].product.sku,
            )
            for each in reopenings
        ]
        name = order.name
        try:
            services.reopen_lines(session, reopenings, why=form.why.data)
        except ErpError as error:
            for entry in entries:
                if str(lines.get(entry.line_id.data)) in error.facts.values():
                    mark(entry, error)
            raise
        return say("{goods} of {name} will come after all.", goods=joined(goods, ", "), name=name)
