"""What the search finds of stock: products by SKU and name, lots by number."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp.identity import identity_key
from erp.search import EXACT, Found, SearchSource, Sought, rows_by_number, rows_by_words
from modules.inventory_lots.models import Lot, Product


def find_products(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the products that have every word in their SKU or name."""
    key = identity_key(sought.text)
    return [
        Found(each.id, each.sku, each.name, EXACT if each.sku_key == key else rank)
        for each, rank in rows_by_words(session, Product, sought, limit)
    ]


def find_lots(session: Session, sought: Sought, limit: int) -> list[Found]:
    """Return the lots whose number is meant or begins so."""
    rows = select(Lot).options(joinedload(Lot.product))
    found = rows_by_number(session, rows, Lot.number, sought, limit, prefix="LOT")
    return [Found(lot.id, lot.number, f"{lot.product}", rank) for lot, rank in found]


SEARCHES = (
    SearchSource("inventory_lots.product", "Product", find_products),
    SearchSource("inventory_lots.lot", "Lot", find_lots),
)
