"""The page that receives goods of a purchase order or of one of its lines."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import FieldList, Form, FormField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from erp.admin import DayField, Facts, FormPage, QuantityField, Result
from erp.admin.access import may
from erp.errors import ErpError, NotFound
from erp.options import options
from erp.text import say
from modules.inventory_lots.errors import StockRefused
from modules.inventory_lots.models import Location
from modules.inventory_lots.queries import locations_by_path
from modules.inventory_lots.states import Tracking
from modules.procurement import queries, services
from modules.procurement.admin.reversal import ReverseReceipt
from modules.procurement.admin.versions import lines_of, order_of, quantities_of, state_of
from modules.procurement.domain import Delivery, receivable
from modules.procurement.errors import DeliveriesRefused, NothingReceived
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PURCHASE_ORDER


class ReceivedLineForm(Form):
    """What was received of one line, and where it is put."""

    line_id = HiddenField()
    quantity = QuantityField("Received", [Optional()])
    serials = TextAreaField("Serial numbers")
    location = StringField("Location", [Length(max=81)])
    lot = StringField("Lot", [Length(max=80)])
    expires_on = DayField("Expires on", [Optional()])


class ReceiveForm(Form):
    """What was received of an order."""

    received_on = DayField("Received on", [Optional()], description="Empty: the day of the lot, today for a new one.")
    lines = FieldList(FormField(ReceivedLineForm))


def room_of(line: PurchaseOrderLine) -> Decimal:
    """Return how much of a line may still be received, with what the option tolerates; 0 where nothing may."""
    if not PURCHASE_ORDER.allows(line.order.state, "receive"):
        return Decimal(0)
    return receivable(line.quantities, options.procurement.over_receipt_percent)


def has_room(row: PurchaseOrder | PurchaseOrderLine) -> bool:
    """Say whether something of an order or a line may still be received."""
    if not PURCHASE_ORDER.allows(order_of(row).state, "receive"):
        return False
    lines = lines_of(row)
    return any(line.has_outstanding for line in lines) or any(room_of(line) > 0 for line in lines)


def receivable_lines(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    """Return the lines of which something is outstanding, or else all that may take more by the tolerance."""
    lines = [line for line in lines_of(row) if room_of(line) > 0]
    return [line for line in lines if line.has_outstanding] or lines


class Receive(FormPage):
    """The page that asks what was received of each line, and where it is put."""

    name = "receive"
    title = "Receive"
    permission = "procurement.receive"
    icon = "fa-sign-in"
    allowed = staticmethod(has_room)
    template = "procurement/receive.html"
    form_class = ReceiveForm
    help = "Clear the quantity of what has not come. Goods for waiting customers are allocated to them at once."

    @override
    def heading(self, row: Any) -> str:
        return str(row)

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return state_of(order_of(row))

    @override
    def depends_on_rows(self, session: Session, row: Any) -> Mapping[str, Facts]:
        return {str(line.id): quantities_of(line) for line in lines_of(row)}

    @override
    def concerned(self, row: Any, form: Any) -> Collection[str]:
        return [entry.form.line_id.data for entry in form.lines if _is_filled(entry.form)]

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        location = queries.usual_location(session)
        for line in receivable_lines(row):
            is_typed = line.product.tracking is not Tracking.serial and line.has_outstanding
            quantity = line.outstanding if is_typed else None
            form.lines.append_entry({"line_id": str(line.id), "quantity": quantity, "location": location})

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        lines = order_of(row).lines
        return {"order_lines": {str(line.id): line for line in lines}, "locations": queries.location_paths(session)}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        order = order_of(row)
        PURCHASE_ORDER.next(order.state, "receive")
        entered = _entered(session, {str(line.id): line for line in order.lines}, form)
        if not entered:
            raise NothingReceived(order=order.name)
        try:
            receipt_ids = services.receive_many(session, [delivery for _, delivery in entered])
        except DeliveriesRefused as refused:
            for index, refusal in refused.refusals.items():
                _mark(form, entered[index][0], refusal)
            raise
        context = {
            "receipts": queries.receipts_by_id(session, receipt_ids),
            "destinations": queries.destinations(session, receipt_ids),
            "may_reverse": may(ReverseReceipt.permission),
        }
        return Result(say("Goods of {order} are received.", order=order.name), "procurement/received.html", context)


def _mark(form: ReceiveForm, entry: Any, refusal: ErpError) -> None:
    """Show a refusal at the field that it is about."""
    name = refusal.field if isinstance(refusal, StockRefused) else "quantity"
    if name == "lot" and entry.serials.data:
        name = "serials"
    field = form.received_on if name == "received_on" else entry[name]
    field.errors = [*(error for error in field.errors if error != str(refusal)), str(refusal)]


def _entered(session: Session, lines: Mapping[str, PurchaseOrderLine], form: ReceiveForm) -> list[tuple[Any, Delivery]]:
    """Return the entered deliveries, each with its part of the form; a line that is not the order's is ignored."""
    forms: list[Any] = [entry.form for entry in form.lines]
    entries = [(lines[entry.line_id.data], entry) for entry in forms if entry.line_id.data in lines]
    filled = [(line, entry) for line, entry in entries if _is_filled(entry)]
    locations = locations_by_path(session, {entry.location.data or "" for _, entry in filled})
    received_on = form.received_on.data
    return [(entry, delivery) for line, entry in filled for delivery in _of_line(line, entry, locations, received_on)]


def _is_filled(entry: Any) -> bool:
    return bool(entry.quantity.data or _numbers(entry))


def _numbers(entry: Any) -> Sequence[str]:
    return (entry.serials.data or "").split()


def _of_line(
    line: PurchaseOrderLine, entry: Any, locations: Mapping[str, Location], received_on: date | None
) -> list[Delivery]:
    path = (entry.location.data or "").strip()
    if path not in locations:
        unknown = NotFound("location", path)
        entry.location.errors = [*entry.location.errors, str(unknown)]
        raise unknown
    common = {"received_on": received_on, "expires_on": entry.expires_on.data}
    location_id = locations[path].id
    if line.product.tracking is Tracking.serial:
        return [Delivery(line.id, Decimal(1), location_id, number, **common) for number in _numbers(entry)]
    return [Delivery(line.id, entry.quantity.data, location_id, (entry.lot.data or "").strip() or None, **common)]
