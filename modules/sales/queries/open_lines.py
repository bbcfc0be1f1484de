"""The figures of open lines: what is allocated, backordered and promised."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from modules.inventory_lots.models import Product
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries.lines import select_lines


def open_lines_of(session: Session, product_ids: Collection[int]) -> Mapping[str, Mapping[str, Any]]:
    """Return the figures of the open lines of confirmed orders of these products, by the line's id, in one query."""
    if not product_ids:
        return {}
    backordered = (
        select(Backorder.open_quantity)
        .where(Backorder.line_id == OrderLine.id, Backorder.is_open)
        .correlate(OrderLine)
        .scalar_subquery()
    )
    columns = (
        *(OrderLine.id, Order.number, OrderLine.position, Product.sku, OrderLine.open_quantity.label("open")),
        *(OrderLine.allocated, backordered.label("backordered"), OrderLine.promise_date),
    )
    of = and_(is_one_of(session, OrderLine.product_id, product_ids), OrderLine.is_open, Order.is_confirmed)
    return {
        str(row.id): {
            "order": row.number,
            "position": row.position,
            "sku": row.sku,
            "open": row.open,
            "allocated": row.allocated,
            "backordered": row.backordered or 0,
            "promise_date": row.promise_date,
        }
        for row in session.execute(select_lines(*columns).where(of))
    }
