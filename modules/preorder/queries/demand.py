"""How much is ordered of what is not there yet: for a buyer who gauges demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from erp.db import total
from modules.inventory_lots.models import Product
from modules.preorder.models import ProductPreorder
from modules.preorder.queries.launches import preorder_products, preorders_taken
from modules.preorder.queries.purchase_allocations import NOTHING, of_lines, purchase_allocated_by_line
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import is_supply
from modules.sales.models import Order, OrderLine
from modules.sales.states import OrderState

ZERO = Decimal(0)


@dataclass(frozen=True)
class Demand:
    """Preorders of one product, what is linked to them, and what is on its way."""

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


def is_preordered() -> ColumnElement[bool]:
    """Return the condition of a product that is, or was, sold as a preorder."""
    lines = select(OrderLine.product_id).where(OrderLine.is_preorder.is_(True))
    eligible = select(ProductPreorder.product_id).where(ProductPreorder.is_eligible.is_(True))
    return or_(Product.id.in_(eligible), Product.id.in_(lines))


def demand_of(session: Session, product_ids: Sequence[int]) -> dict[int, Demand]:
    """Return the demand of each product, with one query a figure."""
    terms = preorder_products(session, product_ids)
    taken = preorders_taken(session, product_ids)
    preorders, supply = _open_preorders(session, product_ids), _on_its_way(session, product_ids)
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
    chosen = (
        OrderLine.product_id.in_(product_ids),
        OrderLine.is_preorder.is_(True),
        OrderLine.quantity > OrderLine.packed + OrderLine.cancelled,
    )
    purchase_allocations = purchase_allocated_by_line(of_lines(*chosen))
    rows = session.execute(
        select(
            OrderLine.product_id,
            total(OrderLine.open_quantity),
            total(func.coalesce(purchase_allocations.c.purchase_allocated, NOTHING)),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .outerjoin(purchase_allocations, purchase_allocations.c.line_id == OrderLine.id)
        .where(*chosen, Order.state == OrderState.confirmed)
        .group_by(OrderLine.product_id)
    )
    return {product_id: line_quantities for product_id, *line_quantities in rows}


def _on_its_way(session: Session, product_ids: Sequence[int]) -> dict[int, list[Decimal]]:
    # Lines that are supply have something outstanding, so the difference is never below 0.
    outstanding = PurchaseOrderLine.quantity - PurchaseOrderLine.received - PurchaseOrderLine.cancelled
    rows = session.execute(
        select(PurchaseOrderLine.product_id, total(outstanding), total(outstanding - PurchaseOrderLine.allocated))
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .where(PurchaseOrderLine.product_id.in_(product_ids), is_supply())
        .group_by(PurchaseOrderLine.product_id)
    )
    return {product_id: line_quantities for product_id, *line_quantities in rows}
