"""Returns at the HTTP interface, and what they add to packs there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session, joinedload

from erp.api import Change, Computed, Create, Field, Input, Kind, Lines, Resource, UnknownName, Values
from erp.registry import Core
from erp.text import say
from modules.inventory_lots.models import Location
from modules.inventory_lots.queries import locations_by_path
from modules.returns import queries, services
from modules.returns.domain import Decision, Goods, NewReturn, gather
from modules.returns.models import Return
from modules.returns.states import Outcome, ReturnCause
from modules.sales.models import PackLine

GOODS = Input(
    "goods",
    Kind.objects,
    is_required=True,
    fields=(
        Input("pack", is_required=True, help="The number of the pack."),
        Input("sku", is_required=True, help="The product."),
        Input("lot", is_required=True, longest=80, help="The lot from which it was packed."),
        Input("quantity", Kind.quantity, is_required=True, help="In the product's unit."),
    ),
)
LINES = Input(
    "lines",
    Kind.objects,
    default=(),
    help="Lines with quantities; without them all of every line.",
    fields=(Input("position", Kind.whole, is_required=True), Input("quantity", Kind.quantity, is_required=True)),
)


def _create(session: Session, values: Values) -> int:
    keys = queries.packed_by_key(session, [(each["pack"], each["sku"], each["lot"]) for each in values["goods"]])
    packed = queries.packed_lines(session, [id_ for found in keys.values() for id_ in found])
    goods: list[Goods] = []
    for each in values["goods"]:
        ids = keys.get(queries.key_of(each["pack"], each["sku"], each["lot"]))
        if not ids:
            raise UnknownName("lot", say("packed lot"), f"{each['pack']} {each['sku']} {each['lot']}")
        goods += gather(each["quantity"], [packed[id_] for id_ in ids])
    new = NewReturn(values["reason"], goods, values["number"], ReturnCause(values["cause"]))
    (return_id,) = services.create_returns(session, [new])
    return return_id


def _quantities(document: Return, values: Values, default: str) -> dict[int, Decimal]:
    """Return the quantities that a write names by line id, or what each line has of `default`."""
    if not values["lines"]:
        return {line.id: getattr(line, default) for line in document.lines if getattr(line, default)}
    lines = {line.position: line for line in document.lines}
    found: dict[int, Decimal] = {}
    for each in values["lines"]:
        if each["position"] not in lines:
            raise UnknownName("position", "line", str(each["position"]))
        line = lines[each["position"]]
        found[line.id] = found.get(line.id, Decimal(0)) + each["quantity"]
    return found


def _location(session: Session, path: str | None) -> Location | None:
    if not path:
        return None
    location: Location | None = locations_by_path(session, [path]).get(path)
    if location is None:
        raise UnknownName("location", "location", path)
    return location


def _receive(session: Session, id: int, values: Values) -> None:
    location = _location(session, values["location"])
    document = services.lock_return(session, id)
    quantities = _quantities(document, values, "quantity")
    services.receive(session, id, quantities, location_id=location.id if location else None)


def _inspect(session: Session, id: int, values: Values) -> None:
    location = _location(session, values["location"])
    decision = Decision(Outcome(values["outcome"]), location.id if location else None, values["note"])
    document = services.lock_return(session, id)
    services.inspect(session, id, _quantities(document, values, "uninspected"), decision)


def _returned(session: Session, lines: Sequence[PackLine]) -> Mapping[int, Any]:
    return queries.returned_of_pack_lines(session, [line.id for line in lines])


RETURNS = Resource(
    name="returns",
    title="Returns",
    noun="return",
    screen="returns.return",
    loads=(joinedload(Return.order), joinedload(Return.location), joinedload(Return.replacement)),
    fields=(
        Field("number"),
        Field("order", "order.number"),
        *map(Field, ("state", "cause", "reason", "created_at", "user_name", "received_at", "closed_at")),
        Field("location", "location.path", is_nullable=True),
        Field("replacement", "replacement.number", is_nullable=True),
    ),
    lines=Lines(
        "lines",
        (
            Field("position"),
            Field("pack", "pack_line.pack.number"),
            Field("sku", "pack_line.balance.product.sku"),
            Field("lot", "pack_line.balance.lot.number"),
            *map(Field, ("quantity", "received", "inspected")),
        ),
    ),
    writes=(
        Create(
            "Expect goods back that were packed for one order",
            "returns.edit",
            _create,
            inputs=(
                Input("number", default="", longest=40, help="The next number without it."),
                Input("reason", is_required=True, help="Why the customer returns the goods."),
                Input("cause", Kind.word, words=tuple(ReturnCause), default="other", help="The kind of the reason."),
                GOODS,
            ),
        ),
        Change(
            "receive",
            "Bring what came into stock, where it waits for inspection",
            "returns.receive",
            _receive,
            (LINES, Input("location", help="The path of a quarantine; RETURNS of the warehouse without it.")),
        ),
        Change(
            "inspect",
            "Decide what becomes of goods that were received",
            "returns.inspect",
            _inspect,
            (
                Input("outcome", Kind.word, words=tuple(Outcome), is_required=True),
                LINES,
                Input("location", help="The path of the location where the goods go."),
                Input("note", default=""),
            ),
        ),
        Change(
            "replace",
            "Confirm an order of what was received, at the place in the queue of the original order",
            "returns.replace",
            lambda session, id, values: services.replace(session, id, is_free=values["is_free"]),
            (Input("is_free", Kind.switch, default=True, help="No: it costs what was agreed."),),
        ),
        Change(
            "cancel",
            "Expect the goods of a draft no more",
            "returns.edit",
            lambda session, id, _values: services.cancel_return(session, id),
        ),
    ),
)
PACK_LINE_FIELDS = (Computed("returned", Kind.quantity, _returned),)


def register(core: Core) -> None:
    """Register the resource, and what it adds to that of packs."""
    core.add_resource(RETURNS)
    core.extend_resource("packs", line_fields=PACK_LINE_FIELDS)
