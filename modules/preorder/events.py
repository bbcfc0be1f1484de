"""What preorder announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PurchaseAllocated:
    """Links that are new, or new again after their pair's last one ended; a quantity added to an open one is not."""

    purchase_allocation_ids: tuple[int, ...]


@dataclass(frozen=True)
class PurchaseAllocationRemoved:
    """Links that were undone in full before anything or the rest of them was received, by the lines they joined."""

    pairs: tuple[tuple[int, int], ...]
