"""Products and stock in CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.exchange import (
    Column,
    Errors,
    ExportKind,
    ImportKind,
    Row,
    code,
    day,
    money,
    one_of,
    quantity_or_zero,
    text,
    whole_number,
)
from erp.identity import identity_key
from erp.text import joined, plural, say
from modules.inventory_lots import queries, services
from modules.inventory_lots.domain import clean_path
from modules.inventory_lots.errors import BadLocation, ManyRefused
from modules.inventory_lots.exchange.maps import PRODUCT_MAPS, STOCK_MAPS
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.services import Adjusted, Count, Locations, ProductData
from modules.inventory_lots.states import Tracking

BATCH = 5000


def _save_products(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    columns = ("sku", "name", "unit", "unit_decimals", "tracking", "list_price")
    wanted = [ProductData(*(row[column] for column in columns)) for row in rows]
    saved = _unless_refused(rows, errors, lambda: services.save_products(session, wanted))
    return say(
        "{products}: {new} new, {changed} changed.",
        products=plural(len(rows), "product"),
        new=saved.new,
        changed=saved.changed,
    )


def _adjust_stock(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    product_ids = queries.product_ids_by_sku(session, [row["sku"] for row in rows])
    for row in rows:
        if row["sku"] not in product_ids:
            errors.add_unknown(row, "sku", say("is not the SKU of a product"))
    _check_dates(rows, errors)
    errors.raise_if_any()
    services.lock_products(session, product_ids.values())
    locations = services.find_or_make_locations(session, [row["location"] for row in rows])
    counts = [
        Count(
            product_id=product_ids[row["sku"]],
            location_id=locations.by_path[row["location"]].id,
            quantity=row["quantity"],
            lot_number=row["lot"],
            received_on=row["received_on"],
            expires_on=row["expires_on"],
        )
        for row in rows
    ]
    adjusted = _unless_refused(rows, errors, lambda: services.adjust_many(session, counts, reason="Import"))
    return _summary(len(rows), adjusted, locations)


def _unless_refused(rows: Sequence[Row], errors: Errors, work: Callable[[], Any]) -> Any:
    """Return what the work returns; raise each refusal as an error of its row."""
    try:
        return work()
    except ManyRefused as refused:
        for index, refusal in refused.refusals.items():
            errors.add(rows[index], refusal.field, refusal)
        errors.raise_if_any()
        raise


def _check_dates(rows: Sequence[Row], errors: Errors) -> None:
    """Add an error to each row that gives another date than an earlier row of the same lot."""
    given: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        for column in ("received_on", "expires_on"):
            if row["lot"] and row[column]:
                first = given.setdefault((row["sku"], identity_key(row["lot"]), column), row)
                if first[column] != row[column]:
                    errors.add(row, column, say("is not what row {first} says of the same lot", first=first.number))


def _summary(rows: int, adjusted: Adjusted, locations: Locations) -> str:
    new = (
        (adjusted.new_lots, "lot"),
        (locations.new_locations, "location"),
        (locations.new_warehouses, "warehouse"),
    )
    created = joined((plural(number, noun) for number, noun in new if number), ", ") or say("nothing")
    return say(
        "{rows} of stock: {changed} changed, {created} created.",
        rows=plural(rows, "row"),
        changed=adjusted.changed,
        created=created,
    )


def _products(session: Session) -> Iterable[Sequence[Any]]:
    columns = (Product.sku, Product.name, Product.unit, Product.unit_decimals, Product.tracking, Product.list_price)
    return session.execute(select(*columns).order_by(Product.id)).yield_per(BATCH)


def _stock(session: Session) -> Iterable[Sequence[Any]]:
    return _export(session, Balance.on_hand, Lot.received_on, Lot.expires_on)


def _balances(session: Session) -> Iterable[Sequence[Any]]:
    available = queries.available_column(clock.today())
    return _export(session, Balance.on_hand, Balance.allocated, available, Lot.received_on, Lot.expires_on)


def _export(session: Session, *columns: Any) -> Iterable[Sequence[Any]]:
    """Read columns of all balances, in an order in which a new import makes the same lots."""
    rows = select(Product.sku, Lot.number, Location.path, *columns).select_from(Balance)
    rows = queries.with_lot_and_location(rows).join(Balance.product)
    return session.execute(rows.order_by(Product.id, Lot.id, Location.path)).yield_per(BATCH)


def _location(cell: str) -> str:
    try:
        return clean_path(cell)
    except BadLocation as refusal:
        raise ValueError(say("is not a location: {refusal}", refusal=refusal.facts["reason"])) from None


LOCATION = code(81, read=_location)


def _decimals(cell: str) -> int:
    value = whole_number(cell)
    if not 0 <= value <= 4:
        raise ValueError(say("is not a number of decimals from 0 to 4"))
    return value


PRODUCT_IMPORT = ImportKind(
    name="products",
    title="Products",
    permission="inventory_lots.edit",
    columns=(
        Column("sku", code(60), required=True),
        Column("name", text(200), required=True),
        Column("unit", text(20)),
        Column("unit_decimals", _decimals),
        Column("tracking", one_of(Tracking)),
        Column("list_price", money),
    ),
    key=("sku",),
    apply=_save_products,
    maps=PRODUCT_MAPS,
    screen="inventory_lots.product",
)

STOCK_IMPORT = ImportKind(
    name="stock",
    title="Stock",
    permission="inventory_lots.adjust",
    columns=(
        Column("sku", code(60), required=True),
        Column("lot", code(80, is_local=True)),
        Column("location", LOCATION, required=True),
        Column("quantity", quantity_or_zero, required=True),
        Column("received_on", day),
        Column("expires_on", day),
    ),
    key=("sku", "lot", "location"),
    apply=_adjust_stock,
    refers={"sku": "products"},
    maps=STOCK_MAPS,
    screen="inventory_lots.balance",
)

PRODUCTS = ExportKind(
    name="products",
    title="Products",
    permission="inventory_lots.view",
    columns=("sku", "name", "unit", "unit_decimals", "tracking", "list_price"),
    rows=_products,
)

STOCK = ExportKind(
    name="stock",
    title="Stock",
    permission="inventory_lots.view",
    columns=("sku", "lot", "location", "quantity", "received_on", "expires_on"),
    rows=_stock,
)

BALANCES = ExportKind(
    name="balances",
    title="Balances",
    permission="inventory_lots.view",
    columns=("sku", "lot", "location", "on_hand", "allocated", "available", "received_on", "expires_on"),
    rows=_balances,
)

IMPORTS = (PRODUCT_IMPORT, STOCK_IMPORT)
EXPORTS = (PRODUCTS, STOCK, BALANCES)
