"""Sales orders in and out: one row for each line; rows of one number are one order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import contacts_by_code
from erp.db import is_named
from erp.errors import ErpError
from erp.exchange import (
    AfterImport,
    Column,
    Errors,
    ExportKind,
    ImportKind,
    Row,
    code,
    day,
    instant,
    money,
    one_of,
    quantity,
    whole_number,
)
from erp.identity import ByKey
from erp.text import plural
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import product_ids_by_sku, products_by_sku
from modules.inventory_lots.services import lock_products
from modules.sales import services
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import select_lines
from modules.sales.services import NewLine, NewOrder
from modules.sales.states import OrderState, ShippingPolicy

HEADER = ("customer", "ordered_at", "priority", "shipping_policy")
DEFAULTS: dict[str, Any] = {"priority": 0, "shipping_policy": ShippingPolicy.partial}


def _apply(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    orders = _by_number(rows)
    customers = contacts_by_code(session, Customer, [row["customer"] for row in rows])
    # Locked before the numbers are looked up: of two files with the same order, the second is refused.
    skus = {row["sku"] for row in rows}
    lock_products(session, product_ids_by_sku(session, skus).values())
    products = products_by_sku(session, skus)
    taken = _numbers_in_use(session, list(orders))
    for number, group in orders.items():
        _check_header(group, errors, taken=taken.get(number), is_known=group[0]["customer"] in customers)
        for row in group:
            _check_line(row, products.get(row["sku"]), errors)
    errors.raise_if_any()
    ids = ByKey((product.sku, product.id) for product in products.values())
    new = [_new_order(group, customers[group[0]["customer"]].id, ids) for group in orders.values()]
    _create(session, new, list(orders.values()), errors)
    return f"{plural(len(orders), 'sales order')} with {plural(len(rows), 'line')}."


def _by_number(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group rows by order, in order of first appearance."""
    orders: dict[str, list[Row]] = {}
    for row in rows:
        orders.setdefault(row["number"], []).append(row)
    return orders


def _numbers_in_use(session: Session, numbers: Sequence[str]) -> ByKey[str, str]:
    """Return those of the numbers that orders have, each as it is written there."""
    rows = select(Order.number).where(is_named(session, Order.number, numbers))
    return ByKey((number, number) for number in map(str, session.scalars(rows)))


def _header(row: Row, column: str) -> Any:
    value = row[column]
    return DEFAULTS.get(column) if value is None else value


def _check_header(group: Sequence[Row], errors: Errors, *, taken: str | None, is_known: bool) -> None:
    first = group[0]
    if taken is not None:
        written = "" if taken == first["number"] else f", {taken}"
        errors.add(first, "number", f"is the number of an order that exists already{written}")
    if not is_known:
        errors.add(first, "customer", "is not the code of a customer")
    for row in group[1:]:
        for column in HEADER:
            if _header(row, column) != _header(first, column):
                errors.add(row, column, f"is not what row {first.number} says of the same order")


def _check_line(row: Row, product: Product | None, errors: Errors) -> None:
    if product is None:
        errors.add(row, "sku", "is not the SKU of a product")
        return
    try:
        check_quantity(row["quantity"], product.unit_decimals, what=product.sku)
    except ErpError as error:
        errors.add(row, "quantity", str(error))


def _new_order(group: Sequence[Row], customer_id: int, product_ids: Mapping[str, int]) -> NewOrder:
    first = group[0]
    return NewOrder(
        number=first["number"],
        customer_id=customer_id,
        ordered_at=first["ordered_at"] or clock.now(),
        priority=_header(first, "priority"),
        shipping_policy=_header(first, "shipping_policy"),
        lines=[
            NewLine(product_ids[row["sku"]], row["quantity"], row["unit_price"], row["requested_on"]) for row in group
        ],
    )


def _create(session: Session, orders: Sequence[NewOrder], groups: Sequence[Sequence[Row]], errors: Errors) -> None:
    _, refusals = services.create_confirmed(session, orders)
    for (order, line), refusal in refusals.items():
        errors.add(groups[order][line], "sku", str(refusal))
    errors.raise_if_any()


def _allocate(session: Session, rows: Sequence[Row]) -> str:
    products = products_by_sku(session, {row["sku"] for row in rows})
    services.serve_products(session, {product.id for product in products.values()})
    return f"{plural(len(products), 'product')} run."


def _rows(session: Session) -> Iterable[Sequence[object]]:
    return session.execute(
        select_lines(
            Order.number,
            Customer.code,
            Order.ordered_at,
            Product.sku,
            OrderLine.quantity,
            OrderLine.unit_price,
            OrderLine.requested_on,
            Order.priority,
            Order.shipping_policy,
        )
        .join(Order.customer)
        .where(Order.state.in_((OrderState.confirmed, OrderState.done)))
        .order_by(Order.id, OrderLine.position)
    )


COLUMNS = (
    Column("number", code(40), required=True),
    Column("customer", code(60), required=True),
    Column("ordered_at", instant),
    Column("sku", code(60), required=True),
    Column("quantity", quantity, required=True),
    Column("unit_price", money),
    Column("requested_on", day),
    Column("priority", whole_number),
    Column("shipping_policy", one_of(ShippingPolicy)),
)
ORDER_IMPORT = ImportKind(
    name="sales_orders",
    title="Sales orders",
    permission="sales.edit",
    columns=COLUMNS,
    key=(),
    apply=_apply,
    after=(
        AfterImport(
            "allocate", "Serve the products of these orders, in the same transaction.", _allocate, "sales.allocate"
        ),
    ),
)
ORDERS = ExportKind(
    name="sales_orders",
    title="Sales orders",
    permission="sales.view",
    columns=tuple(column.name for column in COLUMNS),
    rows=_rows,
)
