"""Purchase orders as CSV: one row for each line; rows of one number are one order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import (
    Column,
    Errors,
    ExportKind,
    ImportKind,
    Row,
    code,
    day,
    money,
    named_in,
    quantity,
    rows_by_number,
)
from erp.text import plural, say
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import product_ids_by_sku
from modules.inventory_lots.services import lock_products
from modules.procurement.exchange.order_rows import HEADER, check_order, find_known
from modules.procurement.exchange.order_updates import update_orders
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine, Supplier
from modules.procurement.queries import booked_lines, numbers_in_use
from modules.procurement.services import create_ordered


def _create(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    groups = rows_by_number(rows)
    # Locked before the numbers are looked up: of two files with one order, the second is refused because it exists.
    lock_products(session, product_ids_by_sku(session, named_in(rows, "sku")).values())
    taken = numbers_in_use(session, groups)
    known = find_known(session, rows)
    for number, group in groups.items():
        if number in taken:
            _refuse_number(group[0], taken[number], errors)
        check_order(group, known, errors)
    errors.raise_if_any()
    create_ordered(session, [known.order(group) for group in groups.values()])
    return say(
        "{purchase_orders} with {lines}.",
        purchase_orders=plural(len(groups), "purchase order"),
        lines=plural(len(rows), "line"),
    )


def _refuse_number(row: Row, taken: str, errors: Errors) -> None:
    written = "" if taken == row["number"] else f", {taken}"
    errors.add(row, "number", say("is the number of a purchase order that exists already{written}", written=written))


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
    update=update_orders,
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
