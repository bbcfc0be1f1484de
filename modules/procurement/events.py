"""What procurement announces, once for a whole change."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple


@dataclass(frozen=True)
class SupplyChanged:
    """The outstanding quantity of these products changed, by a receipt or because an order or a line changed.

    With `has_arrived` goods of them came, and GoodsArrived was published just before.
    """

    product_ids: tuple[int, ...]
    has_arrived: bool = False


class Freed(NamedTuple):
    """How much was freed of what a receipt had turned into allocations; the id is that of the module that freed it."""

    conversion_id: int
    quantity: Decimal


@dataclass(frozen=True)
class ReceiptReversed:
    """Goods of a receipt left stock again, and its line counts them as outstanding.

    `freed` are the answers to `receipt_will_fall`.
    """

    receipt_id: int
    line_id: int
    freed: tuple[Freed, ...]


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
    """Lines got another status.

    `is_default`: it is the default status of a first purchase allocation, of which no customer is notified.
    """

    changes: tuple[StatusChange, ...]
    is_default: bool = False
