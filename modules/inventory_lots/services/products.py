"""Products, made and changed; what fixes them is whether they are in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from modules.inventory_lots import queries
from modules.inventory_lots.domain import Nature, check_change
from modules.inventory_lots.errors import ManyRefused, StockRefused
from modules.inventory_lots.models import Product
from modules.inventory_lots.services.balances import lock_products
from modules.inventory_lots.services.edits import edit_many
from modules.inventory_lots.states import Tracking

FIELDS = {"name": "text", "unit": "text", "unit_decimals": "integer", "tracking": "text"}


@dataclass(frozen=True)
class ProductData:
    """What is said of a product; what is None stays as it is, or is the default of a new one."""

    sku: str
    name: str
    unit: str | None = None
    unit_decimals: int | None = None
    tracking: Tracking | None = None


@dataclass(frozen=True)
class Saved:
    """How many products are new, and how many others changed."""

    new: int
    changed: int


def save_products(session: Session, wanted: Sequence[ProductData]) -> Saved:
    """Make products or change them by SKU (door). Raises ManyRefused with a ProductInUse for each that is fixed."""
    known = queries.product_ids_by_sku(session, [data.sku for data in wanted])
    _insert(session, [data for data in wanted if data.sku not in known])
    lock_products(session, queries.product_ids_by_sku(session, [data.sku for data in wanted]).values())
    products = queries.products_by_sku(session, [data.sku for data in wanted])
    _refuse_changes(session, wanted, products)
    edits = [(product, values) for data in wanted if (values := _changed(product := products[data.sku], data))]
    edit_many(session, Product, FIELDS, edits)
    return Saved(len(wanted) - len(known), len(edits))


def _insert(session: Session, new: Sequence[ProductData]) -> None:
    # Two files may bring the same product at once: the second then changes what the first made.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    rows = [
        {
            "sku": data.sku,
            "name": data.name,
            "unit": data.unit or "pcs",
            "unit_decimals": data.unit_decimals or 0,
            "tracking": data.tracking or Tracking.lot,
        }
        for data in new
    ]
    if rows:
        session.execute(insert(Product).on_conflict_do_nothing(), rows)


def check_product_change(session: Session, product: Product, *, tracking: Tracking, unit_decimals: int) -> None:
    """Raise ProductInUse where a product may not be tracked or counted so any more. The caller holds its lock."""
    before, after = Nature(product.tracking, product.unit_decimals), Nature(tracking, unit_decimals)
    if before != after and queries.products_in_use(session, [product.id]):
        check_change(product.sku, before, after)


def _refuse_changes(session: Session, wanted: Sequence[ProductData], products: dict[str, Product]) -> None:
    changing = {
        index: (products[data.sku], nature)
        for index, data in enumerate(wanted)
        if (nature := _nature(products[data.sku], data)) != _nature(products[data.sku])
    }
    in_use = queries.products_in_use(session, [product.id for product, _ in changing.values()]) if changing else set()
    refusals: dict[int, StockRefused] = {}
    for index, (product, after) in changing.items():
        if product.id in in_use:
            try:
                check_change(product.sku, _nature(product), after)
            except StockRefused as refusal:
                refusals[index] = refusal
    if refusals:
        raise ManyRefused(refusals=refusals)


def _nature(product: Product, data: ProductData | None = None) -> Nature:
    if data is None:
        return Nature(product.tracking, product.unit_decimals)
    decimals = product.unit_decimals if data.unit_decimals is None else data.unit_decimals
    return Nature(data.tracking or product.tracking, decimals)


def _changed(product: Product, data: ProductData) -> dict[str, Any]:
    """Return the product's fields as they are to be; nothing where they are so already."""
    after = _nature(product, data)
    wanted = (data.name, data.unit or product.unit, after.unit_decimals, after.tracking)
    values = dict(zip(FIELDS, wanted, strict=True))
    return values if any(getattr(product, field) != value for field, value in values.items()) else {}
