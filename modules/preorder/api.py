"""What preorder shows and takes at the HTTP interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, select
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
    Report,
    Resource,
    UnknownName,
    Values,
    make_many,
    make_one,
    name_in,
)
from erp.db import is_one_of
from erp.errors import ErpError
from erp.registry import Core
from modules.inventory_lots.queries import product_ids_by_sku
from modules.inventory_lots.services import lock_products
from modules.preorder import queries, services
from modules.preorder.domain import ship_date
from modules.preorder.events import Pair
from modules.preorder.models import PurchaseAllocation
from modules.procurement.models import PurchaseOrderLine
from modules.sales.models import OrderLine
from modules.sales.services import set_promise_dates

NOTIFY = Input("notify", Kind.switch, default=True, help="Let the customer be notified.")


def _promise(session: Session, id: int, values: Values) -> None:
    line = session.get_one(OrderLine, id)
    lock_products(session, [line.product_id])
    set_promise_dates(
        session,
        {id: values["promise_date"]},
        cause="edit",
        pin=values["pin"],
        why=values["why"],
        notify=values["notify"],
    )


def _sync(session: Session, ids: Sequence[int], values: Values) -> Any:
    services.sync_promises(session, ids, notify=values["notify"], why=values["why"])
    return {}


def _wanted(session: Session, rows: Sequence[Values]) -> Callable[[Values], tuple[Pair, Decimal]]:
    lines = _ids(session, OrderLine.id, [values["line_id"] for values in rows])
    purchase_lines = _ids(session, PurchaseOrderLine.id, [values["purchase_line_id"] for values in rows])

    def read(values: Values) -> tuple[Pair, Decimal]:
        line_id = name_in(lines, values, "line_id", "line")
        return Pair(line_id, name_in(purchase_lines, values, "purchase_line_id", "line")), values["quantity"]

    return read


def _ids(session: Session, column: Any, asked: Sequence[int]) -> dict[int, int]:
    """Return those of the ids that are there, by themselves."""
    return {id_: id_ for id_ in session.scalars(select(column).where(is_one_of(session, column, asked)))}


def _allocate(session: Session, wanted: Sequence[tuple[Pair, Decimal]]) -> list[int | ErpError]:
    refused = services.allocate_many_by_hand(session, wanted)
    made = queries.open_manual_ids(session, [pair for place, (pair, _) in enumerate(wanted) if place not in refused])
    return [refused[place] if place in refused else made[pair] for place, (pair, _) in enumerate(wanted)]


_allocate_many = make_many(_wanted, _allocate)


def _availability(session: Session, values: Values) -> list[dict[str, Any]]:
    ids = product_ids_by_sku(session, [values["sku"]])
    if values["sku"] not in ids:
        raise UnknownName("sku", "product", values["sku"])
    days = queries.available_days(session, [ids[values["sku"]]], days=values["days"])[ids[values["sku"]]]
    return [
        {"day": each.day, "projected": each.projected, "available_to_promise": each.available_to_promise}
        for each in days
    ]


def _ship_date(session: Session, values: Values) -> list[dict[str, Any]]:
    ids = product_ids_by_sku(session, [values["sku"]])
    if values["sku"] not in ids:
        raise UnknownName("sku", "product", values["sku"])
    days = queries.available_days(session, [ids[values["sku"]]])[ids[values["sku"]]]
    return [{"quantity": values["quantity"], "ship_date": ship_date(days, values["quantity"])}]


AVAILABILITY = Report(
    name="availability",
    title="What can be promised of a product, day by day",
    permission="preorder.view",
    fields=(
        Computed("day", Kind.day),
        Computed("projected", Kind.quantity),
        Computed("available_to_promise", Kind.quantity),
    ),
    run=_availability,
    inputs=(
        Input("sku", is_required=True, longest=60),
        Input(
            "days",
            Kind.whole,
            least=1,
            most=730,
            help="How many days from today, up to 730; those of the option without it.",
        ),
    ),
)
SHIP_DATES = Report(
    name="ship-dates",
    title="The first day on which a quantity of a product can be promised",
    permission="preorder.view",
    fields=(Computed("quantity", Kind.quantity), Computed("ship_date", Kind.day)),
    run=_ship_date,
    inputs=(
        Input("sku", is_required=True, longest=60),
        Input("quantity", Kind.quantity, is_required=True),
    ),
)
PURCHASE_ALLOCATIONS = Resource(
    name="purchase-allocations",
    title="Purchase allocations",
    noun="purchase allocation",
    model=PurchaseAllocation,
    permission="preorder.view",
    filters=(
        *("line.order.number", "purchase_line.order.number", "line.product.sku", "source", "created_at"),
        yes_or_no("Open", lambda: and_(PurchaseAllocation.is_open)),
    ),
    fields=(
        Field("line_id"),
        Field("order", "line.order.number"),
        Field("position", "line.position"),
        Field("purchase_line_id"),
        Field("purchase_order", "purchase_line.order.number"),
        Field("expected_on", "purchase_line.expected_on"),
        *map(Field, ("quantity", "received")),
        Field("outstanding", kind=Kind.quantity),
        *map(Field, ("source", "created_at", "ended_at", "user_name")),
    ),
    writes=(
        Create(
            "Allocate a quantity of a purchase order line to a sales order line, ahead of the queue",
            "preorder.allocate",
            make_one(_allocate_many),
            (
                Input("line_id", Kind.whole, is_required=True),
                Input("purchase_line_id", Kind.whole, is_required=True),
                Input("quantity", Kind.quantity, is_required=True),
            ),
            _allocate_many,
        ),
        Change(
            "remove",
            "Take away what is outstanding of a purchase allocation",
            "preorder.allocate",
            lambda session, id, values: services.remove_purchase_allocations(session, [id], hold=values["hold"]),
            (Input("hold", Kind.switch, default=True, help="Keep the line out of automatic runs."),),
        ),
    ),
)
ORDER_LINE_WRITES = (
    Change(
        "promise",
        "Set or empty the promise date of a line",
        "preorder.promise",
        _promise,
        (
            Input("promise_date", Kind.day, help="None is promised, without it."),
            Input("pin", Kind.switch, default=False, help="Keep the date from automatic syncs."),
            NOTIFY,
            WHY,
        ),
    ),
    Change(
        "sync-promise",
        "Promise a line its expected date plus the buffer",
        "preorder.promise",
        lambda session, id, values: _sync(session, [id], values),
        (NOTIFY, WHY),
        run_many=_sync,
    ),
)
RESOURCES = (PURCHASE_ALLOCATIONS, AVAILABILITY, SHIP_DATES)


def _products_of(_session: Session, facts: Sequence[object]) -> set[int]:
    """Return the products whose lines were served or whose stock or supply changed."""
    return {id_ for fact in facts for id_ in getattr(fact, "product_ids", ())}


EFFECT = Effect(
    name="purchase_allocations",
    fields=(
        Computed("line_id", Kind.whole),
        Computed("purchase_line_id", Kind.whole),
        Computed("outstanding", Kind.quantity),
    ),
    concerned=_products_of,
    read=queries.outstanding_by_pair,
)


def register(core: Core) -> None:
    """Register the resources and what is added to those of sales."""
    core.add_resource(*RESOURCES)
    core.add_effect(EFFECT)
    core.extend_resource("order-lines", writes=ORDER_LINE_WRITES)
