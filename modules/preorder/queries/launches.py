"""Products that are sold before they exist."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, func, literal, select, true
from sqlalchemy.orm import Session

from erp.db import chunks, is_one_of, total
from modules.preorder.models import ProductPreorder
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import backorder_is_open
from modules.sales.states import BackorderKind, OrderState

CHUNK = 5000


def preorder_product(session: Session, product_id: int) -> ProductPreorder | None:
    """Return what preorder knows of a product, if anything."""
    return session.get(ProductPreorder, product_id)


def preorder_products(session: Session, product_ids: Sequence[int]) -> dict[int, ProductPreorder]:
    """Return what preorder knows of each of these products that it knows something of, by product id."""
    parts = (
        session.scalars(select(ProductPreorder).where(ProductPreorder.product_id.in_(part)))
        for part in chunks(product_ids, CHUNK)
    )
    return {row.product_id: row for part in parts for row in part}


def products_with_launch(session: Session, product_ids: Collection[int]) -> dict[int, ProductPreorder]:
    """Return what preorder knows of these products, by product id, of those with a launch date."""
    rows = session.scalars(
        select(ProductPreorder).where(
            is_one_of(session, ProductPreorder.product_id, product_ids), ProductPreorder.launch_date.is_not(None)
        )
    )
    return {row.product_id: row for row in rows}


def preorders_taken(session: Session, product_ids: Collection[int], *, but: Sequence[int] = ()) -> dict[int, Decimal]:
    """Return how much of each product's limit is used: quantity − cancelled of the preorder lines of confirmed and
    done orders, leaving out the lines `but`."""
    taken = _preorders(session, is_one_of(session, OrderLine.product_id, product_ids))
    for part in chunks(but, CHUNK):
        for product_id, quantity in _preorders(session, OrderLine.id.in_(part)).items():
            taken[product_id] -= quantity
    return taken


def _preorders(session: Session, condition: ColumnElement[bool]) -> dict[int, Decimal]:
    rows = session.execute(
        select(OrderLine.product_id, total(OrderLine.quantity - OrderLine.cancelled))
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            condition,
            OrderLine.is_preorder.is_(True),
            Order.state.in_((OrderState.confirmed, OrderState.done)),
        )
        .group_by(OrderLine.product_id)
    )
    return dict(rows.all())


def launched_lines(session: Session, today: date, product_ids: Sequence[int] | None = None) -> dict[int, date]:
    """Return the launch date of lines, of these products or of all, with an open preorder row past the launch.

    A product whose launch date was taken away is no preorder any more: its rows count from today.
    """
    is_meant = true() if product_ids is None else is_one_of(session, OrderLine.product_id, product_ids)
    launch = func.coalesce(ProductPreorder.launch_date, literal(today, Date()))
    rows = session.execute(
        select(OrderLine.id, launch)
        .join(Backorder, Backorder.line_id == OrderLine.id)
        .join(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .where(is_meant, backorder_is_open(), Backorder.kind == BackorderKind.preorder, launch <= today)
    )
    return dict(rows.all())


def lines_before_launch(session: Session, line_ids: Collection[int], today: date) -> list[int]:
    """Return which of these lines are preorders of products whose launch is still to come."""
    return list(
        session.scalars(
            select(OrderLine.id)
            .join(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
            .where(
                is_one_of(session, OrderLine.id, line_ids),
                OrderLine.is_preorder.is_(True),
                ProductPreorder.launch_date > today,
            )
        )
    )
