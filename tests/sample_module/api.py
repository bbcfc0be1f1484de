"""What the sample shows and takes at the HTTP interface, and an endpoint of its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from flask import Response
from sqlalchemy.orm import Session

from erp.api import Change, Computed, Effect, Field, Input, Kind, Resource, Values
from erp.registry import Endpoint
from modules.sales.models import Order, OrderLine
from modules.sample_module import queries, services


def _wishes_of(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    return {id_: wish.text for id_, wish in queries.wishes_of(session, [order.id for order in orders]).items()}


def _odd_lines(_session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line.id: bool(line.position % 2) for line in lines}


def _wish(session: Session, order_id: int, values: Values) -> None:
    services.make_wish(session, session.get_one(Order, order_id), values["wish"])


def _answer() -> Response:
    return Response("No wish is heard here yet.", status=501)


def _failed(status: int, message: str, _error: BaseException | None) -> Response:
    return Response(message, status=status)


ENDPOINT = Endpoint("/wishes-for-programs", _answer, _failed)
WISHES = Resource(
    name="wishes",
    title="Wishes",
    noun="wish",
    screen="sample_module.wish",
    fields=(Field("text"), Field("order", "order.number"), Field("granted_at")),
)
ORDER_FIELDS = (Computed("wish", Kind.text, _wishes_of),)
LINE_FIELDS = (Computed("is_odd", Kind.switch, _odd_lines),)
ORDER_WRITES = (
    Change("wish", "Make a wish for an order", "sample_module.grant", _wish, (Input("wish", is_required=True),)),
)


def _orders_of(_session: Session, facts: Sequence[object]) -> set[int]:
    return {id_ for fact in facts for id_ in getattr(fact, "order_ids", ())}


def _kept_wishes(session: Session, order_ids: Collection[int]) -> Mapping[str, Values]:
    return {str(id_): {"text": wish.text} for id_, wish in queries.wishes_of(session, list(order_ids)).items()}


EFFECT = Effect("wishes", (Computed("text", Kind.text),), _orders_of, _kept_wishes)
