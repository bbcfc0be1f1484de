"""What stock announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GoodsArrived:
    """Goods of these products were received into stock and may be allocated now."""

    product_ids: tuple[int, ...]
