"""What inventory shows and takes at the HTTP interface."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.api import WHY, Change, Create, Field, Input, Kind, Resource, UnknownName, Values
from erp.errors import NotFound, RecordTaken
from erp.registry import Core
from modules.inventory_lots import services
from modules.inventory_lots.domain import check_price
from modules.inventory_lots.models import Balance, Location, Product
from modules.inventory_lots.queries import locations_by_path, products_by_sku
from modules.inventory_lots.services import Count, ProductData
from modules.inventory_lots.states import Tracking

_PRODUCT_INPUTS = (
    Input("name", longest=200, help="Left as it is without."),
    Input("unit", longest=20),
    Input("unit_decimals", Kind.whole, least=0, most=4),
    Input("tracking", Kind.word, words=tuple(Tracking)),
    Input("list_price", Kind.money),
)


def product_named(session: Session, sku: str, *, field: str = "sku") -> Product:
    """Return a product by its SKU; raise UnknownName, which names the field."""
    product = products_by_sku(session, [sku]).get(sku)
    if product is None:
        raise UnknownName(field, "product", sku)
    return product


def location_named(session: Session, path: str, *, field: str = "location") -> Location:
    """Return a location by its path; raise UnknownName, which names the field."""
    location = locations_by_path(session, [path]).get(path)
    if location is None:
        raise UnknownName(field, "location", path)
    return location


def _data(sku: str, name: str, values: Values) -> ProductData:
    tracking = values["tracking"]
    check_price(values["list_price"], what=sku, field="list_price")
    return ProductData(
        sku,
        name,
        unit=values["unit"],
        unit_decimals=values["unit_decimals"],
        tracking=None if tracking is None else Tracking(tracking),
        list_price=values["list_price"],
    )


def _create_product(session: Session, values: Values) -> int:
    known = products_by_sku(session, [values["sku"]]).get(values["sku"])
    if known is not None:
        raise RecordTaken("product", known.sku)
    services.save_products(session, [_data(values["sku"], values["name"], values)])
    return product_named(session, values["sku"]).id


def _edit_product(session: Session, id: int, values: Values) -> None:
    product = session.get_one(Product, id)
    services.save_products(session, [_data(product.sku, values["name"] or product.name, values)])


def _adjust(session: Session, id: int, values: Values) -> None:
    balance = session.get(Balance, id)
    if balance is None:
        raise NotFound("balance", id)
    count = Count(balance.product_id, balance.location_id, values["quantity"], balance.lot.number)
    services.adjust(session, count, reason=values["why"], release=values["release"])


def _count(session: Session, values: Values) -> int:
    product, place = product_named(session, values["sku"]), location_named(session, values["location"])
    count = Count(product.id, place.id, values["quantity"], values["lot"], values["received_on"], values["expires_on"])
    services.adjust(session, count, reason=values["why"])
    newest = select(Balance.id).where(Balance.product_id == product.id, Balance.location_id == place.id)
    if values["lot"] is not None:
        newest = newest.where(Balance.lot.has(number=values["lot"]))
    found = session.scalar(newest.order_by(Balance.id.desc()).limit(1))
    if found is None:  # a count of nothing where there was nothing
        raise UnknownName("lot", "lot", values["lot"] or "")
    return found


def _transfer(session: Session, id: int, values: Values) -> Any:
    place = location_named(session, values["location"])
    return services.transfer(session, id, location_id=place.id, quantity=values["quantity"], reason=values["why"])


PRODUCTS = Resource(
    name="products",
    title="Products",
    noun="product",
    screen="inventory_lots.product",
    fields=tuple(map(Field, ("sku", "name", "unit", "unit_decimals", "tracking", "list_price", "is_active"))),
    writes=(
        Create(
            "Add a product",
            "inventory_lots.edit",
            _create_product,
            (
                Input("sku", is_required=True, longest=60),
                Input("name", is_required=True, longest=200),
                *_PRODUCT_INPUTS[1:],
            ),
        ),
        Change("edit", "Change a product", "inventory_lots.edit", _edit_product, _PRODUCT_INPUTS),
    ),
)
STOCK = Resource(
    name="stock",
    title="Stock by lot and location",
    noun="balance",
    screen="inventory_lots.balance",
    fields=(
        Field("sku", "product.sku"),
        Field("lot", "lot.number"),
        Field("location", "location.path"),
        Field("expires_on", "lot.expires_on"),
        Field("on_hand"),
        Field("allocated"),
        Field("unallocated", kind=Kind.quantity),
    ),
    writes=(
        Create(
            "Count what is there of a product, which sets the stock to it",
            "inventory_lots.adjust",
            _count,
            (
                Input("sku", is_required=True, longest=60),
                Input("location", is_required=True, longest=81, help="The path, such as WH/STOCK."),
                Input("quantity", Kind.quantity, is_required=True),
                Input("lot", longest=80),
                Input("received_on", Kind.day),
                Input("expires_on", Kind.day),
                WHY,
            ),
        ),
        Change(
            "adjust",
            "Set the stock of a balance to what was counted",
            "inventory_lots.adjust",
            _adjust,
            (
                Input("quantity", Kind.quantity, is_required=True),
                Input("release", Kind.switch, default=False, help="Take away allocations that it does not cover."),
                WHY,
            ),
        ),
        Change(
            "transfer",
            "Move stock to another location",
            "inventory_lots.adjust",
            _transfer,
            (
                Input("location", is_required=True, longest=81),
                Input("quantity", Kind.quantity, help="All that is free, without."),
                WHY,
            ),
        ),
    ),
)
LOTS = Resource(
    name="lots",
    title="Lots",
    noun="lot",
    screen="inventory_lots.lot",
    fields=(Field("number"), Field("sku", "product.sku"), *map(Field, ("received_on", "expires_on", "on_hold"))),
    writes=(
        Change(
            "hold",
            "Keep a lot from being allocated and packed",
            "inventory_lots.hold",
            lambda session, id, values: services.hold_lot(session, id, why=values["why"]),
            (WHY,),
        ),
        Change(
            "release",
            "Let a lot be used again",
            "inventory_lots.hold",
            lambda session, id, values: services.release_lot(session, id, why=values["why"]),
            (WHY,),
        ),
        Change(
            "set-expiry",
            "Change when a lot expires",
            "inventory_lots.hold",
            lambda session, id, values: services.set_expiry(session, id, values["expires_on"], why=values["why"]),
            (Input("expires_on", Kind.day), WHY),
        ),
    ),
)
MOVES = Resource(
    name="stock-moves",
    title="Stock moves",
    noun="stock move",
    screen="inventory_lots.move",
    fields=(
        Field("at"),
        Field("sku", "product.sku"),
        Field("lot", "lot.number"),
        Field("location", "location.path"),
        *map(Field, ("quantity", "kind", "document", "user_name", "reason")),
    ),
)
RESOURCES = (PRODUCTS, STOCK, LOTS, MOVES)


def register(core: Core) -> None:
    """Register the resources."""
    core.add_resource(*RESOURCES)
