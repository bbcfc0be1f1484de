"""Order lines with their order and product."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import format_quantity, is_one_of
from erp.errors import ErpError
from erp.text import say
from modules.inventory_lots.domain import check_price, check_quantity
from modules.inventory_lots.models import Product
from modules.sales.errors import InactiveProduct
from modules.sales.models import Order, OrderLine


def select_lines(*columns: Any, through: Any = None) -> Select[*tuple[Any, ...]]:
    """Select columns of order lines, their orders and their products.

    `through` is the relationship that leads from another table to the line, such as `Backorder.line`: then the rows are
    those of that table.
    """
    rows = select(*columns)
    rows = rows.select_from(OrderLine) if through is None else rows.select_from(through.class_).join(through)
    return rows.join(OrderLine.order).join(OrderLine.product)


def lines_of(session: Session, order_ids: Sequence[int]) -> list[OrderLine]:
    """Return the lines of many orders with their products and orders, by order and position.

    Each table is read by itself: many lines are of few products, which a join would repeat on every row.
    """
    is_wanted = is_one_of(session, OrderLine.order_id, order_ids)
    rows = select(OrderLine).where(is_wanted).order_by(OrderLine.order_id, OrderLine.position)
    orders = session.scalars(select(Order).where(is_one_of(session, Order.id, order_ids)))
    products = session.scalars(select(Product).where(Product.id.in_(select(OrderLine.product_id).where(is_wanted))))
    order_of, product_of = {each.id: each for each in orders}, {each.id: each for each in products}
    lines = list(session.scalars(rows))
    for line in lines:
        set_committed_value(line, "order", order_of[line.order_id])
        set_committed_value(line, "product", product_of[line.product_id])
    return lines


def lines_by_id(session: Session, line_ids: Sequence[int]) -> list[OrderLine]:
    """Return lines with their products and orders, by order and position."""
    rows = select(OrderLine).options(joinedload(OrderLine.product), joinedload(OrderLine.order))
    rows = rows.where(is_one_of(session, OrderLine.id, line_ids)).order_by(OrderLine.order_id, OrderLine.position)
    return list(session.scalars(rows))


def check_sale(product: Product, quantity: Decimal, unit_price: Decimal | None) -> None:
    """Raise BadQuantity, NegativePrice or InactiveProduct for what no line of an order may have."""
    check_quantity(quantity, product.unit_decimals, what=product.sku)
    check_price(unit_price, what=product.sku, field="unit_price")
    if not product.is_active:
        raise InactiveProduct(sku=product.sku)


def own_refusals(lines: Iterable[OrderLine]) -> dict[int, ErpError]:
    """Return why lines may not be confirmed as they are, whatever other modules say, by line id."""
    return sale_refusals((line.id, line.product, line.quantity, line.unit_price) for line in lines)


def sale_refusals(lines: Iterable[tuple[int, Product, Decimal, Decimal | None]]) -> dict[int, ErpError]:
    """Return what `check_sale` refuses of lines, by their ids: of each its id, product, quantity and unit price."""
    refusals: dict[int, ErpError] = {}
    for line_id, product, quantity, unit_price in lines:
        try:
            check_sale(product, quantity, unit_price)
        except ErpError as error:
            refusals[line_id] = error
    return refusals


def ordered_products(session: Session, order_id: int) -> dict[int, str]:
    """Return what is ordered on each line of an order by its position, such as `3 of LAMP`."""
    columns = (OrderLine.position, OrderLine.quantity, Product.sku)
    rows = session.execute(select_lines(*columns).where(OrderLine.order_id == order_id).order_by(OrderLine.position))
    return {
        position: say("{quantity} of {sku}", quantity=format_quantity(quantity), sku=sku)
        for position, quantity, sku in rows
    }


def products_on_lines(session: Session, product_ids: Sequence[int]) -> set[int]:
    """Return which of these products are on sales order lines."""
    return set(session.scalars(select(OrderLine.product_id).where(OrderLine.product_id.in_(product_ids)).distinct()))
