"""Long work over many products: a batch and a commit at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import chunks, commit_parts, is_one_of
from erp.registry import current_registry
from modules.inventory_lots.models import Product

T = TypeVar("T")

BATCH = 100

Watch = Callable[[list[Sequence[int]]], Iterable[Sequence[int]]]


def commit_by_products(
    session: Session, product_ids: Sequence[int], work: Callable[[Session, Sequence[int]], T], *, watch: Watch = iter
) -> tuple[list[T], dict[str, Exception]]:
    """Run `work(session, product_ids)` batch by batch; return the results, and by SKU why a product failed.

    Products that fail stay as they were and stop no other. Modules and options are read anew for each batch; `watch`
    sees the batches go by.
    """

    def step(session: Session, ids: Sequence[int]) -> T:
        current_registry().refresh()
        return work(session, ids)

    session.rollback()
    results, failed = commit_parts(watch(list(chunks(product_ids, BATCH))), step)
    skus = dict(session.execute(select(Product.id, Product.sku).where(is_one_of(session, Product.id, failed))).all())
    return results, {skus[id_]: error for id_, error in failed.items()}
