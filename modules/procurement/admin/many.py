"""Actions on many purchase orders or lines of a list: what changes of each is shown first, then done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy.orm import Session
from wtforms import Form
from wtforms.validators import Optional

from erp.admin import BulkAction, DayField, Effect, Facts, document_url
from erp.admin.formatting import day
from erp.db import format_quantity
from erp.errors import ErpError
from erp.text import Note, joined, plural, say, verb
from modules.procurement import queries, services
from modules.procurement.admin.expected_dates import news_of_arrivals
from modules.procurement.admin.statuses import StatusForm, news_by_status
from modules.procurement.hooks import arrival_impact
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.states import PURCHASE_ORDER

Refusals = Mapping[int, ErpError]


def of_orders(session: Session, order_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what actions on ticked purchase orders depend on, by order."""
    return {
        order.id: {
            say("state of {order}", order=order.name): order.state,
            say("edits of {order}", order=order.name): order.row_version,
        }
        for order in queries.orders_by_id(session, order_ids)
    }


def of_lines(session: Session, line_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what actions on ticked purchase order lines depend on, by line."""
    return {
        line.id: {
            say("state of {order}", order=line.order.name): line.order.state,
            say("outstanding of {line}", line=line): line.outstanding,
            say("allocated of {line}", line=line): line.allocated,
            say("expected date of {line}", line=line): line.expected_on,
            say("status of {line}", line=line): line.status_id,
        }
        for line in queries.lines_by_id(session, line_ids)
    }


def _of_orders(session: Session, ids: Sequence[int], text: str, refusals: Refusals) -> list[Effect]:
    return [
        Effect(order.id, order.name, text, url=document_url("procurement.purchase_order", order.id))
        if order.id not in refusals
        else Effect(order.id, order.name, refusal=str(refusals[order.id]))
        for order in queries.orders_by_id(session, ids)
    ]


def _of_lines(lines: Sequence[PurchaseOrderLine]) -> list[Effect]:
    """Return lines as effects without words, before what follows makes them be read again."""
    url = partial(document_url, "procurement.purchase_order")
    return [Effect(line.id, str(line), url=url(line.order_id)) for line in lines]


def _said(rows: Sequence[Effect], texts: Mapping[int, str], refusals: Mapping[int, Any]) -> list[Effect]:
    return [
        replace(row, refusal=str(refusals[row.id])) if row.id in refusals else replace(row, text=texts[row.id])
        for row in rows
    ]


def _changing(service: Callable[[Session, Sequence[int]], Refusals], text: str) -> Any:
    def change(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
        refusals = service(session, ids)
        return _of_orders(session, ids, text, refusals)

    return change


def _refusals(lines: Sequence[PurchaseOrderLine], action: str) -> dict[int, str]:
    """Return why lines may not be changed, by id."""
    refusals: dict[int, str] = {}
    for line in lines:
        try:
            PURCHASE_ORDER.next(line.order.state, action)
        except ErpError as error:
            refusals[line.id] = str(error)
    return refusals


class ExpectedForm(Form):
    """The expected date of many lines."""

    expected_on = DayField("Expected on", [Optional()], description="Leave it empty where no day is known.")


def _set_dates(session: Session, ids: Sequence[int], form: Any) -> list[Effect]:
    new, lines = form.expected_on.data, services.lock_lines(session, ids)
    rows, refusals = _of_lines(lines), _refusals(lines, "close_short")
    before = {line.id: line.expected_on for line in lines}
    dates = {id_: new for id_, old in before.items() if id_ not in refusals and old != new}
    impacts = [impact.line_id for answer in arrival_impact(session, dates) for impact in answer] if dates else []
    services.set_expected_dates(session, dates)
    texts = {id_: _moved(old, new, impacts.count(id_)) for id_, old in before.items()}
    return _said(rows, texts, refusals)


def _moved(old: Any, new: Any, broken: int) -> str:
    was, now = day(old) or say("no date"), day(new) or say("no date")
    text = say("stays {now}", now=now) if old == new else joined((was, now), " → ")
    return say("{text}; breaks {promises}", text=text, promises=plural(broken, "promise")) if broken else text


def _set_status(session: Session, ids: Sequence[int], form: Any) -> list[Effect]:
    status, lines = form.status.data, queries.lines_by_id(session, ids)
    rows, refusals = _of_lines(lines), _refusals(lines, "change_line")
    new, status_id = (status.name, status.id) if status else (say("none"), None)
    texts = {line.id: joined((line.status.name if line.status else say("none"), new), " → ") for line in lines}
    services.set_status(session, [row.id for row in rows if row.id not in refusals], status_id)
    return _said(rows, texts, refusals)


def _close(session: Session, ids: Sequence[int], _form: Any) -> list[Effect]:
    lines = queries.lines_by_id(session, ids)
    rows, texts = (
        _of_lines(lines),
        {line.id: say("{outstanding} will not come", outstanding=format_quantity(line.outstanding)) for line in lines},
    )
    return _said(rows, texts, services.close_many_lines(session, ids))


def _news_of_dates(session: Session, ids: Sequence[int]) -> list[Note]:
    return [Note(label, str(news)) for label, news in news_of_arrivals(session, ids)]


def _news_of_statuses(session: Session, ids: Sequence[int]) -> list[Note]:
    return [Note(say("Status {name}", name=name), str(news)) for name, news in news_by_status(session, ids)]


ORDER_LIST_ACTIONS = (
    BulkAction(
        name="order",
        label=verb("to order"),
        permission="procurement.edit",
        icon="fa-paper-plane",
        depends_on=of_orders,
        change=_changing(services.place_orders, say("ordered")),
    ),
    BulkAction(
        name="cancel",
        label=verb("to cancel"),
        permission="procurement.edit",
        icon="fa-ban",
        style="danger",
        yes="Cancel the purchase orders",
        depends_on=of_orders,
        change=_changing(services.cancel_orders, say("cancelled; sales orders lose what it would bring")),
    ),
)
DATES = BulkAction(
    name="dates",
    label="Expected date",
    permission="procurement.edit",
    icon="fa-calendar",
    yes="Save dates",
    depends_on=of_lines,
    form_class=ExpectedForm,
    change=_set_dates,
    notes=_news_of_dates,
)
LINE_LIST_ACTIONS = (
    DATES,
    BulkAction(
        name="status",
        label="Status",
        permission="procurement.edit",
        icon="fa-tag",
        yes="Save status",
        depends_on=of_lines,
        form_class=StatusForm,
        change=_set_status,
        notes=_news_of_statuses,
    ),
    BulkAction(
        name="close-short",
        label="Close short",
        permission="procurement.edit",
        icon="fa-compress",
        style="danger",
        depends_on=of_lines,
        change=_close,
        help="What is outstanding will not come, and sales orders lose it.",
    ),
)
