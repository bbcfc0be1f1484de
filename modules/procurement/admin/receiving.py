"""The page on which goods of a purchase order are received."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from erp.admin import FormPage, Result
from erp.errors import NotFound
from modules.inventory_lots.models import Location
from modules.inventory_lots.states import Tracking
from modules.procurement import services
from modules.procurement.domain import Delivery
from modules.procurement.errors import NothingReceived
from modules.procurement.forms import ReceiveForm
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries.screens import location_paths, locations_by_path, receipts_by_id, usual_location
from modules.procurement.states import PURCHASE_ORDER


def coming(row: PurchaseOrder | PurchaseOrderLine) -> list[PurchaseOrderLine]:
    """Return the lines that the page asks for: those of an order of which something is to come, or the one line."""
    if isinstance(row, PurchaseOrderLine):
        return [row]
    return [line for line in row.lines if line.outstanding > 0]


class Receive(FormPage):
    """Asks what arrived of each line, and where it is put."""

    title = "Receive"
    button = "Receive"
    template = "procurement/receive.html"
    form_class = ReceiveForm
    help = "Clear the quantity of what has not come. Goods for waiting customers are allocated to them at once."

    def heading(self, row: Any) -> str:
        """Return the order, or which line of it."""
        return str(row)

    def prefill(self, session: Session, row: Any, form: Any) -> None:
        """Offer everything that is outstanding, put where goods were last put."""
        location = usual_location(session)
        for line in coming(row):
            quantity = None if line.product.tracking is Tracking.serial else line.outstanding
            form.lines.append_entry({"line_id": str(line.id), "quantity": quantity, "location": location})

    def context(self, session: Session, row: Any) -> dict[str, Any]:
        """Return the lines and the places to choose from."""
        lines = row.order.lines if isinstance(row, PurchaseOrderLine) else row.lines
        return {"order_lines": {str(line.id): line for line in lines}, "locations": location_paths(session)}

    def do(self, session: Session, row: Any, form: Any) -> Result:
        """Receive what was entered as one deed."""
        order = row.order if isinstance(row, PurchaseOrderLine) else row
        PURCHASE_ORDER.next(order.state, "receive")
        deliveries = _deliveries(session, {str(line.id): line for line in order.lines}, form)
        if not deliveries:
            raise NothingReceived(order=order.name)
        name, receipts = order.name, services.receive_many(session, deliveries)
        context = {"receipts": receipts_by_id(session, receipts)}
        return Result(f"Goods of {name} are received.", "procurement/received.html", context)


def _deliveries(session: Session, lines: Mapping[str, PurchaseOrderLine], form: ReceiveForm) -> list[Delivery]:
    """Return what was entered; a line that is not the order's is ignored."""
    entries = [(lines[entry.line_id.data], entry) for entry in form.entries() if entry.line_id.data in lines]
    filled = [(line, entry) for line, entry in entries if entry.quantity.data or _numbers(entry)]
    places = locations_by_path(session, {entry.location.data or "" for _, entry in filled})
    received_on = form.received_on.data
    return [each for line, entry in filled for each in _of_line(line, entry, places, received_on)]


def _numbers(entry: Any) -> Sequence[str]:
    return (entry.serials.data or "").split()


def _of_line(
    line: PurchaseOrderLine, entry: Any, places: Mapping[str, Location], received_on: date | None
) -> list[Delivery]:
    path = (entry.location.data or "").strip()
    if path not in places:
        raise NotFound("location", path)
    common = {"received_on": received_on, "expires_on": entry.expires_on.data}
    place_id = places[path].id
    if line.product.tracking is Tracking.serial:
        return [Delivery(line.id, Decimal(1), place_id, number, **common) for number in _numbers(entry)]
    return [Delivery(line.id, entry.quantity.data, place_id, (entry.lot.data or "").strip() or None, **common)]
