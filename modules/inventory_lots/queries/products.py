"""Products by what names them, and whether they are in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import chunks
from erp.errors import NotFound
from modules.inventory_lots import hooks
from modules.inventory_lots.models import Lot, Product

CHUNK = 5000


def products_by_sku(session: Session, skus: Iterable[str]) -> dict[str, Product]:
    """Return the products of these SKUs; one that does not exist is left out."""
    wanted = sorted(set(skus))
    rows = (session.scalars(select(Product).where(Product.sku.in_(part))) for part in chunks(wanted, CHUNK))
    return {product.sku: product for part in rows for product in part}


def product_ids_by_sku(session: Session, skus: Iterable[str]) -> dict[str, int]:
    """Return the ids of the products of these SKUs; one that does not exist is left out."""
    rows = select(Product.sku, Product.id)
    parts = (session.execute(rows.where(Product.sku.in_(part))) for part in chunks(sorted(set(skus)), CHUNK))
    return {sku: id_ for part in parts for sku, id_ in part}


def product_by_sku(session: Session, sku: str) -> Product:
    """Return a product; raise NotFound."""
    product = session.scalar(select(Product).where(Product.sku == sku))
    if product is None:
        raise NotFound("product", sku)
    return product


def products_by_id(session: Session, ids: Iterable[int]) -> dict[int, Product]:
    """Return products by id."""
    parts = (session.scalars(select(Product).where(Product.id.in_(part))) for part in chunks(sorted(ids), CHUNK))
    return {product.id: product for part in parts for product in part}


def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Return those of the products that have, or had, stock or stand on documents."""
    in_use: set[int] = set()
    for part in chunks(sorted(product_ids), CHUNK):
        in_use.update(session.scalars(select(Lot.product_id).where(Lot.product_id.in_(part)).distinct()))
    return in_use.union(*hooks.products_in_use(session, product_ids))
