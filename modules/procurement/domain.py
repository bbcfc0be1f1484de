"""Rules of procurement: what is outstanding, what may be received, and which state an order gets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
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


def match_lines(lines: Iterable[LineValues], rows: Sequence[LineValues]) -> dict[int, LineValues]:
    """Return by index which line of an order each row of a file is; a row that is none of them is left out.

    An equal line comes first, then one of the same product and quantity, then the next of the product.
    """
    left, found = list(lines), dict[int, LineValues]()
    for alike in (_all_of, lambda line: (line.product_id, line.quantity), lambda line: line.product_id):
        alikes: dict[object, list[LineValues]] = {}
        for line in reversed(left):
            alikes.setdefault(alike(line), []).append(line)
        for index, row in enumerate(rows):
            if index not in found and alikes.get(alike(row)):
                found[index] = alikes[alike(row)].pop()
        matched = {line.line_id for line in found.values()}
        left = [line for line in left if line.line_id not in matched]
    return found


def _all_of(line: LineValues) -> LineValues:
    return replace(line, line_id=None)


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
class NewDraft:
    """A draft to be made; those of its lines that have a `line_id` are made without it."""

    head: OrderHead
    lines: Sequence[LineValues]


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
