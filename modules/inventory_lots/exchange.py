"""Products and stock in CSV files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, select
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
    one_of,
    quantity_or_zero,
    text,
    whole_number,
)
from modules.inventory_lots import queries, services
from modules.inventory_lots.domain import clean_path, is_usable
from modules.inventory_lots.errors import BadLocation, ManyRefused
from modules.inventory_lots.models import Balance, Location, Lot, Product
from modules.inventory_lots.services import Adjusted, Count, Places, ProductData
from modules.inventory_lots.states import Tracking

BATCH = 5000


def _save_products(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    wanted = [ProductData(row["sku"], row["name"], row["unit"], row["unit_decimals"], row["tracking"]) for row in rows]
    saved = _unless_refused(rows, errors, lambda: services.save_products(session, wanted))
    return f"{_count(len(rows), 'product')}: {saved.new} new, {saved.changed} changed."


def _adjust_stock(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    product_ids = queries.product_ids_by_sku(session, [row["sku"] for row in rows])
    for row in rows:
        if row["sku"] not in product_ids:
            errors.add(row, "sku", "is not the SKU of a product")
    _check_dates(rows, errors)
    errors.raise_if_any()
    services.lock_products(session, product_ids.values())
    places = services.find_or_make_locations(session, [row["location"] for row in rows])
    location_ids = {path: location.id for path, location in places.by_path.items()}
    counts = [_counted(row, product_ids, location_ids) for row in rows]
    done = _unless_refused(rows, errors, lambda: services.adjust_many(session, counts, reason="Import"))
    return _message(len(rows), done, places)


def _unless_refused(rows: Sequence[Row], errors: Errors, work: Callable[[], Any]) -> Any:
    """Do the work, or put each refusal by its row."""
    try:
        return work()
    except ManyRefused as refused:
        for index, refusal in refused.refusals.items():
            errors.add(rows[index], refusal.column, str(refusal))
        errors.raise_if_any()
        raise


def _check_dates(rows: Sequence[Row], errors: Errors) -> None:
    """Rows of one lot that say something of its dates say the same."""
    said: dict[tuple[str, str, str], Row] = {}
    for row in rows:
        for column in ("received_on", "expires_on"):
            if row["lot"] and row[column]:
                first = said.setdefault((row["sku"], row["lot"], column), row)
                if first[column] != row[column]:
                    errors.add(row, column, f"is not what row {first.number} says of the same lot")


def _counted(row: Row, product_ids: dict[str, int], location_ids: dict[str, int]) -> Count:
    place = (product_ids[row["sku"]], location_ids[row["location"]])
    return Count(*place, row["quantity"], row["lot"], row["received_on"], row["expires_on"])


def _message(rows: int, done: Adjusted, places: Places) -> str:
    made = [
        _count(number, noun)
        for number, noun in (
            (done.new_lots, "lot"),
            (places.new_locations, "location"),
            (places.new_warehouses, "warehouse"),
        )
        if number
    ]
    return f"{_count(rows, 'row')} of stock: {done.changed} changed, {', '.join(made) or 'nothing'} created."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _products(session: Session) -> Iterable[Sequence[Any]]:
    columns = (Product.sku, Product.name, Product.unit, Product.unit_decimals, Product.tracking)
    return session.execute(select(*columns).order_by(Product.id)).yield_per(BATCH)


def _on_hand(*columns: Any) -> Select[Any]:
    """Select columns of all balances; in an order that a file of them brings back."""
    return (
        select(*columns)
        .select_from(Balance)
        .join(Product, Product.id == Balance.product_id)
        .join(Lot, Lot.id == Balance.lot_id)
        .join(Location, Location.id == Balance.location_id)
        .order_by(Product.id, Lot.id, Location.path)
    )


def _stock(session: Session) -> Iterable[Sequence[Any]]:
    columns = (Product.sku, Lot.number, Location.path, Balance.on_hand, Lot.received_on, Lot.expires_on)
    return session.execute(_on_hand(*columns)).yield_per(BATCH)


def _balances(session: Session) -> Iterator[Sequence[Any]]:
    today = clock.today()
    place = (Product.sku, Lot.number, Location.path)
    rows = _on_hand(
        *place, Balance.on_hand, Balance.allocated, Lot.received_on, Lot.expires_on, Location.kind, Lot.on_hold
    )
    for *lot, on_hand, allocated, received_on, expires_on, kind, on_hold in session.execute(rows).yield_per(BATCH):
        usable = is_usable(kind, on_hold=on_hold, expires_on=expires_on, today=today)
        available = on_hand - allocated if usable else Decimal(0)
        yield (*lot, on_hand, allocated, available, received_on, expires_on)


def _location(cell: str) -> str:
    try:
        return clean_path(cell)
    except BadLocation as refusal:
        raise ValueError(f"is not a location: {refusal.facts['reason']}") from None


def _decimals(cell: str) -> int:
    value = whole_number(cell)
    if not 0 <= value <= 4:
        raise ValueError("is not a number of decimals from 0 to 4")
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
    ),
    key=("sku",),
    apply=_save_products,
)

STOCK_IMPORT = ImportKind(
    name="stock",
    title="Stock",
    permission="inventory_lots.adjust",
    columns=(
        Column("sku", code(60), required=True),
        Column("lot", code(80)),
        Column("location", _location, required=True),
        Column("quantity", quantity_or_zero, required=True),
        Column("received_on", day),
        Column("expires_on", day),
    ),
    key=("sku", "lot", "location"),
    apply=_adjust_stock,
)

PRODUCTS = ExportKind(
    name="products",
    title="Products",
    permission="inventory_lots.view",
    columns=("sku", "name", "unit", "unit_decimals", "tracking"),
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
