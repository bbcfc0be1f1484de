"""What stock announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GoodsArrived:
    """Goods of these products were received from purchase orders.

    What of them is usable and not allocated yet may be allocated now. They `are_free` where nothing of them was
    allocated when they came.
    """

    product_ids: tuple[int, ...]
    are_free: bool = False


@dataclass(frozen=True)
class StockChanged:
    """What of these products is on hand or may leave changed otherwise: by a count, a transfer, a hold, an expiry date
    or the kind of a location."""

    product_ids: tuple[int, ...]
