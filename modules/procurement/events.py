"""What procurement announces, a whole deed at a time."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class PurchaseLineReceived:
    """Goods of a purchase order line are in stock, and its counters say so."""

    line_id: int
    balance_id: int
    quantity: Decimal


@dataclass(frozen=True)
class SupplyChanged:
    """What is on its way of these products changed: a receipt, close, cancel, lowered or raised or new line."""

    product_ids: tuple[int, ...]


@dataclass(frozen=True)
class Arrival:
    """One line's expected date, before and after."""

    line_id: int
    old: date | None
    new: date | None


@dataclass(frozen=True)
class ArrivalChanged:
    """Expected dates of lines changed."""

    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True)
class StatusChange:
    """One line's status, before and after, and the history entry that records it."""

    line_id: int
    old_status_id: int | None
    new_status_id: int | None
    history_id: int


@dataclass(frozen=True)
class LineStatusChanged:
    """Lines were given another status. `is_default` tells the default of a first link, which is no news by itself."""

    changes: tuple[StatusChange, ...]
    is_default: bool = False
