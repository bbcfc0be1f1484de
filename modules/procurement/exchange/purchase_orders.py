"""Purchase orders as CSV: one row for each line; rows of one number are one order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.contacts import contacts_by_code
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, day, money, quantity
from erp.text import plural
from modules.inventory_lots.domain import check_quantity
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.inventory_lots.services import lock_products
from modules.procurement.domain import LineValues, NewOrder
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.queries import booked_lines, numbers_in_use, statuses_by_name
from modules.procurement.services import create_ordered

HEADER = ("supplier", "ordered_on")


@dataclass(frozen=True)
class _Known:
    """What the file names and the database has: numbers of orders as they are written there, and rows by identifier."""

    numbers: Mapping[str, str]
    suppliers: Mapping[str, Supplier]
    products: Mapping[str, Product]
    statuses: Mapping[str, PurchaseLineStatus]


def _create(session: Session, rows: list[Row], errors: Errors) -> str:
    known = _find_known(session, rows)
    by_number: dict[str, list[Row]] = {}
    for row in rows:
        by_number.setdefault(row["number"], []).append(row)
    for same in by_number.values():
        _check_order(same, known, errors)
    errors.raise_if_any()
    create_ordered(session, [_order(same, known) for same in by_number.values()])
    return f"{plural(len(by_number), 'purchase order')} with {plural(len(rows), 'line')}."


def _find_known(session: Session, rows: list[Row]) -> _Known:
    products = products_by_sku(session, [row["sku"] for row in rows])
    # Locked before the numbers are looked up: of two files with one order, the second is refused because it exists.
    lock_products(session, [product.id for product in products.values()])
    return _Known(
        numbers_in_use(session, [row["number"] for row in rows]),
        contacts_by_code(session, Supplier, [row["supplier"] for row in rows]),
        products_by_sku(session, [row["sku"] for row in rows]),
        statuses_by_name(session, [row["status"] for row in rows if row["status"]]),
    )


def _check_order(rows: Sequence[Row], known: _Known, errors: Errors) -> None:
    first = rows[0]
    if first["number"] in known.numbers:
        taken = known.numbers[first["number"]]
        written = "" if taken == first["number"] else f", {taken}"
        errors.add(first, "number", f"is the number of a purchase order that exists already{written}")
    for row in rows:
        for column in HEADER:
            if row[column] != first[column]:
                errors.add(row, column, f"is not what row {first.number} says of the same order")
        _check_line(row, known, errors)


def _check_line(row: Row, known: _Known, errors: Errors) -> None:
    if row["supplier"] not in known.suppliers:
        errors.add_unknown(row, "supplier", "is not the code of a supplier")
    if row["status"] and row["status"] not in known.statuses:
        errors.add(row, "status", "is not the name of a purchase line status")
    product = known.products.get(row["sku"])
    if product is None:
        errors.add_unknown(row, "sku", "is not the SKU of a product")
        return
    with errors.of(row, "quantity"):
        check_quantity(row["quantity"], product.unit_decimals, what=product.sku)


def _order(rows: Sequence[Row], known: _Known) -> NewOrder:
    first = rows[0]
    lines = tuple(
        LineValues(
            product_id=known.products[row["sku"]].id,
            quantity=row["quantity"],
            unit_cost=row["unit_cost"],
            expected_on=row["expected_on"],
            status_id=known.statuses[row["status"]].id if row["status"] else None,
        )
        for row in rows
    )
    supplier = known.suppliers[first["supplier"]]
    return NewOrder(first["number"], supplier.id, first["ordered_on"] or clock.today(), lines)


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    order, line = PurchaseOrder, PurchaseOrderLine
    of_line = (Product.sku, line.quantity, line.unit_cost, line.expected_on, PurchaseLineStatus.name)
    lines = (
        booked_lines(select(order.number, Supplier.code, order.ordered_on, *of_line))
        .join(Supplier, Supplier.id == order.supplier_id)
        .join(Product, Product.id == line.product_id)
        .outerjoin(PurchaseLineStatus, PurchaseLineStatus.id == line.status_id)
    )
    return session.execute(lines).yield_per(5000)


PURCHASE_ORDER_IMPORT = ImportKind(
    name="purchase_orders",
    title="Purchase orders",
    permission="procurement.edit",
    columns=(
        Column("number", code(40), required=True),
        Column("supplier", code(60), required=True),
        Column("ordered_on", day),
        Column("sku", code(60), required=True),
        Column("quantity", quantity, required=True),
        Column("unit_cost", money),
        Column("expected_on", day),
        Column("status", code(80)),
    ),
    key=(),
    apply=_create,
    header=("number", *HEADER),
    refers={"supplier": "suppliers", "sku": "products"},
    screen="procurement.purchase_order",
)

PURCHASE_ORDERS = ExportKind(
    name="purchase_orders",
    title="Purchase orders",
    permission="procurement.view",
    columns=("number", "supplier", "ordered_on", "sku", "quantity", "unit_cost", "expected_on", "status"),
    rows=_rows,
)
