"""What stock announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GoodsArrived:
    """Goods of these products were received from purchase orders.

    What of them is usable and not allocated yet may be allocated now.
    """

    product_ids: tuple[int, ...]


@dataclass(frozen=True)
class StockChanged:
    """What of these products is on hand or may leave changed otherwise: by a count, a transfer, a hold, an expiry date
    or the kind of a location."""

    product_ids: tuple[int, ...]
