"""Rules of procurement: what is outstanding, what may be received, and which state an order gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from modules.procurement.states import PurchaseState


@dataclass(frozen=True)
class LineQuantities:
    """The quantities of a purchase order line."""

    quantity: Decimal
    received: Decimal = Decimal(0)
    cancelled: Decimal = Decimal(0)

    @property
    def outstanding(self) -> Decimal:
        """The quantity still to come; 0 after an over-receipt."""
        return max(Decimal(0), self.quantity - self.received - self.cancelled)


def receivable(line: LineQuantities, over_receipt_percent: Decimal) -> Decimal:
    """Return how much may still be received: in all, quantity − cancelled and that percentage of the quantity."""
    tolerated = line.quantity * over_receipt_percent / 100
    return max(Decimal(0), line.quantity + tolerated - line.received - line.cancelled)


def derived_state(lines: Iterable[LineQuantities]) -> PurchaseState:
    """Return the state of an order that was ordered, once its lines have these quantities.

    An order of which nothing is outstanding and nothing was received is cancelled, even if its lines were closed one
    by one.
    """
    line_quantities = list(lines)
    has_received = any(line.received > 0 for line in line_quantities)
    if any(line.outstanding > 0 for line in line_quantities):
        return PurchaseState.partly_received if has_received else PurchaseState.ordered
    return PurchaseState.received if has_received else PurchaseState.cancelled


@dataclass(frozen=True)
class OrderHead:
    """What a user enters of a purchase order, except its lines."""

    supplier_id: int
    ordered_on: date
    note: str = ""


@dataclass(frozen=True)
class LineValues:
    """What a user enters of a line; `line_id` is None for a new one."""

    product_id: int
    quantity: Decimal
    unit_cost: Decimal | None = None
    expected_on: date | None = None
    status_id: int | None = None
    line_id: int | None = None


@dataclass(frozen=True)
class OrderEdit:
    """An edited order form: all its lines, and the ids of the lines that were removed.

    With `release`, a line may be lowered below what is allocated of it; the last sales orders in the queue lose it.
    """

    head: OrderHead
    lines: Sequence[LineValues]
    removed: Collection[int] = ()
    release: bool = False


@dataclass(frozen=True)
class Loss:
    """How much a sales order lost when goods were taken back; `waits` of it is on the purchase order again."""

    order: str
    customer: str
    url: str
    quantity: Decimal
    waits: Decimal


@dataclass(frozen=True)
class Reopening:
    """A cancelled quantity of a line that will come after all, and when; `expected_on` None keeps the line's date."""

    line_id: int
    quantity: Decimal
    expected_on: date | None = None


@dataclass(frozen=True)
class StatusData:
    """What a user or a file says of a line status; what is None stays as it is."""

    name: str
    position: int | None = None
    is_default: bool | None = None


@dataclass(frozen=True)
class NewOrder:
    """A purchase order that another system has already numbered and sent."""

    number: str
    supplier_id: int
    ordered_on: date
    lines: tuple[LineValues, ...]


@dataclass(frozen=True)
class Delivery:
    """A received quantity of a line, and where it was put; an empty date means that of the lot, today for a new one.

    Without a lot number a new lot is created and numbered automatically.
    """

    line_id: int
    quantity: Decimal
    location_id: int
    lot_number: str | None = None
    received_on: date | None = None
    expires_on: date | None = None
