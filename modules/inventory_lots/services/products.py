"""Products: locked, saved, and worked on in batches."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.contacts import Saved
from erp.creation import create_named
from erp.db import (
    Build,
    chunks,
    commit_parts,
    insert_missing,
    is_one_of,
    lock_and_read,
    lock_rows,
    lock_selected,
)
from erp.errors import ErpError
from erp.history import Change, edit_many, record_all
from erp.registry import current_registry
from erp.search import refresh
from modules.inventory_lots import queries
from modules.inventory_lots.domain import TrackingSettings, check_change, check_tracking_settings, check_unit
from modules.inventory_lots.errors import ActiveUnchanged, ManyRefused, StockRefused
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking

T = TypeVar("T")
Watch = Callable[[list[Sequence[int]]], Iterable[Sequence[int]]]

BATCH = 200
FIELDS = {"name": "text", "unit": "text", "unit_decimals": "integer", "tracking": "text", "list_price": "bigint"}
NEW = TrackingSettings(Tracking.lot, 0, "pcs")


def lock_products(session: Session, product_ids: Iterable[int]) -> None:
    """Lock products until the transaction ends, as everything that changes stock or its allocations must first."""
    lock_rows(session, Product, product_ids)


def lock_selected_products(session: Session, build: Build, *, is_checked: bool = True, **values: Any) -> set[int]:
    """Lock the products whose ids a select returns, as `lock_selected` does, and return their ids."""
    return lock_selected(session, Product, build, is_checked=is_checked, **values)


def lock_and_read_products(session: Session, build: Build, product_ids: Iterable[int]) -> list[Any]:
    """Lock products and return what the select of `build(session)` reads of them, as `lock_and_read` does."""
    return lock_and_read(session, Product, build, product_ids)


def commit_by_products(
    session: Session, product_ids: Sequence[int], work: Callable[[Session, Sequence[int]], T], *, watch: Watch = iter
) -> tuple[list[T], dict[str, Exception]]:
    """Run `work(session, product_ids)` and commit, a batch of products at a time.

    Returns the results, and by SKU why a product failed: it stays as it was and stops no other. Modules and options
    are read again before each batch; `watch` is given the batches and passes them through.
    """

    def step(session: Session, ids: Sequence[int]) -> T:
        current_registry().refresh()
        return work(session, ids)

    session.rollback()
    results, failed = commit_parts(watch(list(chunks(product_ids, BATCH))), step)
    skus = queries.skus_by_id(session, failed)
    return results, {skus[id_]: error for id_, error in failed.items()}


@dataclass(frozen=True)
class ProductData:
    """The fields of a product; one that is None stays as it is, or is the default of a new product."""

    sku: str
    name: str
    unit: str | None = None
    unit_decimals: int | None = None
    tracking: Tracking | None = None
    list_price: Decimal | None = None


def save_products(session: Session, wanted: Sequence[ProductData]) -> Saved:
    """Insert products or change them by SKU; locks them. Raises ManyRefused with each product that is refused."""
    skus = [data.sku for data in wanted]
    known = queries.product_ids_by_sku(session, skus)
    _insert(session, [data for data in wanted if data.sku not in known])
    lock_products(session, queries.product_ids_by_sku(session, skus).values())
    products = queries.products_by_sku(session, skus)
    _refuse(session, wanted, products)
    inserted = [products[sku] for sku in dict.fromkeys(skus) if sku not in known]
    record_all(session, [Change(product.history_subject(), "created") for product in inserted])
    edits = [(product, values) for data in wanted if (values := _changed(product := products[data.sku], data))]
    edit_many(session, Product, FIELDS, edits)
    refresh(session, [*inserted, *(product for product, _ in edits)])
    return Saved(len(wanted) - len(known), len(edits))


def create_products(session: Session, new: Sequence[ProductData]) -> list[int | ErpError]:
    """Insert products; return the id of each, or why it is refused: SerialDecimals, or what `create_named` says."""
    return create_named(session, Product, "sku", list(map(_new_row, new)), noun="product")


def _insert(session: Session, new: Sequence[ProductData]) -> None:
    """Insert new products; those with settings that no product can have are left out and refused later."""
    insert_missing(session, Product, [row for row in map(_new_row, new) if not isinstance(row, ErpError)])


def _new_row(data: ProductData) -> dict[str, Any] | ErpError:
    """Return the column values of a new product, or SerialDecimals."""
    settings = _after(NEW, data)
    try:
        check_tracking_settings(data.sku, settings)
    except StockRefused as refusal:
        return refusal
    return {"sku": data.sku, "name": data.name, **vars(settings), "list_price": data.list_price}


def set_active(session: Session, product_ids: Collection[int], is_active: bool) -> dict[int, ErpError]:
    """Activate or deactivate products; locks them. Return why others stay as they are, by id."""
    lock_products(session, product_ids)
    rows = select(Product).where(is_one_of(session, Product.id, product_ids)).order_by(Product.id)
    products = session.scalars(rows.execution_options(populate_existing=True)).all()
    changed = [product for product in products if product.is_active != is_active]
    edit_many(session, Product, {"is_active": "boolean"}, [(each, {"is_active": is_active}) for each in changed])
    unchanged = (product for product in products if product not in changed)
    return {product.id: ActiveUnchanged(sku=product.sku, is_active=is_active) for product in unchanged}


def check_product(session: Session, product_id: int | None, *, sku: str, after: TrackingSettings) -> None:
    """Raise SerialDecimals, ProductInUse or UnitIsFixed where a product may not be tracked, counted or measured so.

    `product_id` is None for a new product; otherwise the caller has locked it.
    """
    product = None if product_id is None else session.get_one(Product, product_id)
    for refusal in _refusals(session, {0: (sku, product, after)}).values():
        raise refusal


def _refuse(session: Session, wanted: Sequence[ProductData], products: Mapping[str, Product]) -> None:
    changes: dict[int, tuple[str, Product | None, TrackingSettings]] = {}
    for index, data in enumerate(wanted):
        product = products.get(data.sku)  # None where its settings kept it from being inserted
        changes[index] = (data.sku, product, _after(_settings(product), data))
    if refusals := _refusals(session, changes):
        raise ManyRefused(refusals=refusals)


def _refusals(
    session: Session, changes: Mapping[int, tuple[str, Product | None, TrackingSettings]]
) -> dict[int, StockRefused]:
    """Return why products may not get new settings, by the keys of `changes`."""
    ids = [product.id for _, product, after in changes.values() if product is not None and after != _settings(product)]
    in_use = queries.products_in_use(session, ids) if ids else set()
    allocated_on = queries.allocated_incoming(session, ids) if ids else {}
    refusals: dict[int, StockRefused] = {}
    for key, (sku, product, after) in changes.items():
        id_, before = product.id if product else None, _settings(product)
        try:
            check_tracking_settings(sku, after)
            if id_ in in_use:
                check_change(sku, before, after)
            if id_ in allocated_on:
                check_unit(sku, before, after, allocated_on=allocated_on[id_])
        except StockRefused as refusal:
            refusals[key] = refusal
    return refusals


def _settings(product: Product | None) -> TrackingSettings:
    return TrackingSettings(product.tracking, product.unit_decimals, product.unit) if product else NEW


def _after(before: TrackingSettings, data: ProductData) -> TrackingSettings:
    decimals = before.unit_decimals if data.unit_decimals is None else data.unit_decimals
    return TrackingSettings(data.tracking or before.tracking, decimals, data.unit or before.unit)


def _changed(product: Product, data: ProductData) -> dict[str, Any]:
    """Return the product's new values; an empty dict where nothing changes."""
    price = product.list_price if data.list_price is None else data.list_price
    values = {"name": data.name, **vars(_after(_settings(product), data)), "list_price": price}
    return values if any(getattr(product, field) != value for field, value in values.items()) else {}
