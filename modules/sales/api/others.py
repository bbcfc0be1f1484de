"""Customers, allocations, backorders and packs at the HTTP interface, and what dry runs show of lines."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_
from sqlalchemy.orm import Session

from erp.admin import yes_or_no
from erp.api import (
    WHY,
    Change,
    Computed,
    Create,
    Effect,
    Field,
    Input,
    Kind,
    Lines,
    Resource,
    Values,
    contact_data,
    contact_inputs,
    make_many,
    make_one,
    new_contact,
)
from erp.contacts import ADDRESS_PARTS, create_contacts
from modules.sales import queries, services
from modules.sales.models import Allocation, Customer

CONTACT_INPUTS = contact_inputs()
NEW_CONTACT = contact_inputs(is_new=True)


_create_customers = make_many(
    lambda _session, _rows: new_contact,
    lambda session, contacts: create_contacts(session, Customer, contacts, noun="customer"),
)


def _edit_customer(session: Session, id: int, values: Values) -> None:
    customer = session.get_one(Customer, id)
    services.save_customers(session, [contact_data(customer.code, values, customer)])


CUSTOMERS = Resource(
    name="customers",
    title="Customers",
    noun="customer",
    screen="sales.customer",
    fields=tuple(map(Field, ("code", "name", "email", *ADDRESS_PARTS))),
    writes=(
        Create("Add a customer", "sales.edit", make_one(_create_customers), NEW_CONTACT, _create_customers),
        Change("edit", "Change a customer", "sales.edit", _edit_customer, CONTACT_INPUTS),
    ),
)
ALLOCATIONS = Resource(
    name="allocations",
    title="Allocations",
    noun="allocation",
    model=Allocation,
    permission="sales.view",
    filters=(
        *("line.order.number", "balance.product.sku", "balance.lot.number", "source", "created_at"),
        yes_or_no("Unpacked", lambda: and_(Allocation.is_unpacked)),
    ),
    fields=(
        Field("line_id"),
        Field("order", "line.order.number"),
        Field("position", "line.position"),
        Field("sku", "balance.product.sku"),
        Field("lot", "balance.lot.number"),
        Field("location", "balance.location.path"),
        *map(Field, ("quantity", "packed", "source", "created_at", "user_name")),
    ),
)
BACKORDERS = Resource(
    name="backorders",
    title="Backorders",
    noun="backorder",
    screen="sales.backorder",
    fields=(
        Field("line_id"),
        Field("order", "line.order.number"),
        Field("position", "line.position"),
        Field("sku", "line.product.sku"),
        *map(Field, ("kind", "quantity", "allocated_quantity", "cancelled_quantity", "state", "created_at")),
        Field("promise_date", "line.promise_date"),
    ),
    writes=(
        Change(
            "cancel",
            "Cancel what is open of a backorder",
            "sales.cancel",
            lambda session, id, values: services.cancel_backorder(session, id, why=values["why"]),
            (WHY,),
        ),
    ),
)
PACKS = Resource(
    name="packs",
    title="Packs",
    noun="pack",
    screen="sales.pack",
    fields=(
        Field("number"),
        Field("order", "order.number"),
        Field("warehouse", "warehouse.code"),
        Field("packed_at"),
        Field("user_name"),
    ),
    lines=Lines(
        "lines",
        (
            Field("line_id"),
            Field("position", "line.position"),
            Field("sku", "balance.product.sku"),
            Field("lot", "balance.lot.number"),
            Field("quantity"),
            Field("reversed"),
        ),
    ),
    writes=(
        Change(
            "reverse",
            "Return the goods of a pack to the balances that they came from",
            "sales.reverse_pack",
            lambda session, id, values: services.reverse_pack(
                session, id, why=values["why"], free=values["free"], hold=values["hold"]
            ),
            (
                Input("why", is_required=True, help="The reason, kept on the pack."),
                Input("free", Kind.switch, default=False, help="Allocate nothing of it again."),
                Input("hold", Kind.switch, default=False, help="Keep the lines out of automatic runs."),
            ),
        ),
    ),
)


def _products_of(_session: Session, facts: Sequence[object]) -> set[int]:
    """Return the products whose lines were served or whose stock or supply changed."""
    return {id_ for fact in facts for id_ in getattr(fact, "product_ids", ())}


EFFECT = Effect(
    name="order_lines",
    fields=(
        Computed("order", Kind.text),
        Computed("position", Kind.whole),
        Computed("sku", Kind.text),
        Computed("open", Kind.quantity),
        Computed("allocated", Kind.quantity),
        Computed("backordered", Kind.quantity),
        Computed("promise_date", Kind.day),
    ),
    concerned=_products_of,
    read=queries.open_lines_of,
)
