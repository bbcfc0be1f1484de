"""What sales announces, a whole batch at a time."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class LinesServed:
    """Demand of these products was served or changed; their backorder rows are set.

    `line_ids` None means the whole queue; `shrunk` are the lines whose open backorder may be less than it was, which
    purchase allocations must follow. `may_allocate_purchases` says whether incoming supply may be allocated now: false
    after a removal, a cancellation, a deletion or a lowered quantity, which only shrink purchase allocations.
    """

    product_ids: tuple[int, ...]
    line_ids: tuple[int, ...] | None
    shrunk: tuple[int, ...]
    may_allocate_purchases: bool


@dataclass(frozen=True)
class PromiseChange:
    """One line's promise date, before and after, and the history entry that records it."""

    line_id: int
    old: date | None
    new: date | None
    history_id: int


@dataclass(frozen=True)
class PromiseDateChanged:
    """Promise dates changed. `cause` is `allocation`, `edit`, `sync` or `import`; `notify` is the clerk's tick."""

    changes: tuple[PromiseChange, ...]
    cause: str
    notify: bool = True


@dataclass(frozen=True)
class BackorderChange:
    """What was given up of one backorder, and the history entry that records it."""

    backorder_id: int
    quantity: Decimal
    history_id: int


@dataclass(frozen=True)
class BackorderCancelled:
    """Open backorder quantity was given up. `cause` is `clerk`, `order` or `sla`.

    A backorder may be given up in parts: each is a change with a history entry of its own.
    """

    changes: tuple[BackorderChange, ...]
    cause: str

    @property
    def backorder_ids(self) -> tuple[int, ...]:
        """The backorders of which something was given up."""
        return tuple(change.backorder_id for change in self.changes)
