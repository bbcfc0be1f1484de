"""Orders and their lines at the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Session

from erp.admin import yes_or_no
from erp.api import (
    WHY,
    Change,
    Computed,
    Create,
    Field,
    Input,
    Kind,
    Lines,
    Resource,
    Values,
    make_many,
    make_one,
    name_in,
    raise_only,
)
from erp.contacts import contacts_by_code
from modules.inventory_lots.queries import product_ids_by_sku
from modules.sales import queries, services
from modules.sales.errors import QuoteTakenAlone
from modules.sales.models import Customer, Order, OrderLine
from modules.sales.services import NewDraft, NewLine
from modules.sales.states import Fulfilment, OrderState, ShippingPolicy

LINE_INPUTS = (
    Input("sku", is_required=True, help="The product."),
    Input("quantity", Kind.quantity, is_required=True, help="In the product's unit."),
    Input("unit_price", Kind.money),
    Input("requested_on", Kind.day, help="The day for which the customer requests it; as soon as possible without."),
)
LINES = Input("lines", Kind.objects, is_required=True, fields=LINE_INPUTS)
SERIAL_INPUTS = (
    Input("line_id", Kind.whole, is_required=True),
    Input("number", is_required=True, longest=80, help="A serial number of the line's product."),
)
HOLD = Input("hold", Kind.switch, default=True, help="Keep its lines out of automatic runs.")
LINE_FIELDS = (
    Field("position"),
    Field("sku", "product.sku"),
    *map(Field, ("quantity", "packed", "cancelled", "allocated", "unit_price")),
    *map(Field, ("requested_on", "promise_date", "is_promise_pinned", "is_preorder", "hold_allocation")),
)


def fulfilment_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    """Return how far orders are, by id; drafts are left out."""
    statuses = queries.order_statuses(session, [order.id for order in orders if order.state != OrderState.draft])
    return {id_: status.fulfilment for id_, status in statuses.items()}


def _new_lines(ids: Mapping[str, int], lines: Sequence[Values]) -> list[NewLine]:
    """Return lines to be made of products, given their ids by SKU; raise UnknownName."""
    return [
        NewLine(name_in(ids, line, "sku", "product"), line["quantity"], line["unit_price"], line["requested_on"])
        for line in lines
    ]


def _drafts(session: Session, rows: Sequence[Values]) -> Callable[[Values], NewDraft]:
    customers = contacts_by_code(session, Customer, [values["customer"] for values in rows])
    ids = product_ids_by_sku(session, [line["sku"] for values in rows for line in values["lines"]])

    def read(values: Values) -> NewDraft:
        return NewDraft(
            name_in(customers, values, "customer", "customer").id,
            _new_lines(ids, values["lines"]),
            ordered_at=values["ordered_at"],
            priority=values["priority"],
            shipping_policy=ShippingPolicy(values["shipping_policy"]),
            note=values["note"],
        )

    return read


def _drafts_without_quotes(session: Session, rows: Sequence[Values]) -> Callable[[Values], NewDraft]:
    read = _drafts(session, rows)

    def read_without_quote(values: Values) -> NewDraft:
        if values["quote"]:
            raise QuoteTakenAlone
        return read(values)

    return read_without_quote


_create_draft = make_one(make_many(_drafts, services.create_drafts))


def _create(session: Session, values: Values) -> int:
    order_id = _create_draft(session, values)
    if values["quote"]:
        services.confirm(session, order_id, quote=values["quote"])
    return order_id


def _add_lines(session: Session, id: int, values: Values) -> None:
    ids = product_ids_by_sku(session, [line["sku"] for line in values["lines"]])
    lines = _new_lines(ids, values["lines"])
    services.check_new_lines(session, lines)
    services.add_lines(session, id, lines)


def _pack(session: Session, id: int, values: Values) -> None:
    serials: dict[int, list[str]] = {}
    for each in values["serials"]:
        serials.setdefault(each["line_id"], []).append(each["number"])
    services.pack_order(session, id, serials)


ORDERS = Resource(
    name="orders",
    title="Sales orders",
    noun="order",
    screen="sales.order",
    fields=(
        Field("number"),
        Field("customer", "customer.code"),
        *map(Field, ("ordered_at", "state", "priority", "shipping_policy", "note")),
        Computed("fulfilment", Kind.word, fulfilment_of, words=tuple(Fulfilment)),
    ),
    lines=Lines("lines", LINE_FIELDS),
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
                LINES,
                Input("quote", help="The token of a quote of these lines: the order is confirmed with what it holds."),
            ),
            run_many=make_many(_drafts_without_quotes, services.create_drafts),
        ),
        Change(
            "confirm",
            "Confirm an order, which gives it its number",
            "sales.edit",
            lambda session, id, _values: services.confirm(session, id),
            run_many=lambda session, ids, _values: services.confirm_orders(session, ids),
        ),
        Change("add-lines", "Add lines to an order", "sales.edit", _add_lines, (LINES,)),
        Change(
            "allocate",
            "Serve the open lines of an order now; refused where earlier orders would lose something",
            "sales.allocate",
            lambda session, id, _values: services.allocate_order(session, id, agreed=""),
            run_many=lambda session, ids, _values: services.allocate_orders(session, ids),
        ),
        Change(
            "remove-allocations",
            "Free what is allocated of an order and not packed",
            "sales.allocate",
            lambda session, id, values: services.remove_allocations(session, id, hold=values["hold"]),
            (HOLD,),
        ),
        Change(
            "hold",
            "Keep the open lines of an order out of automatic runs",
            "sales.allocate",
            lambda session, id, _values: raise_only(services.hold_orders(session, [id], True)),
            run_many=lambda session, ids, _values: services.hold_orders(session, ids, True),
        ),
        Change(
            "release",
            "Serve the lines of an order at their place in the queue again",
            "sales.allocate",
            lambda session, id, _values: raise_only(services.hold_orders(session, [id], False)),
            run_many=lambda session, ids, _values: services.hold_orders(session, ids, False),
        ),
        Change(
            "pack",
            "Pack what is allocated of an order, and the serial numbers that are given",
            "sales.pack",
            _pack,
            (Input("serials", Kind.objects, default=(), fields=SERIAL_INPUTS),),
            run_many=lambda session, ids, _values: services.pack_orders(session, ids)[1],
        ),
        Change(
            "cancel",
            "Cancel what of an order is not packed",
            "sales.cancel",
            lambda session, id, values: services.cancel_order(session, id, why=values["why"]),
            (WHY,),
            run_many=lambda session, ids, values: services.cancel_orders(session, ids, why=values["why"]),
        ),
    ),
)
ORDER_LINES = Resource(
    name="order-lines",
    title="Sales order lines",
    noun="order line",
    model=OrderLine,
    permission="sales.view",
    filters=(
        *("order.number", "order.state", "product.sku", "requested_on", "promise_date", "hold_allocation"),
        yes_or_no("Open", lambda: and_(OrderLine.is_open)),
        yes_or_no("Need", lambda: and_(OrderLine.has_need)),
    ),
    fields=(Field("order_id"), Field("order", "order.number"), *LINE_FIELDS),
    writes=(
        Change(
            "change-quantity",
            "Change the quantity of a line of a confirmed order",
            "sales.edit",
            lambda session, id, values: services.change_quantity(session, id, values["quantity"]),
            (Input("quantity", Kind.quantity, is_required=True),),
        ),
        Change(
            "change-requested-date",
            "Change the day for which the customer requests a line",
            "sales.edit",
            lambda session, id, values: services.change_requested_date(
                session, id, values["requested_on"], why=values["why"]
            ),
            (Input("requested_on", Kind.day), WHY),
        ),
        Change(
            "cancel",
            "Cancel what of a line is not packed",
            "sales.cancel",
            lambda session, id, values: services.cancel_line(session, id, why=values["why"]),
            (WHY,),
        ),
    ),
)
