"""What the books say is at a location, as a person counts it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Balance, Lot, Product
from modules.inventory_lots.states import Tracking


@dataclass(frozen=True)
class StockAt:
    """A lot at the location; without `lot_number` all of a product that is not tracked."""

    product_id: int
    sku: str
    product: str
    lot_number: str | None
    on_hand: Decimal
    allocated: Decimal
    lot_id: int = 0

    @property
    def key(self) -> str:
        """What identifies the row in the form."""
        return f"{self.product_id}-{self.lot_id}"

    @property
    def name(self) -> str:
        """The SKU, with the lot number where there is one."""
        return f"{self.sku} {self.lot_number}" if self.lot_number else self.sku


def stock_at(session: Session, location_id: int, most: int) -> tuple[list[StockAt], bool]:
    """Return the stock at a location by SKU and lot, and whether there is more than `most` balances of it.

    Lots of a product that is not tracked are one row. Where there is more, the last product is left out as a whole.
    """
    columns = (Product.id, Product.sku, Product.name, Product.tracking, Lot.id, Lot.number)
    rows = (
        select(*columns, Balance.on_hand, Balance.allocated)
        .join(Balance.product)
        .join(Balance.lot)
        .where(Balance.location_id == location_id, Balance.has_stock)
        .order_by(Product.sku, Lot.number, Lot.id)
        .limit(most + 1)
    )
    found: dict[tuple[int, int], StockAt] = {}
    balances = session.execute(rows).all()
    is_cut = len(balances) > most
    last = balances[-1][0] if is_cut else None
    for product_id, sku, name, tracking, lot_id, number, on_hand, allocated in balances:
        if product_id == last:
            break
        is_tracked = tracking is not Tracking.none
        key = (product_id, lot_id if is_tracked else 0)
        before = found.get(key)
        held = (before.on_hand, before.allocated) if before else (Decimal(0), Decimal(0))
        shown = (sku, name, number if is_tracked else None)
        found[key] = StockAt(product_id, *shown, on_hand + held[0], allocated + held[1], key[1])
    return list(found.values()), is_cut
