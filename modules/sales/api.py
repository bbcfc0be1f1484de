"""What sales shows and takes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.api import Change, Computed, Create, Field, Input, Kind, Lines, Resource, UnknownName, Values
from erp.contacts import contacts_by_code
from modules.inventory_lots.queries import product_ids_by_sku
from modules.sales import queries, services
from modules.sales.models import Customer, Order
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
    return services.create_draft(session, draft).id


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
            "Enter a draft of an order",
            "sales.edit",
            _create,
            inputs=(
                Input("customer", is_required=True, help="The customer's code."),
                Input("ordered_at", Kind.instant, help="Earlier orders are served first; now, without it."),
                Input("priority", Kind.whole, help="Higher before earlier.", default=0),
                Input("shipping_policy", Kind.word, words=tuple(ShippingPolicy), default="partial"),
                Input("note", default="", longest=5000),
                Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS),
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
RESOURCES = (ORDERS,)
