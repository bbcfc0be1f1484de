"""The `allocated` counter of purchase order lines: the quantity that is allocated to sales orders."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import bulk_add, is_one_of, require_lock
from erp.numbers import sums
from modules.inventory_lots.models import Product
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services.locking import LINE


def add_allocated(session: Session, amounts: Iterable[tuple[int, int]]) -> None:
    """Add to `allocated`: pairs of line id and raw quantity. The caller has locked the products."""
    _add(session, sums(amounts))


def release_allocated(session: Session, amounts: Iterable[tuple[int, int]]) -> None:
    """Take from `allocated`: pairs of line id and raw quantity. The caller has locked the products."""
    _add(session, sums((line_id, -quantity) for line_id, quantity in amounts))


def _add(session: Session, totals: dict[int, int]) -> None:
    if not totals:
        return
    of_lines = is_one_of(session, PurchaseOrderLine.id, sorted(totals))
    products = set(session.scalars(select(PurchaseOrderLine.product_id).where(of_lines).distinct()))
    require_lock(session, Product, products)
    bulk_add(session, LINE, ("allocated",), sorted(totals.items()))
    session.expire_all()
