"""Preorder demand by product, for a buyer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.db import total
from modules.preorder.queries.products import preorder_products, preorders_taken
from modules.preorder.queries.sales_lines import confirmed_lines, has_open_quantity
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import is_supply
from modules.sales.models import OrderLine

ZERO = Decimal(0)


@dataclass(frozen=True)
class Demand:
    """Preorders of one product, what they have on purchase orders, and what is incoming."""

    launch_date: date | None = None
    limit: Decimal | None = None
    ordered: Decimal = ZERO
    still_open: Decimal = ZERO
    purchase_allocated: Decimal = ZERO
    incoming: Decimal = ZERO
    available: Decimal = ZERO

    @property
    def limit_left(self) -> Decimal | None:
        """What may still be preordered; None without a limit."""
        return None if self.limit is None else max(ZERO, self.limit - self.ordered)


def demand_of(session: Session, product_ids: Sequence[int]) -> dict[int, Demand]:
    """Return the preorder demand of each of these products, by product id."""
    terms = preorder_products(session, product_ids)
    taken = preorders_taken(session, product_ids)
    preorders, supply = _open_preorders(session, product_ids), _incoming(session, product_ids)
    found: dict[int, Demand] = {}
    for product_id in product_ids:
        row = terms.get(product_id)
        found[product_id] = Demand(
            row.launch_date if row else None,
            row.preorder_limit if row else None,
            taken.get(product_id, ZERO),
            *preorders.get(product_id, (ZERO, ZERO)),
            *supply.get(product_id, (ZERO, ZERO)),
        )
    return found


def _open_preorders(session: Session, product_ids: Sequence[int]) -> dict[int, list[Decimal]]:
    """Return the open quantity of each product's preorders, and what they have on purchase orders."""
    lines = confirmed_lines(OrderLine.product_id.in_(product_ids), OrderLine.is_preorder.is_(True), has_open_quantity())
    columns = (OrderLine.product_id, total(OrderLine.open_quantity), total(OrderLine.incoming))
    rows = session.execute(lines.with_only_columns(*columns).group_by(OrderLine.product_id))
    return {product_id: quantities for product_id, *quantities in rows}


def _incoming(session: Session, product_ids: Sequence[int]) -> dict[int, list[Decimal]]:
    """Return the outstanding quantity of each product, and what of it is not allocated."""
    # Lines that are supply have something outstanding, so the difference is never below 0.
    outstanding = PurchaseOrderLine.quantity - PurchaseOrderLine.received - PurchaseOrderLine.cancelled
    rows = session.execute(
        select(PurchaseOrderLine.product_id, total(outstanding), total(outstanding - PurchaseOrderLine.taken))
        .join(PurchaseOrderLine.order)
        .where(PurchaseOrderLine.product_id.in_(product_ids), is_supply())
        .group_by(PurchaseOrderLine.product_id)
    )
    return {product_id: quantities for product_id, *quantities in rows}
