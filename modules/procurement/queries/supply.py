"""Purchase order lines as supply: which count, and in which order they serve demand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select
from sqlalchemy.orm import Session

from erp.db import is_one_of, raw
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries.lines import join_orders


def is_supply() -> ColumnElement[bool]:
    """Return the condition that a line, joined to its order, is open."""
    return and_(PurchaseOrderLine.is_open)


def may_still_come() -> ColumnElement[bool]:
    """Return the condition on a line alone that goods of it may still come, for a list that does not join the order."""
    order = select(PurchaseOrder.id).where(PurchaseOrder.id == PurchaseOrderLine.order_id, PurchaseOrder.is_open)
    return and_(PurchaseOrderLine.has_outstanding, order.correlate(PurchaseOrderLine).exists())


def supply_order() -> tuple[Any, ...]:
    """Return the order in which lines of a product serve demand: by expected date (none last), order date, line."""
    line = PurchaseOrderLine
    return (line.expected_on.is_(None), line.expected_on, PurchaseOrder.ordered_on, line.id)


def unallocated_supply(session: Session, product_ids: Iterable[int]) -> Select[int, int, int, date | None]:
    """Select (line id, product id, raw unallocated quantity, expected date) of the lines that still have some.

    The rows come product by product, in the order in which they serve demand.
    """
    line = PurchaseOrderLine
    return (
        join_orders(select(line.id, line.product_id, raw(line.unallocated), line.expected_on))
        .where(is_one_of(session, line.product_id, product_ids), is_supply(), line.has_unallocated)
        .order_by(line.product_id, *supply_order())
    )
