"""What a rebalance is planned from: lines in order of service, what they have on purchase orders, and free supply."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Subquery, case, func, literal, or_, select, true
from sqlalchemy.orm import Session

from erp.db import is_one_of, raw
from erp.identity import identity_key
from modules.inventory_lots.models import Product
from modules.preorder.models import ProductPreorder, PurchaseAllocation
from modules.preorder.queries.arrivals import arrival_column, arrival_order, is_promised_supply
from modules.preorder.queries.purchase_allocations import open_purchase_allocations
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import is_supply
from modules.sales.models import OrderLine
from modules.sales.queries import is_waiting, service_order
from modules.sales.rebalancing import Exchange, Holding, Line, Supply, rebalance
from modules.sales.states import AllocationSource


class Book(NamedTuple):
    """What a rebalance of one product is planned from."""

    lines: list[Line]
    holdings: list[Holding]
    supplies: list[Supply]


def planned_exchanges(
    session: Session, product_ids: Collection[int], ticked: Collection[int] = frozenset()
) -> list[Exchange]:
    """Return what a rebalance of products exchanges; `ticked` are the lines that put back what they have."""
    books = rebalance_books(session, product_ids, ticked)
    return [exchange for book in books.values() for exchange in rebalance(*book)]


def products_to_rebalance(session: Session, skus: Sequence[str] = ()) -> list[int]:
    """Return the ids of the products with free supply that arrives on some day; only of these SKUs, where given."""
    rows = select(Product.id).where(Product.sku_key.in_(set(map(identity_key, skus))) if skus else true())
    free = _first_free_days(session, list(session.scalars(rows))) if skus else _first_free_days(session)
    return list(session.scalars(select(free.c.product_id).where(free.c.day.is_not(None)).order_by(free.c.product_id)))


def rebalance_books(
    session: Session, product_ids: Collection[int], ticked: Collection[int] = frozenset(), *, whole: bool = False
) -> dict[int, Book]:
    """Return by product what can be exchanged: automatic purchase allocations of lines that an automatic run serves.

    Lines with a pinned promise date stay. Where no line is ticked and it is not wanted whole, only what arrives after
    the earliest free supply of its product is read: often there is nothing.
    """
    books: dict[int, Book] = {}
    for product_id, line_id, ready, supply_id, quantity in session.execute(
        _holdings(session, product_ids, whole or bool(ticked))
    ):
        book = books.setdefault(product_id, Book([], [], []))
        if not book.lines or book.lines[-1].id != line_id:
            book.lines.append(Line(line_id, ready, line_id in ticked))
        book.holdings.append(Holding(line_id, supply_id, quantity))
    if books:
        for product_id, *supply in session.execute(_supplies(session, books)):
            books[product_id].supplies.append(Supply._make(supply))
    return books


def _holdings(session: Session, product_ids: Collection[int], whole: bool) -> Any:
    columns = (
        OrderLine.product_id,
        OrderLine.id,
        case((OrderLine.is_preorder, ProductPreorder.launch_date)),
        PurchaseAllocation.purchase_line_id,
        raw(PurchaseAllocation.outstanding),
    )
    first = _first_free_days(session, product_ids)
    arrival = arrival_column()
    return (
        open_purchase_allocations(session, PurchaseAllocation.source == AllocationSource.automatic)
        .join(OrderLine.product)
        .outerjoin(ProductPreorder, ProductPreorder.product_id == OrderLine.product_id)
        .outerjoin(first, first.c.product_id == OrderLine.product_id)
        .with_only_columns(*columns)
        .where(
            is_one_of(session, OrderLine.product_id, product_ids),
            OrderLine.is_open,
            is_waiting(session),
            OrderLine.is_promise_pinned.is_(False),
            true() if whole else or_(first.c.day < arrival, first.c.day.is_not(None) & arrival.is_(None)),
        )
        .order_by(None)
        .order_by(OrderLine.product_id, *service_order(session), PurchaseAllocation.id)
    )


def _first_free_days(session: Session, product_ids: Collection[int] | None = None) -> Subquery:
    """Return a subquery of the first day on which free supply of each product arrives: `product_id`, `day`."""
    return (
        select(PurchaseOrderLine.product_id, func.min(arrival_column()).label("day"))
        .join(PurchaseOrderLine.order)
        .where(
            true() if product_ids is None else is_one_of(session, PurchaseOrderLine.product_id, product_ids),
            is_promised_supply(),
            PurchaseOrderLine.has_unallocated,
        )
        .group_by(PurchaseOrderLine.product_id)
        .subquery()
    )


def _supplies(session: Session, product_ids: Collection[int]) -> Any:
    return (
        select(PurchaseOrderLine.product_id, PurchaseOrderLine.id, arrival_column(), _free())
        .join(PurchaseOrderLine.order)
        .where(is_one_of(session, PurchaseOrderLine.product_id, product_ids), is_supply())
        .order_by(PurchaseOrderLine.product_id, *arrival_order())
    )


def _free() -> ColumnElement[int]:
    """Return the raw quantity of a purchase order line that automatic runs may give out."""
    return case((is_promised_supply(), raw(PurchaseOrderLine.unallocated)), else_=literal(0))
