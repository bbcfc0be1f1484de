"""Products that are sold before their launch: terms, preorders taken, launches."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, not_, or_, select, true
from sqlalchemy.orm import Session

from erp import clock
from erp.db import chunks, is_among, is_one_of, total, typed_rows
from modules.inventory_lots.models import Product
from modules.preorder.domain import is_before_launch
from modules.preorder.errors import PackedBeforeLaunch
from modules.preorder.models import ProductPreorder
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.queries import quoted_preorders
from modules.sales.states import BackorderKind, OrderState

CHUNK = 5000


def preorder_product(session: Session, product_id: int) -> ProductPreorder | None:
    """Return the preorder terms of a product; None where it has none."""
    return session.get(ProductPreorder, product_id)


def preorder_products(session: Session, product_ids: Sequence[int]) -> dict[int, ProductPreorder]:
    """Return the preorder terms of these products by product id; products without terms are left out."""
    parts = (
        session.scalars(select(ProductPreorder).where(ProductPreorder.product_id.in_(part)))
        for part in chunks(product_ids, CHUNK)
    )
    return {row.product_id: row for part in parts for row in part}


class Launch(NamedTuple):
    """The preorder terms of a product that has a launch date."""

    product_id: int
    sku: str
    is_eligible: bool
    launch_date: date
    preorder_limit: Decimal | None


def products_with_launch(session: Session, product_ids: Collection[int]) -> dict[int, Launch]:
    """Return the preorder terms of those of these products that have a launch date, by product id."""
    rows = typed_rows(session, _with_launch, product_ids=product_ids) if product_ids else ()
    return {row.product_id: Launch._make(row) for row in rows}


def _with_launch(session: Session) -> Select[*tuple[Any, ...]]:
    terms = (ProductPreorder.is_eligible, ProductPreorder.launch_date, ProductPreorder.preorder_limit)
    rows = select(ProductPreorder.product_id, Product.sku, *terms).join(ProductPreorder.product)
    is_wanted = is_among(session, ProductPreorder.product_id, "product_ids")
    return rows.where(is_wanted, ProductPreorder.launch_date.is_not(None))


def preorders_taken(session: Session, product_ids: Collection[int], *, but: Sequence[int] = ()) -> dict[int, Decimal]:
    """Return how much of each product's preorder limit is used, leaving out the lines `but`.

    That is quantity − cancelled of the preorder lines of confirmed and done orders, and what live quotes promise.
    """
    taken = _preorders(session, is_one_of(session, OrderLine.product_id, product_ids))
    for part in chunks(but, CHUNK):
        for product_id, quantity in _preorders(session, OrderLine.id.in_(part)).items():
            taken[product_id] -= quantity
    for product_id, quantity in quoted_preorders(session, product_ids).items() if product_ids else ():
        taken[product_id] = taken.get(product_id, Decimal(0)) + quantity
    return taken


def _preorders(session: Session, condition: ColumnElement[bool]) -> dict[int, Decimal]:
    rows = session.execute(
        select(OrderLine.product_id, total(OrderLine.quantity - OrderLine.cancelled))
        .join(OrderLine.order)
        .where(
            condition,
            OrderLine.is_preorder.is_(True),
            Order.state.in_((OrderState.confirmed, OrderState.done)),
        )
        .group_by(OrderLine.product_id)
    )
    return dict(rows.all())


def launched_lines(session: Session, product_ids: Sequence[int] | None = None) -> list[int]:
    """Return the lines, of these products or of all, whose open row is a preorder although the launch has come.

    A product that lost its launch date is launched, too.
    """
    is_chosen = true() if product_ids is None else is_one_of(session, OrderLine.product_id, product_ids)
    rows = session.scalars(
        select(OrderLine.id)
        .join(Backorder, Backorder.line_id == OrderLine.id)
        .join(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .where(
            is_chosen,
            Backorder.is_open,
            Backorder.kind == BackorderKind.preorder,
            not_(ProductPreorder.is_before_launch),
        )
    )
    return list(rows)


def lines_before_launch(session: Session, line_ids: Collection[int]) -> set[int]:
    """Return those of these lines whose product is still to be launched."""
    rows = (
        select(OrderLine.id)
        .join(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .where(is_one_of(session, OrderLine.id, line_ids), ProductPreorder.is_before_launch)
    )
    return set(session.scalars(rows))


def backorder_kinds(session: Session, line_ids: Collection[int]) -> dict[int, BackorderKind]:
    """Return the kind `preorder` for those of these lines that are preorders of products before their launch."""
    rows = session.scalars(
        select(OrderLine.id)
        .join(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .where(
            is_one_of(session, OrderLine.id, line_ids),
            OrderLine.is_preorder.is_(True),
            ProductPreorder.is_before_launch,
        )
    )
    return dict.fromkeys(rows, BackorderKind.preorder)


def pack_refusals(session: Session, lines: Sequence[OrderLine]) -> dict[int, PackedBeforeLaunch]:
    """Return a refusal for each of these lines that is a preorder of a product before its launch."""
    today = clock.today()
    preorders = [line for line in lines if line.is_preorder]
    launches = products_with_launch(session, {line.product_id for line in preorders})
    return {
        line.id: PackedBeforeLaunch(sku=row.sku, launch_date=row.launch_date)
        for line in preorders
        if (row := launches.get(line.product_id)) and is_before_launch(row.launch_date, today)
    }


def is_preordered() -> ColumnElement[bool]:
    """Return the condition of a product that is, or was, sold as a preorder."""
    lines = select(OrderLine.product_id).where(OrderLine.is_preorder.is_(True))
    eligible = select(ProductPreorder.product_id).where(ProductPreorder.is_eligible.is_(True))
    return or_(Product.id.in_(eligible), Product.id.in_(lines))
