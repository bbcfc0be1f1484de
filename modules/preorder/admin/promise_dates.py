"""Changing promise dates: syncing those of a purchase order line, editing that of a sales order line."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import request
from markupsafe import Markup
from sqlalchemy.orm import Session
from typing_extensions import override
from wtforms import BooleanField, Form, StringField
from wtforms.validators import InputRequired, Length

from erp.admin import Badge, Choose, Chosen, DayField, Facts, FormPage, document_anchor
from erp.admin.access import screen_session
from erp.admin.declarations import ActionScreen
from erp.admin.formatting import badge, day
from erp.db import format_quantity
from erp.text import plural, say
from modules.inventory_lots.services import lock_products
from modules.preorder import queries, services
from modules.preorder.coverage import Coverage
from modules.preorder.hooks import allocation_news, date_news
from modules.preorder.models import PurchaseAllocation
from modules.procurement.hooks import NewsPreview
from modules.sales.models import OrderLine
from modules.sales.services import set_promise_dates

NO_DATE = Markup('<span class="text-muted">{}</span>')


def order_anchor(row: Any) -> Markup:
    """Return a link to the sales order of a row, with the position of its line."""
    return document_anchor("sales.order", row.order_id, f"{row.number}/{row.position}")  # type: ignore[no-any-return]


def promise(row: Any) -> Markup:
    """Return the promise date of a row, and whether it is pinned."""
    pinned = badge(Badge("pinned", "info")) if row.is_promise_pinned else Markup()
    return Markup("{} {}").format(day(row.promise_date), pinned)


def news_of_dates(session: Session, dates: Mapping[int, date | None]) -> NewsPreview:
    """Return whom new promise dates of these lines would notify; where nobody, with the reason."""
    found = date_news(session, dates)
    return found[0] if found else NewsPreview(reason="Nobody is notified: no module that sends emails is on.")


def news_of_allocations(session: Session, pairs: Collection[tuple[int, int]]) -> list[tuple[str, NewsPreview]]:
    """Return whom it would notify if all of these pairs were allocated, with the words that introduce it."""
    return [("If all are allocated", news) for answer in allocation_news(session, pairs) for news in answer]


def say_whom(field: Any, news: NewsPreview) -> None:
    """Let a tick say whom it notifies; one that can notify nobody is off and disabled."""
    field.description = str(news)
    if news.sample:
        anchor = Markup('<a href="{}{}" target="_blank" rel="noopener">{}</a>').format(
            request.script_root, news.sample, say("See one email")
        )
        field.description = Markup("{} {}").format(str(news), anchor)
    if not news.customers:
        field.data, field.render_kw = False, {"disabled": True}


class SyncForm(Form):
    """Why the dates change, and whether customers are notified."""

    why = StringField("Reason", [Length(max=500)], description="Shown in the history.")
    notify = BooleanField("Notify customers", default=True)


@dataclass(frozen=True)
class Sync:
    """A sales order line with its promise date and the date that it would get."""

    line_id: int
    order_id: int
    number: str
    position: int
    customer: str
    quantity: Decimal
    promise_date: date | None
    is_promise_pinned: bool
    new_date: date | None
    decided_by: str

    @property
    def is_changed(self) -> bool:
        """Whether a sync would change the promise date."""
        return self.new_date is not None and self.new_date != self.promise_date


class SyncDates(Choose):
    """Gives the sales order lines of a purchase order line their expected dates as promise dates."""

    name = "sync"
    title = "Sync Date with SO"
    permission = "preorder.promise"
    icon = "fa-calendar-check-o"
    button = "Sync Selected"
    help = "The new date is the latest arrival of all that a line waits for, plus the buffer."
    empty = "This line is not allocated to any sales order."
    form_class = SyncForm
    columns = (
        ("Order", order_anchor),
        ("Customer", "customer"),
        ("Allocated", "quantity"),
        ("Promise date", promise),
        (
            "New date",
            lambda row: row.new_date or Markup('<span class="text-muted">{}</span>').format(say("no expected date")),
        ),
        ("Decided by", "decided_by"),
        ("", lambda row: Badge("changes", "warning") if row.is_changed else None),
    )

    @override
    def rows(self, session: Session, row: Any) -> Sequence[Sync]:
        allocations = queries.purchase_allocations_to(session, PurchaseAllocation.purchase_line_id == row.id)
        ids = [each.line_id for each in allocations]
        found = queries.line_coverage(session, OrderLine.id.in_(ids))
        dates = queries.new_promises(found)
        return [
            Sync(
                each.line_id,
                each.order_id,
                each.number,
                each.position,
                each.customer,
                each.outstanding,
                each.promise_date,
                each.is_promise_pinned,
                dates.get(each.line_id),
                _decided_by(found[each.line_id]),
            )
            for each in allocations
        ]

    @override
    def depends_on_row(self, item: Sync) -> Facts:
        line = f"{item.number}/{item.position}"
        return {
            say("promise date of {line}", line=line): item.promise_date,
            say("pin of {line}", line=line): item.is_promise_pinned,
            say("new date of {line}", line=line): item.new_date,
        }

    @override
    def _show(self, screen: ActionScreen, row: Any, form: Form, version: str, **more: Any) -> str:
        session = screen_session()
        dates = {each.line_id: each.new_date for each in self.rows(session, row) if each.is_changed}
        say_whom(form["notify"], news_of_dates(session, dates))
        return super()._show(screen, row, form, version, **more)

    @override
    def key(self, item: Sync) -> str:
        return str(item.line_id)

    @override
    def is_ticked(self, item: Sync) -> bool:
        return item.is_changed and not item.is_promise_pinned

    @override
    def can_tick(self, item: Sync) -> bool:
        return item.new_date is not None

    @override
    def do(self, session: Session, row: Any, chosen: Sequence[Chosen], form: Any) -> str:
        ids = [each.row.line_id for each in chosen]
        changed = services.sync_promises(session, ids, notify=form.notify.data, why=form.why.data or "")
        return say(
            "{promise_dates_are} synced.", promise_dates_are=plural(changed, "promise date is", "promise dates are")
        )


def _decided_by(found: Coverage) -> str:
    if found.uncovered:
        return say("{quantity} are not covered", quantity=format_quantity(found.uncovered))
    part = found.deciding
    is_decided = part is not None and (found.expected is not None or part.day is None)
    if part is None or part.supply is None or not is_decided:
        return Markup("{}").format(found.missing)
    name = document_anchor("procurement.purchase_order", part.supply.purchase_order_id, part.supply.name)
    return Markup("{} ({})").format(name, day(part.day) or part.reason)


class PromiseForm(Form):
    """The promise date of a line, why it changes, and whether the customer is notified."""

    promise_date = DayField("Promise date", [InputRequired("Choose a date.")])
    why = StringField("Reason", [Length(max=500)], description="Shown in the history.")
    notify = BooleanField("Notify the customer", default=True)


class EditPromise(FormPage):
    """Asks for the promise date of a sales order line, which is pinned then."""

    name = "edit"
    title = "Edit"
    permission = "preorder.promise"
    icon = "fa-calendar"
    button = "Save"
    template = "preorder/promise_date.html"
    form_class = PromiseForm
    help = "The date is pinned: automatic syncs leave it alone."

    @override
    def depends_on(self, session: Session, row: Any) -> Facts:
        return {"state": row.order.state, say("promise date"): row.promise_date, "pin": row.is_promise_pinned}

    @override
    def context(self, session: Session, row: Any) -> dict[str, Any]:
        found = queries.line_coverage(session, OrderLine.id == row.id).get(row.id)
        return {"expected": found.expected if found else None}

    @override
    def _show(self, screen: ActionScreen, row: Any, form: Form, version: str, **more: Any) -> str:
        say_whom(form["notify"], news_of_dates(screen_session(), {row.id: None}))
        return super()._show(screen, row, form, version, **more)

    @override
    def prefill(self, session: Session, row: Any, form: Any) -> None:
        form.promise_date.data = row.promise_date

    @override
    def do(self, session: Session, row: Any, form: Any) -> str:
        name, dates = str(row), {row.id: form.promise_date.data}
        lock_products(session, [row.product_id])
        why, notify = form.why.data or "", form.notify.data
        set_promise_dates(session, dates, cause="edit", pin=True, why=why, notify=notify)
        return say("{name} is promised for {data}.", name=name, data=day(form.promise_date.data))
