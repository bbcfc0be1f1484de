"""What purchase orders cover of sales orders and lines, and what may not leave yet, as conditions in SQL."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import ColumnElement, Select, and_, not_, select
from sqlalchemy.orm import Session

from erp import clock
from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.preorder.domain import CoverageState
from modules.preorder.models import ProductPreorder
from modules.preorder.queries.late_candidates import may_be_late
from modules.preorder.queries.late_lines import is_late_line
from modules.sales.models import Order, OrderLine
from modules.sales.queries import has_line


def is_allocated_to_purchases(_session: Session | None = None) -> ColumnElement[bool]:
    """Return the condition on an order line that something of it is on a purchase order."""
    return and_(OrderLine.incoming > Decimal(0))


def is_before_launch(_session: Session) -> ColumnElement[bool]:
    """Return the condition on an order line that it is a preorder of a product before its launch: it may not leave."""
    launch = select(ProductPreorder.product_id).where(
        ProductPreorder.product_id == OrderLine.product_id, ProductPreorder.launch_date > clock.today()
    )
    return and_(OrderLine.is_preorder.is_(True), launch.correlate(OrderLine).exists())


def has_coverage(state: CoverageState) -> ColumnElement[bool]:
    """Return the condition on an order that purchase orders cover so much of what stock leaves open of it."""
    serial = select(Product.id).where(Product.id == OrderLine.product_id, Product.tracking == Tracking.serial)
    waits = and_(OrderLine.has_need, not_(serial.correlate(OrderLine).exists()))
    needs = has_line(waits)
    some = has_line(waits, is_allocated_to_purchases())
    missing = has_line(waits, OrderLine.is_uncovered)
    conditions = {
        CoverageState.covered: and_(needs, not_(missing)),
        CoverageState.part_covered: and_(some, missing),
        CoverageState.not_covered: and_(needs, not_(some)),
    }
    return and_(Order.is_confirmed, conditions[state])


def has_late_line() -> ColumnElement[bool]:
    """Return the condition on an order that a line of it is late."""
    return and_(Order.is_confirmed, has_line(is_late_line(clock.today())))


def may_have_late_line() -> Select[int]:
    """Select the ids of the orders of which a line may be late."""
    return select(OrderLine.order_id).where(OrderLine.id.in_(may_be_late(clock.today())))
