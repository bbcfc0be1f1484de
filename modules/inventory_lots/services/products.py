"""Products, made and changed; what fixes them is whether they are in use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from modules.inventory_lots import queries
from modules.inventory_lots.domain import Nature, check_change, check_nature
from modules.inventory_lots.errors import ManyRefused, StockRefused
from modules.inventory_lots.models import Product
from modules.inventory_lots.services.balances import lock_products
from modules.inventory_lots.services.edits import edit_many
from modules.inventory_lots.states import Tracking

FIELDS = {"name": "text", "unit": "text", "unit_decimals": "integer", "tracking": "text"}
NEW = Nature(Tracking.lot, 0)


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
    """Make products or change them by SKU (door). Raises ManyRefused with each product that cannot be as it is said."""
    skus = [data.sku for data in wanted]
    known = queries.product_ids_by_sku(session, skus)
    _insert(session, [data for data in wanted if data.sku not in known and _is_sound(data)])
    lock_products(session, queries.product_ids_by_sku(session, skus).values())
    products = queries.products_by_sku(session, skus)
    _refuse(session, wanted, products)
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


def check_product(
    session: Session, product: Product | None, *, sku: str, tracking: Tracking, unit_decimals: int
) -> None:
    """Raise SerialDecimals or ProductInUse where a product may not be tracked or counted so.

    `product` is None for a new one; otherwise the caller holds its lock.
    """
    after = Nature(tracking, unit_decimals)
    check_nature(sku, after)
    if product is None or _nature(product) == after:
        return
    if queries.products_in_use(session, [product.id]):
        check_change(product.sku, _nature(product), after)


def _is_sound(data: ProductData) -> bool:
    nature = _after(NEW, data)
    return nature.tracking is not Tracking.serial or not nature.unit_decimals


def _refuse(session: Session, wanted: Sequence[ProductData], products: dict[str, Product]) -> None:
    # One that is not sound was not inserted, so it is not among the products.
    natures = {sku: _nature(product) for sku, product in products.items()}
    changing = [products[data.sku].id for data in wanted if data.sku in natures and _is_other(natures[data.sku], data)]
    in_use = queries.products_in_use(session, changing) if changing else set()
    refusals: dict[int, StockRefused] = {}
    for index, data in enumerate(wanted):
        before = natures.get(data.sku, NEW)
        try:
            check_nature(data.sku, _after(before, data))
            if products[data.sku].id in in_use:
                check_change(data.sku, before, _after(before, data))
        except StockRefused as refusal:
            refusals[index] = refusal
    if refusals:
        raise ManyRefused(refusals=refusals)


def _nature(product: Product) -> Nature:
    return Nature(product.tracking, product.unit_decimals)


def _after(before: Nature, data: ProductData) -> Nature:
    """Return how a product is tracked and counted once what is said of it holds."""
    decimals = before.unit_decimals if data.unit_decimals is None else data.unit_decimals
    return Nature(data.tracking or before.tracking, decimals)


def _is_other(before: Nature, data: ProductData) -> bool:
    return _after(before, data) != before


def _changed(product: Product, data: ProductData) -> dict[str, Any]:
    """Return the product's fields as they are to be; nothing where they are so already."""
    after = _after(_nature(product), data)
    wanted = (data.name, data.unit or product.unit, after.unit_decimals, after.tracking)
    values = dict(zip(FIELDS, wanted, strict=True))
    return values if any(getattr(product, field) != value for field, value in values.items()) else {}
