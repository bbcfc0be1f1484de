"""Locks, taken before anything is decided, and rows read again under them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, cast

from sqlalchemy import Select, Table, select, update
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import fresh_rows, is_among, is_named, is_one_of
from erp.errors import StaleRecord
from erp.identity import ByKey
from erp.registry import check_revision, revision_column
from modules.inventory_lots.models import Product
from modules.inventory_lots.services import lock_products, lock_selected_products
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import join_orders, lines_with_orders, order_ids_by_number

ORDER = cast(Table, PurchaseOrder.__table__)
LINE = cast(Table, PurchaseOrderLine.__table__)
FRESH = {"populate_existing": True}


def lock_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Lock the products of these lines; return the lines as they are now, in id order. Raises StaleRecord."""
    wanted = set(line_ids)
    products = lock_selected_products(session, _products_of, line_ids=wanted)
    return _as_locked(fresh_lines(session, wanted), wanted, products)


def lock_lines_and_orders(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Lock the products of these lines, then their orders; return the lines as they are now, in id order."""
    wanted = set(line_ids)
    # Modules and options are checked with what is read next.
    products = lock_selected_products(session, _products_of, is_checked=False, line_ids=wanted)
    found = fresh_rows(session, _locking, (PurchaseOrderLine, PurchaseOrder, Product), line_ids=wanted)
    if found:
        check_revision(session, found[0][0])
    for _, line, order, product in found:
        set_committed_value(line, "order", order)
        set_committed_value(line, "product", product)
    return _as_locked(sorted((line for _, line, *_ in found), key=lambda line: line.id), wanted, products)


def _locking(session: Session) -> Select[*tuple[Any, ...]]:
    return (
        select(revision_column())
        .select_from(PurchaseOrderLine)
        .join(PurchaseOrderLine.order)
        .join(PurchaseOrderLine.product)
        .where(is_among(session, PurchaseOrderLine.id, "line_ids", hides_number=True))
        .order_by(PurchaseOrderLine.order_id, PurchaseOrderLine.id)
        .with_for_update(key_share=True, of=PurchaseOrder)
    )


def _products_of(session: Session) -> Select[*tuple[Any, ...]]:
    return select(PurchaseOrderLine.product_id).where(is_among(session, PurchaseOrderLine.id, "line_ids")).distinct()


def _as_locked(lines: list[PurchaseOrderLine], wanted: set[int], products: set[int]) -> list[PurchaseOrderLine]:
    if len(lines) < len(wanted) or any(line.product_id not in products for line in lines):
        raise StaleRecord
    return lines


def lock_order(session: Session, order_id: int, more_products: Iterable[int] = ()) -> PurchaseOrder:
    """Lock the products of an order's lines and `more_products`, then the order; return it as it is now."""
    of_lines = select(PurchaseOrderLine.product_id).where(PurchaseOrderLine.order_id == order_id)
    products = {*session.scalars(of_lines), *more_products}
    lock_products(session, products)
    _lock_orders(session, {order_id})
    found = fresh_order(session, order_id)
    if found is None or any(line.product_id not in products for line in found.lines):
        raise StaleRecord
    return found


def lock_orders(session: Session, order_ids: Collection[int]) -> Sequence[PurchaseOrder]:
    """Lock the products of orders, then the orders; return them as they are now, in id order. Raises StaleRecord."""
    of_lines = select(PurchaseOrderLine.product_id).where(is_one_of(session, PurchaseOrderLine.order_id, order_ids))
    products = set(session.scalars(of_lines.distinct()))
    lock_products(session, products)
    _lock_orders(session, set(order_ids))
    found = _fresh_orders(session, set(order_ids))
    if len(found) < len(set(order_ids)) or any(line.product_id not in products for row in found for line in row.lines):
        raise StaleRecord
    return found


def lock_numbered(
    session: Session, numbers: Collection[str], *, more_products: Iterable[int] = ()
) -> ByKey[str, PurchaseOrder]:
    """Lock the products of the orders of these numbers and `more_products`, then the orders; return these by number.

    An order that somebody made of these products meanwhile is among them. Raises StaleRecord when one has others.
    """
    of_lines = join_orders(select(PurchaseOrderLine.product_id)).where(is_named(session, PurchaseOrder.number, numbers))
    products = {*session.scalars(of_lines.distinct()), *more_products}
    lock_products(session, products)
    ids = set(order_ids_by_number(session, numbers).values())
    _lock_orders(session, ids)
    found = _fresh_orders(session, ids)
    if any(line.product_id not in products for order in found for line in order.lines):
        raise StaleRecord
    return ByKey((order.name, order) for order in found)


def _lock_orders(session: Session, order_ids: set[int]) -> None:
    # The state of an order is decided on all its lines: two receipts of different products must not miss each other.
    session.flush()
    rows = select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, order_ids)).order_by(PurchaseOrder.id)
    session.scalars(rows.with_for_update(), execution_options=FRESH).all()


def fresh_lines(session: Session, line_ids: Iterable[int]) -> list[PurchaseOrderLine]:
    """Read the lines again, in id order, with their orders and products."""
    session.flush()
    return list(session.scalars(lines_with_orders(session, set(line_ids)), execution_options=FRESH))


def fresh_order(session: Session, order_id: int) -> PurchaseOrder | None:
    """Read the order again, with its lines and their products; None when it does not exist."""
    return next(iter(_fresh_orders(session, {order_id})), None)


def _fresh_orders(session: Session, order_ids: set[int]) -> Sequence[PurchaseOrder]:
    session.flush()
    lines = selectinload(PurchaseOrder.lines).joinedload(PurchaseOrderLine.product)
    rows = select(PurchaseOrder).where(is_one_of(session, PurchaseOrder.id, order_ids)).order_by(PurchaseOrder.id)
    return session.scalars(rows.options(lines, joinedload(PurchaseOrder.supplier)), execution_options=FRESH).all()


def count_up_versions(session: Session, lines: Iterable[PurchaseOrderLine]) -> None:
    """Count up `row_version` of the orders of locked lines that are about to change, so that open forms become stale.

    For services that write lines and not their orders; saving an order counts up automatically.
    """
    orders = {line.order for line in lines}
    if not orders:
        return
    of_lines = is_one_of(session, ORDER.c.id, {order.id for order in orders})
    in_order = select(ORDER.c.id).where(of_lines).order_by(ORDER.c.id).with_for_update()
    session.execute(update(ORDER).where(ORDER.c.id.in_(in_order)).values(row_version=ORDER.c.row_version + 1))
    for order in orders:
        session.expire(order, ["row_version"])
