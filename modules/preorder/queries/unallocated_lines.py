"""Unallocated lines: open need that neither stock nor purchase orders cover."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, not_, select
from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.inventory_lots.states import Tracking
from modules.sales.models import OrderLine
from modules.sales.queries import is_in_confirmed_order, is_scheduled


def is_of_serial_product(line: type[OrderLine] = OrderLine) -> ColumnElement[bool]:
    """Return the condition on an order line alone that its product has serial numbers, which are never allocated."""
    products = select(Product.id).where(Product.id == line.product_id, Product.tracking == Tracking.serial)
    return products.correlate_except(Product).exists()


def is_unallocated() -> ColumnElement[bool]:
    """Return the condition of an open line with need that purchase orders do not cover and that is not scheduled.

    Lines on hold are among them, and lines without a backorder row. Every part of the condition depends on the line
    itself: a list finds its first page without reading all lines.
    """
    return and_(
        OrderLine.is_open,  # follows from the need; by it the index of open lines is found
        OrderLine.has_need,
        OrderLine.is_uncovered,
        is_in_confirmed_order(),
        not_(is_of_serial_product()),
        not_(is_scheduled()),
    )


def has_scheduled_lines(session: Session) -> bool:
    """Return whether something is open on scheduled lines that neither stock nor purchase orders cover."""
    lines = select(OrderLine.id).where(
        OrderLine.has_need, OrderLine.is_uncovered, is_in_confirmed_order(), is_scheduled()
    )
    return session.scalar(lines.where(not_(is_of_serial_product())).limit(1)) is not None


def has_open_serial_lines(session: Session, *conditions: ColumnElement[bool]) -> bool:
    """Return whether something is open on lines with serial numbers, which coverage and dates leave out."""
    # By the products, of which few have serial numbers: most books have more open lines than products.
    is_serial = OrderLine.product_id.in_(select(Product.id).where(Product.tracking == Tracking.serial))
    lines = select(OrderLine.id).where(OrderLine.is_open, is_in_confirmed_order(), is_serial, *conditions)
    return session.scalar(lines.limit(1)) is not None
