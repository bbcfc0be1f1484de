"""What procurement announces, once for a whole change."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True)
class SupplyChanged:
    """The outstanding quantity of these products changed, by a receipt or because an order or a line changed."""

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
    """Lines got another status.

    `is_default`: it is the default status of a first purchase allocation, of which no customer is notified.
    """

    changes: tuple[StatusChange, ...]
    is_default: bool = False
