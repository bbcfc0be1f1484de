"""New promise dates for many orders or lines at once, from lists of sales and of preorder."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import BooleanField, Form, StringField
from wtforms.validators import Length, Optional

from erp.admin import BulkAction, DayField, Effect, Facts, document_url
from erp.admin.fields import ChoiceField
from erp.admin.formatting import day
from erp.db import is_one_of
from erp.text import Note, joined, say
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.admin.promise_dates import news_of_dates
from modules.preorder.coverage import Coverage
from modules.sales.models import Order, OrderLine
from modules.sales.queries import lines_by_id
from modules.sales.services import set_promise_dates


class PromiseBy(StrEnum):
    """Whether each line is promised for the day on which it is expected, or all for one day."""

    expected_day = "expected_day"
    one_day_for_all = "one_day_for_all"


class PromisesForm(Form):
    """Which dates lines are promised for, why, and whether customers are notified."""

    by = ChoiceField("Promise", enum=PromiseBy, default=PromiseBy.expected_day)
    promise_date = DayField("Day for all", [Optional()], description="A date that is given to all is pinned.")
    why = StringField("Reason", [Length(max=500)], description="Shown in the history.")
    notify = BooleanField("Notify customers", default=True)

    @override
    def validate(self, extra_validators: Any = None) -> bool:
        if not super().validate(extra_validators):
            return False
        if self.by.data is PromiseBy.one_day_for_all and self.promise_date.data is None:
            self.promise_date.errors = ["Choose a day."]
            return False
        return True


def _coverage(session: Session, line_ids: Collection[int]) -> dict[int, Coverage]:
    return queries.line_coverage(session, is_one_of(session, OrderLine.id, line_ids))


def _promise(session: Session, line_ids: Sequence[int], form: Any) -> tuple[Mapping[int, date], dict[int, str]]:
    """Set the dates of lines that can have one; return these, and in words why others have none."""
    chosen = is_one_of(session, OrderLine.id, line_ids)
    lock_products(session, list(session.scalars(select(OrderLine.product_id).where(chosen).distinct())))
    found = _coverage(session, line_ids)
    typed = form.promise_date.data if form.by.data is PromiseBy.one_day_for_all else None
    dates = dict.fromkeys(found, typed) if typed else queries.new_promises(found)
    refusals: dict[int, str] = {id_: say("Nothing of it is open.") for id_ in line_ids if id_ not in found}
    refusals |= {id_: _without_day(found[id_]) for id_ in found if id_ not in dates}
    cause, why, notify = "edit" if typed else "sync", form.why.data or "", bool(form.notify.data)
    set_promise_dates(session, dates, cause=cause, pin=bool(typed), why=why, notify=notify)
    return {id_: when for id_, when in dates.items() if when}, refusals


def _without_day(found: Coverage) -> str:
    return (
        say("No date is expected: {missing}.", missing=found.missing) if found.missing else say("No date is expected.")
    )


def promise_lines(session: Session, line_ids: Sequence[int], form: Any) -> list[Effect]:
    """Promise ticked lines new dates."""
    lines = lines_by_id(session, line_ids)
    before = {line.id: (str(line), line.order_id, line.promise_date) for line in lines}
    dates, refusals = _promise(session, list(before), form)
    return [
        Effect(
            id_,
            name,
            "" if id_ in refusals else _dates(was, dates.get(id_)),
            refusals.get(id_, ""),
            document_url("sales.order", order_id),
        )
        for id_, (name, order_id, was) in before.items()
    ]


def _dates(was: date | None, new: date | None) -> str:
    return say("stays {new}", new=day(new)) if was == new else joined((day(was) or say("no promise"), day(new)), " → ")


def promise_orders(session: Session, order_ids: Sequence[int], form: Any) -> list[Effect]:
    """Promise the open lines of ticked orders new dates."""
    wanted = is_one_of(session, OrderLine.order_id, order_ids)
    lines = lines_by_id(session, session.scalars(select(OrderLine.id).where(wanted, OrderLine.is_open)).all())
    before: dict[int, list[tuple[int, int, date | None]]] = {id_: [] for id_ in order_ids}
    names = {line.order_id: line.order.name for line in lines}
    for line in lines:
        before[line.order_id].append((line.id, line.position, line.promise_date))
    dates, refusals = _promise(session, [line.id for line in lines], form)
    return [_of_order(id_, names.get(id_, str(id_)), rows, dates, refusals) for id_, rows in before.items()]


def _of_order(
    id_: int,
    name: str,
    rows: Sequence[tuple[int, int, date | None]],
    dates: Mapping[int, date],
    refusals: Mapping[int, str],
) -> Effect:
    url = document_url("sales.order", id_)
    done = [
        say("line {position} {was}", position=position, was=_dates(was, dates[line]))
        for line, position, was in rows
        if line in dates
    ]
    left = [
        say("line {position}: {refusals}", position=position, refusals=refusals[line])
        for line, position, _ in rows
        if line in refusals
    ]
    if not done:
        return Effect(id_, name, refusal=joined(left, "; ") or say("Nothing of it is open."), url=url)
    return Effect(id_, name, joined([*done, *left], "; "), url=url)


def of_lines(session: Session, line_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what new promise dates of lines depend on, by line."""
    return {
        line.id: {say("promise date of {line}", line=line): line.promise_date}
        for line in lines_by_id(session, line_ids)
    }


def of_orders(session: Session, order_ids: Sequence[int]) -> Mapping[int, Facts]:
    """Return what new promise dates of orders depend on, by order."""
    rows = select(OrderLine.order_id, Order.number, OrderLine.position, OrderLine.promise_date).join(OrderLine.order)
    facts: dict[int, dict[str, Any]] = {}
    wanted = rows.where(is_one_of(session, OrderLine.order_id, order_ids), OrderLine.is_open)
    for order_id, number, position, promised in session.execute(wanted):
        facts.setdefault(order_id, {})[say("promise date of {number}/{position}", number=number, position=position)] = (
            promised
        )
    return facts


def _whom(session: Session, line_ids: Sequence[int]) -> list[Note]:
    dates = queries.new_promises(_coverage(session, line_ids))
    return [Note("Notify customers", str(news_of_dates(session, dates)))]


def _whom_of_orders(session: Session, order_ids: Sequence[int]) -> list[Note]:
    wanted = is_one_of(session, OrderLine.order_id, order_ids)
    return _whom(session, session.scalars(select(OrderLine.id).where(wanted, OrderLine.is_open)).all())


PROMISE_LINES = BulkAction(
    name="promise",
    label="Promise dates",
    permission="preorder.promise",
    icon="fa-calendar",
    form_class=PromisesForm,
    depends_on=of_lines,
    change=promise_lines,
    notes=_whom,
    yes="Save promise dates",
)
PROMISE_ORDERS = replace(PROMISE_LINES, depends_on=of_orders, change=promise_orders, notes=_whom_of_orders)
