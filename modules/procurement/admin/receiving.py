"""The page that receives goods of a purchase order or of one of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import FieldList, Form, FormField, HiddenField, StringField, TextAreaField
from wtforms.validators import Length, Optional

from erp.admin import DayField, FormPage, QuantityField, Result
from erp.admin.refusals import mark
from erp.errors import NotFound
from modules.inventory_lots.models import Location
from modules.inventory_lots.states import Tracking
from modules.procurement import queries, services
from modules.procurement.domain import Delivery
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

    received_on = DayField("Received on", [Optional()], description="Today when empty.")
    lines = FieldList(FormField(ReceivedLineForm))


def open_lines(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    """Return the lines of an order of which something is outstanding, or the line itself."""
    if isinstance(row, PurchaseOrderLine):
        return [row]
    return [line for line in row.lines if line.has_outstanding]


class Receive(FormPage):
    """The page that asks what was received of each line, and where it is put."""

    title = "Receive"
    button = "Receive"
    template = "procurement/receive.html"
    form_class = ReceiveForm
    help = "Clear the quantity of what has not come. Goods for waiting customers are allocated to them at once."

    @override
    def heading(self, row: Any) -> str:
        return str(row)

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        location = queries.usual_location(session)
        for line in open_lines(row):
            quantity = None if line.product.tracking is Tracking.serial else line.outstanding
            form.lines.append_entry({"line_id": str(line.id), "quantity": quantity, "location": location})

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        lines = row.order.lines if isinstance(row, PurchaseOrderLine) else row.lines
        return {"order_lines": {str(line.id): line for line in lines}, "locations": queries.location_paths(session)}

    @override
    def do(self, session: Session, row: Any, form: Any) -> Result:
        order = row.order if isinstance(row, PurchaseOrderLine) else row
        PURCHASE_ORDER.next(order.state, "receive")
        deliveries = _deliveries(session, {str(line.id): line for line in order.lines}, form)
        if not deliveries:
            raise NothingReceived(order=order.name)
        name, receipt_ids = order.name, _receive(session, deliveries)
        context = {"receipts": queries.receipts_by_id(session, receipt_ids)}
        return Result(f"Goods of {name} are received.", "procurement/received.html", context)


def _receive(session: Session, deliveries: Sequence[tuple[Any, Delivery]]) -> Sequence[int]:
    try:
        return services.receive_many(session, [delivery for _, delivery in deliveries])
    except DeliveriesRefused as refused:
        for at, refusal in refused.refusals.items():
            entry = deliveries[at][0]
            mark(entry, refusal, {"lot": "serials", "quantity": "serials"} if _numbers(entry) else None)
        raise


def _deliveries(
    session: Session, lines: Mapping[str, PurchaseOrderLine], form: ReceiveForm
) -> list[tuple[Any, Delivery]]:
    """Return the entered deliveries, each with its form; a line that is not the order's is ignored."""
    forms: list[Any] = [entry.form for entry in form.lines]
    entries = [(lines[entry.line_id.data], entry) for entry in forms if entry.line_id.data in lines]
    filled = [(line, entry) for line, entry in entries if entry.quantity.data or _numbers(entry)]
    locations = queries.locations_by_path(session, {entry.location.data or "" for _, entry in filled})
    received_on = form.received_on.data
    return [(entry, delivery) for line, entry in filled for delivery in _of_line(line, entry, locations, received_on)]


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
