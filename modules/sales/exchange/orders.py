"""Sales orders in and out: one row for each line; rows of one number are one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy.orm import Session

from erp.exchange import (
    AfterImport,
    Column,
    Errors,
    ExportKind,
    ImportKind,
    Row,
    code,
    day,
    in_parts,
    instant,
    money,
    named_in,
    one_of,
    quantity,
    whole_number,
)
from erp.text import plural, say
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.sales import services
from modules.sales.exchange.maps import ORDER_MAPS
from modules.sales.exchange.order_rows import (
    HEADER,
    Products,
    check_order,
    create,
    lock_products_of,
    orders_in_use,
    read_book,
)
from modules.sales.exchange.order_updates import update_orders
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.queries import select_lines
from modules.sales.states import OrderState, ShippingPolicy


def _apply(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    lock_products_of(session, rows)
    products = Products()
    orders = sum([_add(session, part, products, errors) for part in in_parts(rows)])
    return say(
        "{sales_orders} with {lines}.",
        sales_orders=plural(orders, "sales order"),
        lines=plural(len(rows), "line"),
    )


def _add(session: Session, rows: Sequence[Row], products: Products, errors: Errors) -> int:
    """Make the orders of some rows, add what is wrong with them, and return how many they are."""
    book = read_book(session, rows, products)
    taken = orders_in_use(session, book.orders)
    for number, group in book.orders.items():
        if number in taken:
            _refuse_number(group[0], taken[number][1], errors)
        check_order(group, book, errors)
    create(session, book.orders.values(), book, errors)
    return len(book.orders)


def _refuse_number(row: Row, taken: str, errors: Errors) -> None:
    written = "" if taken == row["number"] else f", {taken}"
    errors.add(row, "number", say("is the number of an order that exists already{written}", written=written))


def _allocate(session: Session, rows: Sequence[Row]) -> str:
    products = products_by_sku(session, named_in(rows, "sku"))
    services.serve_products(session, {product.id for product in products.values()})
    return say("{products} run.", products=plural(len(products), "product"))


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
    update=update_orders,
    header=("number", *HEADER),
    refers={"customer": "customers", "sku": "products"},
    maps=ORDER_MAPS,
    screen="sales.order",
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
