"""What preorder imports from and exports to CSV files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.errors import ErpError
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, day, quantity, signed_quantity, switch, text
from erp.registry import Core
from erp.text import plural, say
from modules.inventory_lots.domain import check_count
from modules.inventory_lots.models import Product
from modules.inventory_lots.queries import products_by_sku
from modules.preorder import queries, services
from modules.preorder.domain import PreorderTerms, check_terms
from modules.preorder.models import ProductPreorder

BATCH = 5000

PRODUCT_COLUMNS = (
    Column("preorder_eligible", switch, permission="preorder.edit"),
    Column("launch_date", day, permission="preorder.edit"),
    Column("preorder_limit", quantity, permission="preorder.edit"),
)


def _save_terms(session: Session, rows: Sequence[Row], errors: Errors) -> None:
    products = products_by_sku(session, [row["sku"] for row in rows])
    known = queries.preorder_products(session, [product.id for product in products.values()])
    wanted: list[tuple[Product, PreorderTerms]] = []
    for row in rows:
        product = products[row["sku"]]
        before = known[product.id].terms if product.id in known else PreorderTerms()
        terms = _terms(row, before)
        with errors.of(row, "launch_date" if terms.launch_date is None else "preorder_limit"):
            check_terms(product.sku, product.unit_decimals, terms)
        wanted.append((product, terms))
    errors.raise_if_any()
    services.save_products(session, wanted)


def _terms(row: Row, before: PreorderTerms) -> PreorderTerms:
    """Return the terms of a row: a column that is not in the file leaves what is known, an empty cell clears it."""
    given: dict[str, Any] = {name: row[name] for name in ("launch_date", "preorder_limit") if row.given(name)}
    if row.given("preorder_eligible"):
        given["is_eligible"] = bool(row["preorder_eligible"])
    return replace(before, **given)


def _terms_by_sku(session: Session) -> Mapping[str, Sequence[Any]]:
    """Return the cells of each product by SKU; a product without terms is not eligible."""
    rows = session.execute(
        select(Product.sku, ProductPreorder.is_eligible, ProductPreorder.launch_date, ProductPreorder.preorder_limit)
        .outerjoin(ProductPreorder, ProductPreorder.product_id == Product.id)
        .execution_options(yield_per=BATCH)
    )
    return {sku: (bool(is_eligible), launch_date, limit) for sku, is_eligible, launch_date, limit in rows}


def _save_changes(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    products = products_by_sku(session, [row["sku"] for row in rows])
    quantities: dict[services.Key, Decimal] = {}
    for row in rows:
        product = products.get(row["sku"])
        if product is None:
            errors.add_unknown(row, "sku", say("is not the SKU of a product"))
            continue
        _check_change(row, product, errors)
        quantities[services.Key(product.id, row["date"], row["note"] or "")] = row["quantity"]
    errors.raise_if_any()
    new, changed = services.save_on_hand_changes(session, quantities)
    return say(
        "{on_hand_changes}: {new} new, {changed} changed.",
        on_hand_changes=plural(len(rows), "on-hand change"),
        new=new,
        changed=changed,
    )


def _check_change(row: Row, product: Product, errors: Errors) -> None:
    try:
        check_count(abs(row["quantity"]), product.unit_decimals, what=product.sku)
    except ErpError as error:
        errors.add(row, "quantity", error)


CHANGE_COLUMNS = (
    Column("sku", code(60), required=True),
    Column("date", day, required=True),
    Column("quantity", signed_quantity, required=True),
    Column("note", text(200)),
)
ON_HAND_CHANGE_IMPORT = ImportKind(
    name="on_hand_changes",
    title="On-hand changes",
    permission="preorder.edit",
    columns=CHANGE_COLUMNS,
    key=("sku", "date", "note"),
    apply=_save_changes,
    refers={"sku": "products"},
    screen="preorder.on_hand_change",
)
ON_HAND_CHANGES = ExportKind(
    name="on_hand_changes",
    title="On-hand changes",
    permission="preorder.view",
    columns=tuple(column.name for column in CHANGE_COLUMNS),
    rows=queries.on_hand_change_rows,
)
ATP = ExportKind(
    name="atp",
    title="Available to promise",
    permission="preorder.view",
    columns=("sku", "date", "projected", "available_to_promise"),
    rows=queries.availability_rows,
)


def register(core: Core) -> None:
    """Register what can be imported and exported."""
    core.extend_import("products", PRODUCT_COLUMNS, _save_terms)
    core.extend_export("products", tuple(column.name for column in PRODUCT_COLUMNS), _terms_by_sku)
    core.add_import(ON_HAND_CHANGE_IMPORT)
    core.add_export(ON_HAND_CHANGES, ATP)
