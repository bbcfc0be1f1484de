"""Products by SKU and id, and whether they are in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from erp.db import is_among, is_one_of, key_of, objects_by_id, read_prepared, rows_named
from erp.identity import ByKey, identity_key
from modules.inventory_lots import hooks
from modules.inventory_lots.models import Lot, Product


def products_by_sku(session: Session, skus: Iterable[str]) -> ByKey[str, Product]:
    """Return the products of these SKUs; one that does not exist is left out."""
    return rows_named(session, Product, "sku", skus)


def product_ids_by_sku(session: Session, skus: Iterable[str]) -> ByKey[str, int]:
    """Return the ids of the products of these SKUs; one that does not exist is left out."""
    return ByKey(read_prepared(session, _ids_of_skus, keys=set(map(identity_key, skus))))


def _ids_of_skus(session: Session) -> Select[*tuple[Any, ...]]:
    return select(Product.sku, Product.id).where(is_among(session, key_of(Product.sku), "keys"))


def products_by_id(session: Session, ids: Iterable[int]) -> dict[int, Product]:
    """Return products by id; those that the session has loaded are not read again."""
    return objects_by_id(session, Product, ids)


def skus_by_id(session: Session, ids: Iterable[int]) -> dict[int, str]:
    """Return the SKUs of products by id."""
    rows = select(Product.id, Product.sku).where(is_one_of(session, Product.id, ids))
    return dict(session.execute(rows).all())


def products_in_use(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Return those of the products that have, or had, stock or stand on documents."""
    with_lots = select(Lot.product_id).where(is_one_of(session, Lot.product_id, product_ids)).distinct()
    return set(session.scalars(with_lots)).union(*hooks.products_in_use(session, product_ids))


def allocated_incoming(session: Session, product_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the documents on which incoming goods of these products are allocated; other products are left out."""
    documents: dict[int, list[str]] = {}
    for answer in hooks.allocated_incoming(session, product_ids):
        for product_id, names in answer.items():
            documents.setdefault(product_id, []).extend(names)
    return documents
