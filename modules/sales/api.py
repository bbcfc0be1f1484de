"""What sales shows and takes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session, selectinload

from erp.api import (
    Change,
    Computed,
    Create,
    Field,
    Input,
    Kind,
    Lines,
    Resource,
    UnknownName,
    Values,
)
from erp.contacts import contacts_by_code
from erp.db import carried, format_quantity
from modules.inventory_lots.queries import product_ids_by_sku
from modules.sales import queries, services
from modules.sales.hooks import WantedQuantity
from modules.sales.models import Customer, Order, Quote, QuoteLine
from modules.sales.services import NewDraft, NewLine
from modules.sales.states import OrderState, ShippingPolicy

LINE_INPUTS = (
    Input("sku", is_required=True, help="The product."),
    Input("quantity", Kind.quantity, is_required=True, help="In the product's unit."),
    Input("unit_price", Kind.money),
    Input("requested_on", Kind.day, help="The day for which the customer requests it; as soon as possible without."),
)
WHY = Input("why", help="The reason, shown in the history.", default="")


def fulfilment_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    """Return how far orders are, by id; drafts are left out."""
    statuses = queries.order_statuses(session, [order.id for order in orders if order.state != OrderState.draft])
    return {id_: status.fulfilment for id_, status in statuses.items()}


def new_lines(session: Session, lines: Sequence[Values]) -> list[NewLine]:
    """Return lines to be made; raise UnknownName for a product that is not there."""
    ids = product_ids_by_sku(session, [line["sku"] for line in lines])
    for line in lines:
        if line["sku"] not in ids:
            raise UnknownName("sku", "product", line["sku"])
    return [NewLine(ids[each["sku"]], each["quantity"], each["unit_price"], each["requested_on"]) for each in lines]


def _create(session: Session, values: Values) -> int:
    customer = contacts_by_code(session, Customer, [values["customer"]]).get(values["customer"])
    if customer is None:
        raise UnknownName("customer", "customer", values["customer"])
    draft = NewDraft(
        customer.id,
        new_lines(session, values["lines"]),
        ordered_at=values["ordered_at"],
        priority=values["priority"],
        shipping_policy=ShippingPolicy(values["shipping_policy"]),
        note=values["note"],
    )
    order_id = services.create_draft(session, draft).id
    if values["quote"]:
        services.confirm(session, order_id, quote=values["quote"])
    return order_id


ORDERS = Resource(
    name="orders",
    title="Sales orders",
    noun="order",
    screen="sales.order",
    fields=(
        Field("number"),
        Field("customer", "customer.code"),
        Field("ordered_at"),
        Field("state"),
        Field("priority"),
        Field("shipping_policy"),
        Field("note"),
        Computed("fulfilment", Kind.word, fulfilment_of),
    ),
    lines=Lines(
        "lines",
        (
            Field("position"),
            Field("sku", "product.sku"),
            *map(Field, ("quantity", "packed", "cancelled", "allocated", "unit_price")),
            *map(Field, ("requested_on", "promise_date", "is_preorder", "hold_allocation")),
        ),
    ),
    writes=(
        Create(
            "Enter a draft of an order, or with a quote's token an order that is confirmed",
            "sales.edit",
            _create,
            inputs=(
                Input("customer", is_required=True, help="The customer's code."),
                Input("ordered_at", Kind.instant, help="Earlier orders are served first; now, without it."),
                Input("priority", Kind.whole, help="Higher before earlier.", default=0),
                Input("shipping_policy", Kind.word, words=tuple(ShippingPolicy), default="partial"),
                Input("note", default="", longest=5000),
                Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS),
                Input("quote", help="The token of a quote of these lines: the order is confirmed with what it holds."),
            ),
        ),
        Change(
            "confirm",
            "Confirm an order, which gives it its number",
            "sales.edit",
            lambda session, id, _values: services.confirm(session, id),
            run_many=lambda session, ids, _values: services.confirm_orders(session, ids),
        ),
    ),
)


@dataclass
class _Tokens:
    """The tokens of the quotes that the session has made: they are answered once, and only their digests are kept."""

    by_quote: dict[int, str] = field(default_factory=dict)


def _quote(session: Session, values: Values) -> int:
    ids = product_ids_by_sku(session, [line["sku"] for line in values["lines"]])
    for line in values["lines"]:
        if line["sku"] not in ids:
            raise UnknownName("sku", "product", line["sku"])
    asked = [WantedQuantity(ids[line["sku"]], line["quantity"]) for line in values["lines"]]
    made = services.make_quote(session, asked, wanted_on=values["wanted_on"])
    carried(session, _Tokens).by_quote[made.id] = made.token
    return made.id


def _tokens(session: Session, quotes: Sequence[Quote]) -> Mapping[int, Any]:
    known = carried(session, _Tokens).by_quote
    return {quote.id: known[quote.id] for quote in quotes if quote.id in known}


def _parts(session: Session, lines: Sequence[QuoteLine]) -> Mapping[int, Any]:
    """Return the dated parts of quotes' lines, by the id of the line."""
    names = queries.names_of_supplies(session, [part for line in lines for part in line.parts])
    return {
        line.id: [
            {
                "quantity": format_quantity(part.quantity),
                "day": part.day.isoformat(),
                "is_in_stock": part.balance_id is not None,
                "supply": names.get((part.supply_kind or "", part.supply_id or 0)),
            }
            for part in line.parts
        ]
        for line in lines
    }


QUOTES = Resource(
    name="quotes",
    title="Quotes",
    noun="quote",
    screen="sales.quote",
    fields=(
        Field("number", "name", kind=Kind.text),
        Field("state"),
        Field("is_live", kind=Kind.switch),
        *map(Field, ("wanted_on", "quoted_at", "expires_at")),
        Field("order", "order.number"),
        Field("why"),
        Computed("token", Kind.text, _tokens),
    ),
    lines=Lines(
        "lines",
        (
            Field("position"),
            Field("sku", "product.sku"),
            *map(Field, ("quantity", "is_preorder", "promise_date")),
            Field("uncovered", kind=Kind.quantity),
            Computed(
                "parts",
                Kind.objects,
                _parts,
                fields=(
                    Field("quantity", kind=Kind.quantity),
                    Field("day", kind=Kind.day),
                    Field("is_in_stock", kind=Kind.switch),
                    Field("supply", kind=Kind.text, is_nullable=True),
                ),
            ),
        ),
    ),
    writes=(
        Create(
            "Hold what can be promised of some products for a while; only this answer has the token",
            "sales.edit",
            _quote,
            inputs=(
                Input("wanted_on", Kind.day, help="The day for which the customer wants it."),
                Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS[:2]),
            ),
        ),
        Change(
            "release",
            "Release what a quote holds",
            "sales.edit",
            lambda session, id, _values: services.release_quote(session, id),
        ),
    ),
    loads=(selectinload(Quote.lines).selectinload(QuoteLine.parts),),
)
RESOURCES = (ORDERS, QUOTES)
