"""The sample's own screen, and what it adds to those of sales and to the dashboard."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session
from wtforms import BooleanField
from wtforms.fields.core import UnboundField

from erp.admin import (
    Action,
    ActionNotes,
    Badge,
    Bar,
    BulkAction,
    Card,
    Chart,
    Effect,
    ExtraColumn,
    ExtraField,
    Panel,
    PaperSection,
    QuickFilter,
    Screen,
    WorkQueue,
    yes_or_no,
)
from erp.options import options
from erp.text import Note
from modules.sales.models import Customer, Order, OrderLine, Pack
from modules.sample_module import queries, services
from modules.sample_module.models import Wish


class WishScreen(Screen):
    """Wishes of customers."""

    model = Wish
    view_name = "sample_module.wish"
    title = "Wishes"
    noun = "wish"
    plural = "wishes"
    url = "/sample/wishes"
    icon = "fa-gift"
    edit_permission = "sample_module.grant"
    can_create = False
    column_list = ("text", "order", "made_at", "granted_at")
    column_searchable_list = ("text",)
    column_filters = ("made_at",)
    form_columns = ("text",)


def _badges(session: Session, orders: Sequence[Order]) -> Mapping[int, Badge]:
    wishes = queries.wishes_of(session, [order.id for order in orders])
    return {order_id: Badge("wish", options.sample_module.tone) for order_id in wishes}


def _of_lines(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, str]:
    wishes = queries.wishes_of(session, [line.order_id for line in lines])
    return {line.id: wishes[line.order_id].text for line in lines if line.order_id in wishes}


def _of_order(session: Session, order: Order) -> Mapping[str, Any]:
    return {"wish": queries.wishes_of(session, [order.id]).get(order.id), "fee": options.sample_module.fee}


def _of_pack(session: Session, pack: Pack) -> Mapping[str, Any] | None:
    found = _of_order(session, pack.order)
    return found if found["wish"] else None


def _wish_of(session: Session, order: Order) -> Mapping[str, Any]:
    wishes = queries.wishes_of(session, [order.id]).values()
    return {"granted at": [wish.granted_at for wish in wishes]}


def _grant(session: Session, order: Order) -> str:
    granted = services.grant(session, queries.wishes_of(session, [order.id]).values())
    return "The wish is granted." if granted else "No wish waits."


def _wish_for_line(session: Session, line: OrderLine) -> str:
    services.make_wish(session, line.order, f"Wrap {line.product.sku}")
    return f"{line.product.sku} is to be wrapped."


def _granting(session: Session, order: Any, names: Collection[str]) -> Sequence[Note]:
    """Say what Grant Wish would grant."""
    wishes = queries.wishes_of(session, [order.id]) if "grant-wish" in names else {}
    return [Note("Grant Wish", f"{wish.text} would be granted.") for wish in wishes.values() if not wish.granted_at]


def _has_wish() -> ColumnElement[bool]:
    return select(Wish.id).where(Wish.order_id == Order.id).correlate(Order).exists()


def _grant_many(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
    wishes = queries.wishes_of(session, ids)
    granted = [id_ for id_, wish in wishes.items() if not wish.granted_at]
    services.grant(session, [wishes[id_] for id_ in granted])
    return [
        Effect(id_, f"Wish of order {id_}", "granted")
        if id_ in granted
        else Effect(id_, f"Wish of order {id_}", refusal="No wish of it waits.")
        for id_ in ids
    ]


ORDER_LIST_ACTIONS = (
    BulkAction(
        name="grant-wishes",
        label="Grant Wishes",
        permission="sample_module.grant",
        change=_grant_many,
        needs_no_version="A wish is granted once, whatever else changes.",
    ),
)
ORDER_FILTERS = (yes_or_no("Wish", _has_wish, among=lambda: Order.is_confirmed),)
ORDER_QUICK_FILTERS = (QuickFilter("With a wish", "wish_is", "yes"),)
ORDER_NOTES = (ActionNotes("Wishes", _granting),)
ORDER_COLUMNS = (ExtraColumn("wish", "Wish", _badges),)
LINE_COLUMNS = (ExtraColumn("wish", "Wished for", _of_lines),)
PACK_PAPER_SECTIONS = (PaperSection("slip", "Wish", "sample_module/wish.html", _of_pack, "sample_module.view"),)
ORDER_PANELS = (Panel("The wish", "sample_module/wish.html", _of_order, "sample_module.view"),)
ORDER_ACTIONS = (
    Action(name="grant-wish", label="Grant Wish", permission="sample_module.grant", run=_grant, depends_on=_wish_of),
)
LINE_ACTIONS = (
    Action(
        name="wrap",
        label="Wrap",
        permission="sample_module.grant",
        run=_wish_for_line,
        needs_no_version="Wishes add up.",
    ),
)


def _first_field() -> UnboundField[Any]:
    field: UnboundField[Any] = BooleanField("Wishes come first")
    return field


def _is_first(session: Session, customer: Customer | None) -> bool:
    terms = None if customer is None else queries.terms_of(session, [customer.id]).get(customer.id)
    return terms is not None and terms.wishes_first


def _set_first(session: Session, customer: Customer, value: bool) -> None:
    services.set_terms(session, customer, wishes_first=value)


CUSTOMER_FIELDS = (ExtraField("wishes_first", _first_field, _is_first, _set_first),)


def _numbers(session: Session) -> Sequence[tuple[str, Any, str]]:
    return (("Wishes that wait", len(queries.waiting(session)), "/sample/wishes/"),)


CARD = Card("Wishes", "sample_module.view", _numbers)


def _wishes_by_state(session: Session) -> list[Bar]:
    waiting = len(queries.waiting(session))
    return [Bar("Now", {"waiting": waiting}, "/sample/wishes/")]


QUEUE = WorkQueue("Wishes to grant", "sample_module.wish", "sample_module.grant")
CHART = Chart("Wishes that wait", "sample_module.view", (("waiting", "warning"),), _wishes_by_state)
