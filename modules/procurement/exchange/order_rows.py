"""The rows of a file of purchase orders: what they name, and what new orders they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import contacts_by_code
from erp.exchange import Errors, Row
from erp.text import say
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.procurement.domain import LineValues, NewOrder
from modules.procurement.models import PurchaseLineStatus, Supplier
from modules.procurement.queries import statuses_by_name

HEADER = ("supplier", "ordered_on")


@dataclass(frozen=True)
class Known:
    """What the file names and the database has: rows by identifier."""

    suppliers: Mapping[str, Supplier]
    products: Mapping[str, Product]
    statuses: Mapping[str, PurchaseLineStatus]

    def line(self, row: Row) -> LineValues:
        """Return the line that a row says."""
        return LineValues(
            product_id=self.products[row["sku"]].id,
            quantity=row["quantity"],
            unit_cost=row["unit_cost"],
            expected_on=row["expected_on"],
            status_id=self.statuses[row["status"]].id if row["status"] else None,
        )

    def order(self, group: Sequence[Row]) -> NewOrder:
        """Return the order that rows of one number make."""
        first = group[0]
        supplier = self.suppliers[first["supplier"]]
        lines = tuple(map(self.line, group))
        return NewOrder(first["number"], supplier.id, first["ordered_on"] or clock.today(), lines)


def find_known(session: Session, rows: Sequence[Row]) -> Known:
    """Return what a file names, as it is now: call it once the products are locked."""
    return Known(
        contacts_by_code(session, Supplier, [row["supplier"] for row in rows]),
        products_by_sku(session, [row["sku"] for row in rows]),
        statuses_by_name(session, [row["status"] for row in rows if row["status"]]),
    )


def check_order(group: Sequence[Row], known: Known, errors: Errors) -> None:
    """Add what is wrong with rows of one number, whether their order is new or exists."""
    first = group[0]
    for row in group:
        for column in HEADER:
            if row[column] != first[column]:
                errors.add(row, column, say("is not what row {first} says of the same order", first=first.number))
        _check_line(row, known, errors)


def _check_line(row: Row, known: Known, errors: Errors) -> None:
    if row["supplier"] not in known.suppliers:
        errors.add_unknown(row, "supplier", say("is not the code of a supplier"))
    if row["status"] and row["status"] not in known.statuses:
        errors.add(row, "status", say("is not the name of a purchase line status"))
    product = known.products.get(row["sku"])
    if product is None:
        errors.add_unknown(row, "sku", say("is not the SKU of a product"))
        return
    with errors.of(row, "quantity"):
        check_quantity(row["quantity"], product.unit_decimals, what=product.sku)
