"""The rows of a file of sales orders: what they name, and what new orders they make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import contacts_by_code
from erp.db import is_loaded, is_named
from erp.errors import ErpError
from erp.exchange import Errors, Row, named_in, rows_by_number
from erp.identity import ByKey
from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import product_ids_by_sku, products_by_sku
from modules.inventory_lots.services import lock_products
from modules.sales import services
from modules.sales.models import Customer, Order
from modules.sales.services import NewLine, NewOrder
from modules.sales.states import ShippingPolicy

HEADER = ("customer", "ordered_at", "priority", "shipping_policy")
# Products of a file that stay loaded while it is imported: about 20 MB.
MOST_KEPT = 10_000
DEFAULTS: dict[str, Any] = {"priority": 0, "shipping_policy": ShippingPolicy.partial}


class Products:
    """The products of a file by SKU: parts of it find what was read for those before them."""

    def __init__(self) -> None:
        self._known: ByKey[str, Product] = ByKey()

    def of(self, session: Session, rows: Iterable[Row]) -> Mapping[str, Product]:
        """Return the products that rows name, as the rows write it; one that does not exist is left out."""
        skus = {row["sku"] for row in rows}
        if len(self._known) > MOST_KEPT:
            self._known.clear()
        unread = [sku for sku in skus if sku not in self._known or not is_loaded(self._known[sku])]
        for sku, product in products_by_sku(session, unread).items() if unread else ():
            self._known[sku] = product
        return {sku: self._known[sku] for sku in skus if sku in self._known}


@dataclass(frozen=True)
class Book:
    """Orders of a file by number, in order of first appearance, and the customers and products that they name."""

    orders: Mapping[str, list[Row]]
    customers: Mapping[str, Customer]
    products: Mapping[str, Product]

    def new_line(self, row: Row) -> NewLine:
        """Return the line that a row makes."""
        return NewLine(self.products[row["sku"]].id, row["quantity"], row["unit_price"], row["requested_on"])

    def new_order(self, group: Sequence[Row]) -> NewOrder:
        """Return the order that rows of one number make."""
        first = group[0]
        return NewOrder(
            number=first["number"],
            customer_id=self.customers[first["customer"]].id,
            ordered_at=first["ordered_at"] or clock.now(),
            priority=header_value(first, "priority"),
            shipping_policy=header_value(first, "shipping_policy"),
            lines=[self.new_line(row) for row in group],
        )


def lock_products_of(session: Session, rows: Sequence[Row], more: Iterable[int] = ()) -> set[int]:
    """Lock the products of a file, and more, and return their ids.

    Call it before the numbers are looked up: of two files with the same order, the second is refused.
    """
    products = {*product_ids_by_sku(session, named_in(rows, "sku")).values(), *more}
    lock_products(session, products)
    return products


def read_book(session: Session, rows: Sequence[Row], products: Products) -> Book:
    """Return what rows name, as it is now: call it once the products are locked."""
    customers = contacts_by_code(session, Customer, {row["customer"] for row in rows})
    return Book(rows_by_number(rows), customers, products.of(session, rows))


def orders_in_use(session: Session, numbers: Iterable[str]) -> ByKey[str, tuple[int, str]]:
    """Return by number the ids of the orders that have these numbers, and the numbers as they are written there."""
    rows = select(Order.id, Order.number).where(is_named(session, Order.number, list(numbers)))
    return ByKey((str(number), (id_, str(number))) for id_, number in session.execute(rows))


def header_value(row: Row, column: str) -> Any:
    """Return what a row says of its order, or the default."""
    value = row[column]
    return DEFAULTS.get(column) if value is None else value


def check_order(group: Sequence[Row], book: Book, errors: Errors) -> None:
    """Add what is wrong with rows of one number, whether their order is new or exists."""
    first = group[0]
    if first["customer"] not in book.customers:
        errors.add_unknown(first, "customer", say("is not the code of a customer"))
    columns = [column for column in HEADER if first.given(column)]
    for row in group[1:]:
        for column in columns:
            if header_value(row, column) != header_value(first, column):
                errors.add(row, column, say("is not what row {first} says of the same order", first=first.number))
    for row in group:
        _check_line(row, book.products.get(row["sku"]), errors)


def _check_line(row: Row, product: Product | None, errors: Errors) -> None:
    if product is None:
        errors.add_unknown(row, "sku", say("is not the SKU of a product"))
        return
    try:
        check_quantity(row["quantity"], product.unit_decimals, what=product.sku)
    except ErpError as refusal:
        errors.add(row, "quantity", refusal)


def create(session: Session, groups: Iterable[Sequence[Row]], book: Book, errors: Errors) -> None:
    """Make the orders of these rows that have no error, and add what is refused of them.

    They are made even where other rows have errors, so that all that is wrong with a file is known at once.
    """
    right = [group for group in groups if errors.bad_rows.isdisjoint(row.number for row in group)]
    _, refusals = services.create_confirmed(session, [book.new_order(group) for group in right])
    for (order, line), refusal in refusals.items():
        errors.add(right[order][line], "sku", refusal)
