"""What inventory shows and takes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.api import (
    WHY,
    Change,
    Create,
    Field,
    Input,
    Kind,
    Resource,
    UnknownName,
    Values,
    all_but_refused,
    make_many,
    make_one,
    name_in,
)
from erp.errors import ErpError, NotFound
from erp.registry import Core
from modules.inventory_lots import services
from modules.inventory_lots.domain import check_price
from modules.inventory_lots.models import Balance, Product
from modules.inventory_lots.queries import locations_by_path, newest_balance_ids, product_ids_by_sku
from modules.inventory_lots.services import Count, ProductData
from modules.inventory_lots.states import Tracking

_PRODUCT_INPUTS = (
    Input("name", longest=200, help="Left as it is without."),
    Input("unit", longest=20),
    Input("unit_decimals", Kind.whole, least=0, most=4),
    Input("tracking", Kind.word, words=tuple(Tracking)),
    Input("list_price", Kind.money),
)


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


def _new_product(values: Values) -> ProductData:
    return _data(values["sku"], values["name"], values)


_create_products = make_many(lambda _session, _rows: _new_product, services.create_products)


def _edit_product(session: Session, id: int, values: Values) -> None:
    product = session.get_one(Product, id)
    services.save_products(session, [_data(product.sku, values["name"] or product.name, values)])


def _adjust(session: Session, id: int, values: Values) -> None:
    balance = session.get(Balance, id)
    if balance is None:
        raise NotFound("balance", id)
    count = Count(balance.product_id, balance.location_id, values["quantity"], balance.lot.number)
    services.adjust(session, count, reason=values["why"], release=values["release"])


def _counts(session: Session, rows: Sequence[Values]) -> Callable[[Values], Count]:
    products = product_ids_by_sku(session, [values["sku"] for values in rows])
    places = locations_by_path(session, [values["location"] for values in rows])

    def read(values: Values) -> Count:
        return Count(
            name_in(products, values, "sku", "product"),
            name_in(places, values, "location", "location").id,
            values["quantity"],
            values["lot"],
            values["received_on"],
            values["expires_on"],
            values["why"],
        )

    return read


def _count(session: Session, counts: Sequence[Count]) -> list[int | ErpError]:
    services.adjust_many(session, counts)
    keys = [(*count.key, count.lot_key) for count in counts]
    found = newest_balance_ids(session, keys)
    # A count of nothing where there was nothing makes no balance.
    return [found.get(key) or UnknownName("lot", "lot", key[2] or "") for key in keys]


_count_many = make_many(_counts, lambda session, counts: all_but_refused(session, counts, _count))


def _transfer(session: Session, id: int, values: Values) -> Any:
    place = name_in(locations_by_path(session, [values["location"]]), values, "location", "location")
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
            make_one(_create_products),
            (
                Input("sku", is_required=True, longest=60),
                Input("name", is_required=True, longest=200),
                *_PRODUCT_INPUTS[1:],
            ),
            _create_products,
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
            make_one(_count_many),
            (
                Input("sku", is_required=True, longest=60),
                Input("location", is_required=True, longest=81, help="The path, such as WH/STOCK."),
                Input("quantity", Kind.quantity, is_required=True),
                Input("lot", longest=80),
                Input("received_on", Kind.day),
                Input("expires_on", Kind.day),
                WHY,
            ),
            _count_many,
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
