"""What stock announces."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GoodsArrived:
    """Goods were received into stock; whoever serves demand may serve these products now."""

    product_ids: tuple[int, ...]
