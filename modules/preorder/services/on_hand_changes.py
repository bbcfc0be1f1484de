"""Scheduled on-hand changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.db import chunks
from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.services import lock_products
from modules.preorder.models import OnHandChange

CHUNK = 5000


class Key(NamedTuple):
    """What names a change: a file with the same key replaces its quantity."""

    product_id: int
    date: dt.date
    note: str


def save_on_hand_change(session: Session, row: OnHandChange) -> None:
    """Store one change. Raises BadQuantity for 0 and for what is not a quantity of the product."""
    with session.no_autoflush:
        product = row.product
        check_quantity(
            abs(row.quantity), product.unit_decimals, what=say("The change of {product}", product=product.sku)
        )
    session.add(row)
    session.flush()


def save_on_hand_changes(session: Session, quantities: Mapping[Key, Decimal]) -> tuple[int, int]:
    """Schedule changes, replacing those of the same key; return how many are new, and how many others changed.

    Locks the products.
    """
    product_ids = sorted({key.product_id for key in quantities})
    lock_products(session, product_ids)
    known: dict[Key, OnHandChange] = {}
    for part in chunks(product_ids, CHUNK):
        planned = select(OnHandChange).where(OnHandChange.product_id.in_(part))
        for row in session.scalars(planned.options(joinedload(OnHandChange.product))):
            known[Key(row.product_id, row.date, row.note)] = row
    changed = 0
    for key, quantity in quantities.items():
        if key in known and known[key].quantity != quantity:
            known[key].quantity = quantity
            changed += 1
    new = [key for key in quantities if key not in known]
    session.add_all(OnHandChange(**key._asdict(), quantity=quantities[key]) for key in new)
    session.flush()
    return len(new), changed
