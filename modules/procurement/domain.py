"""Rules of procurement: what is to come, what may come, and how far an order is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class LineQuantities:
    """The quantities of a purchase order line."""

    quantity: Decimal
    received: Decimal = Decimal(0)
    cancelled: Decimal = Decimal(0)
    allocated: Decimal = Decimal(0)

    @property
    def outstanding(self) -> Decimal:
        """What is still to come; an over-receipt leaves nothing, not less than nothing."""
        return max(Decimal(0), self.quantity - self.received - self.cancelled)


def receivable(line: LineQuantities, over_receipt_percent: Decimal) -> Decimal:
    """Return how much may still arrive: what is outstanding and the tolerated rest of the ordered quantity.

    The tolerance is counted over all receipts of the line together.
    """
    tolerated = line.quantity * over_receipt_percent / 100
    return max(Decimal(0), line.quantity + tolerated - line.received - line.cancelled)


def action_after(lines: Iterable[LineQuantities]) -> str | None:
    """Return the step that a purchase order takes once its lines have these figures; none while it only waits.

    Nothing to come and nothing received is a cancelled order, even if its lines were closed one by one.
    """
    line_quantities = list(lines)
    has_received = any(line.received > 0 for line in line_quantities)
    if any(line.outstanding > 0 for line in line_quantities):
        return "receive" if has_received else None
    return "finish" if has_received else "cancel"


@dataclass(frozen=True)
class OrderHead:
    """What a person may say of a purchase order beside its lines."""

    supplier_id: int
    ordered_on: date
    note: str = ""


@dataclass(frozen=True)
class LineValues:
    """What a person may say of a line; `line_id` is empty for a new one."""

    product_id: int
    quantity: Decimal
    unit_cost: Decimal | None = None
    expected_on: date | None = None
    status_id: int | None = None
    line_id: int | None = None


@dataclass(frozen=True)
class SupplierData:
    """What is said of a supplier; an email that is None stays as it is."""

    code: str
    name: str
    email: str | None = None


@dataclass(frozen=True)
class StatusData:
    """What is said of a line status; what is None stays as it is."""

    name: str
    position: int | None = None
    is_default: bool | None = None


@dataclass(frozen=True)
class Saved:
    """How many rows are new, and how many others changed."""

    new: int
    changed: int


@dataclass(frozen=True)
class NewOrder:
    """A purchase order that another system has numbered and sent already."""

    number: str
    supplier_id: int
    ordered_on: date
    lines: tuple[LineValues, ...]


@dataclass(frozen=True)
class Delivery:
    """Goods of a line that have come, and where they were put. `received_on` is today when empty.

    Without a lot number they make a lot of their own, numbered automatically.
    """

    line_id: int
    quantity: Decimal
    location_id: int
    lot_number: str | None = None
    received_on: date | None = None
    expires_on: date | None = None
