"""Changes of stock that are planned for a day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import chunks
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.preorder.models import OnHandChange

Key = tuple[int, date, str]

CHUNK = 5000


def save_on_hand_change(session: Session, row: OnHandChange) -> None:
    """Keep one change. Raises BadQuantity for one of 0, or one that the product's unit does not allow."""
    with session.no_autoflush:
        product = row.product
        check_quantity(abs(row.quantity), product.unit_decimals, what=f"The change of {product.sku}")
    session.add(row)
    session.flush()


def save_on_hand_changes(session: Session, quantities: Mapping[Key, Decimal]) -> tuple[int, int]:
    """Schedule changes by (product id, date, note), replacing what is there; a door.

    Returns how many are new, and how many others changed.
    """
    product_ids = sorted({product_id for product_id, _, _ in quantities})
    lock_products(session, product_ids)
    known: dict[Key, OnHandChange] = {}
    for part in chunks(product_ids, CHUNK):
        planned = select(OnHandChange).where(OnHandChange.product_id.in_(part))
        for row in session.scalars(planned.options(joinedload(OnHandChange.product))):
            known[row.product_id, row.date, row.note] = row
    changed = 0
    for key, quantity in quantities.items():
        if key in known and known[key].quantity != quantity:
            known[key].quantity = quantity
            changed += 1
    new = [key for key in quantities if key not in known]
    session.add_all(
        OnHandChange(product_id=product_id, date=day, note=note, quantity=quantities[product_id, day, note])
        for product_id, day, note in new
    )
    session.flush()
    return len(new), changed
