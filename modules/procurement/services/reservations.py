"""What is on its way and already meant for a customer: one counter a line, kept by whoever keeps the claims."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import bulk_add, is_one_of, require_lock
from modules.inventory_lots.models import Product
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services.locking import LINE


def reserve(session: Session, amounts: Iterable[tuple[int, int]]) -> None:
    """Set incoming quantities aside: pairs of line id and raw quantity. The products are locked by the caller."""
    _add(session, amounts, sign=1)


def release(session: Session, amounts: Iterable[tuple[int, int]]) -> None:
    """Set incoming quantities free again: pairs of line id and raw quantity."""
    _add(session, amounts, sign=-1)


def _add(session: Session, amounts: Iterable[tuple[int, int]], sign: int) -> None:
    totals: Counter[int] = Counter()
    for line_id, quantity in amounts:
        totals[line_id] += sign * quantity
    if not totals:
        return
    require_lock(session, Product, _products(session, sorted(totals)))
    bulk_add(session, LINE, ("allocated",), sorted(totals.items()))
    session.expire_all()


def _products(session: Session, line_ids: list[int]) -> set[int]:
    of_lines = is_one_of(session, PurchaseOrderLine.id, line_ids)
    return set(session.scalars(select(PurchaseOrderLine.product_id).where(of_lines).distinct()))
