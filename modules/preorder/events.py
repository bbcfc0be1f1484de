"""What preorder announces."""

from dataclasses import dataclass
from typing import NamedTuple


class Pair(NamedTuple):
    """A sales order line and a purchase order line, by id."""

    line_id: int
    purchase_line_id: int


@dataclass(frozen=True)
class PurchaseAllocated:
    """Purchase allocations were made, by id. A quantity that was added to an open one is not announced."""

    purchase_allocation_ids: tuple[int, ...]


@dataclass(frozen=True)
class PurchaseAllocationRemoved:
    """All that was outstanding of the purchase allocations of these pairs was taken away."""

    pairs: tuple[Pair, ...]
