"""Products, made and changed; what fixes them is whether they are in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from erp.history import Change, record_all
from modules.inventory_lots import queries
from modules.inventory_lots.domain import TrackingSettings, check_change, check_tracking_settings, check_unit
from modules.inventory_lots.errors import ManyRefused, StockRefused
from modules.inventory_lots.models import Product
from modules.inventory_lots.services.balances import lock_products
from modules.inventory_lots.services.edits import edit_many
from modules.inventory_lots.states import Tracking

FIELDS = {"name": "text", "unit": "text", "unit_decimals": "integer", "tracking": "text"}
NEW = TrackingSettings(Tracking.lot, 0, "pcs")


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
    made = [products[sku] for sku in dict.fromkeys(skus) if sku not in known]
    record_all(session, [Change(product.history_subject(), "created") for product in made])
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
            "unit": data.unit or NEW.unit,
            "unit_decimals": data.unit_decimals or NEW.unit_decimals,
            "tracking": data.tracking or NEW.tracking,
        }
        for data in new
    ]
    if rows:
        session.execute(insert(Product).on_conflict_do_nothing(), rows)


def check_product(session: Session, product: Product | None, *, sku: str, after: TrackingSettings) -> None:
    """Raise SerialDecimals, ProductInUse or UnitIsFixed where a product may not be tracked, counted or measured so.

    `product` is None for a new one; otherwise the caller holds its lock.
    """
    for refusal in _refusals(session, {0: (sku, product, after)}).values():
        raise refusal


def _is_sound(data: ProductData) -> bool:
    settings = _after(NEW, data)
    return settings.tracking is not Tracking.serial or not settings.unit_decimals


def _refuse(session: Session, wanted: Sequence[ProductData], products: dict[str, Product]) -> None:
    changes: dict[int, tuple[str, Product | None, TrackingSettings]] = {}
    for index, data in enumerate(wanted):
        product = products.get(data.sku)  # none where it is not sound, and so was not inserted
        changes[index] = (data.sku, product, _after(_settings(product), data))
    if refusals := _refusals(session, changes):
        raise ManyRefused(refusals=refusals)


def _refusals(
    session: Session, changes: Mapping[int, tuple[str, Product | None, TrackingSettings]]
) -> dict[int, StockRefused]:
    """Return why products may not become what they are to be, by the keys of `changes`."""
    ids = [product.id for _, product, after in changes.values() if product is not None and after != _settings(product)]
    in_use = queries.products_in_use(session, ids) if ids else set()
    allocations = queries.allocated_incoming(session, ids) if ids else {}
    refusals: dict[int, StockRefused] = {}
    for key, (sku, product, after) in changes.items():
        id_, before = product.id if product else None, _settings(product)
        try:
            check_tracking_settings(sku, after)
            if id_ in in_use:
                check_change(sku, before, after)
            if id_ in allocations:
                check_unit(sku, before, after, claimed_on=allocations[id_])
        except StockRefused as refusal:
            refusals[key] = refusal
    return refusals


def _settings(product: Product | None) -> TrackingSettings:
    return TrackingSettings(product.tracking, product.unit_decimals, product.unit) if product else NEW


def _after(before: TrackingSettings, data: ProductData) -> TrackingSettings:
    """Return how a product is tracked, counted and measured once what is said of it holds."""
    decimals = before.unit_decimals if data.unit_decimals is None else data.unit_decimals
    return TrackingSettings(data.tracking or before.tracking, decimals, data.unit or before.unit)


def _changed(product: Product, data: ProductData) -> dict[str, Any]:
    """Return the product's fields as they are to be; nothing where they are so already."""
    after = _after(_settings(product), data)
    wanted = (data.name, after.unit, after.unit_decimals, after.tracking)
    values = dict(zip(FIELDS, wanted, strict=True))
    return values if any(getattr(product, field) != value for field, value in values.items()) else {}
