"""What preorder announces."""

from dataclasses import dataclass
from typing import NamedTuple


class Pair(NamedTuple):
    """A sales order line and a purchase order line, by id."""

    line_id: int
    purchase_line_id: int


@dataclass(frozen=True)
class PurchaseAllocated:
    """Purchase allocations were made, by id. A quantity that was added to an open one is not announced.

    `is_exchange`: the lines exchanged others for them, which are announced as removed afterwards.
    """

    purchase_allocation_ids: tuple[int, ...]
    is_exchange: bool = False


@dataclass(frozen=True)
class PurchaseAllocationRemoved:
    """All that was outstanding of the purchase allocations of these pairs was taken away."""

    pairs: tuple[Pair, ...]
