"""Whom a change would notify, said before it is saved, and one message as it would leave."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from erp.addresses import BadAddress, check_address
from erp.db import is_one_of
from erp.events import current_run
from erp.options import options
from erp.text import say
from modules.backorder_email.domain.facts import MessageFacts
from modules.backorder_email.models import News, StatusTemplate, Template
from modules.backorder_email.queries.facts import facts_of, rows_to_preview
from modules.backorder_email.queries.templates import OPTIONS_BY_CAUSE, name_in_option, template_by_name
from modules.backorder_email.states import Cause
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries import line_coverage, lines_to_sync, new_promises
from modules.procurement.hooks import NewsPreview
from modules.procurement.models import PurchaseLineStatus, PurchaseOrderLine
from modules.procurement.queries import status_by_name
from modules.sales.models import Customer, Order, OrderLine

SAMPLE_PATH = "/emails/pending/sample/"


@dataclass(frozen=True)
class Sample:
    """Which message is shown as it would leave."""

    template_id: int
    cause: Cause
    order_id: int
    line_ids: Sequence[int]
    purchase_line_ids: Sequence[int] = ()
    status_id: int | None = None

    @property
    def path(self) -> str:
        """The path of the page that shows it."""
        asked = {
            "template": self.template_id,
            "cause": self.cause.value,
            "order": self.order_id,
            "line": self.line_ids,
            "purchase_line": self.purchase_line_ids,
            "status": self.status_id or "",
        }
        return f"{SAMPLE_PATH}?{urlencode(asked, doseq=True)}"


def status_news(session: Session, line_ids: Sequence[int]) -> dict[int, NewsPreview]:
    """Return whom each status with a template would notify if these purchase order lines got it, by its id."""
    if not options.backorder_email.on_status:
        return {}
    rows = _customers().add_columns(PurchaseOrderLine.id.label("purchase_line_id"), PurchaseOrderLine.status_id)
    rows = rows.join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
    allocated = session.execute(rows.where(is_one_of(session, PurchaseOrderLine.id, line_ids))).all()
    news: dict[int, NewsPreview] = {}
    for status_id, template in _templates_of_statuses(session):
        changed = [row for row in allocated if row.status_id != status_id]
        if changed:
            news[status_id] = _preview(changed, template, Cause.status_changed, status_id=status_id)
    return news


def _templates_of_statuses(session: Session) -> list[tuple[int, Template]]:
    rows = select(StatusTemplate.status_id, Template).join(Template, Template.id == StatusTemplate.template_id)
    return [(status_id, template) for status_id, template in session.execute(rows)]


def _customers() -> Select[Any]:
    """Return a select of the open purchase allocations with the customers who wait for them."""
    columns: tuple[Any, ...] = (
        *(OrderLine.id.label("line_id"), Order.id.label("order_id")),
        *(Customer.id.label("customer_id"), Customer.email),
    )
    return (
        select(*columns)
        .select_from(PurchaseAllocation)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(PurchaseAllocation.is_open)
        .order_by(PurchaseAllocation.id)
    )


def date_news(session: Session, dates: Mapping[int, date | None]) -> NewsPreview:
    """Return whom new promise dates of these sales order lines would notify, or why nobody."""
    name, option = name_in_option(Cause.date_changed), f"backorder_email.{OPTIONS_BY_CAUSE[Cause.date_changed]}"
    template = template_by_name(session, name)
    if template is None:
        reason = say("there is no template {name}", name=name) if name else say("no template is chosen")
        return NewsPreview(reason=say("Nobody is notified: {reason} (option {option}).", reason=reason, option=option))
    found = session.execute(_customers().where(is_one_of(session, OrderLine.id, dates))).all()
    if not found:
        return NewsPreview(reason="Nobody is notified: no date changes of a line that is on purchase orders.")
    return _preview(found, template, Cause.date_changed)


def arrival_news(session: Session, line_ids: Sequence[int]) -> NewsPreview | None:
    """Return whom changed expected dates of these purchase order lines would notify; None where nobody."""
    synced = lines_to_sync(session, line_ids) if options.preorder.sync_dates == "auto" else {}
    news = date_news(session, dict.fromkeys(synced)) if synced else None
    return news if news and (news.customers or news.without_address) else None


def allocation_news(session: Session, pairs: Collection[tuple[int, int]]) -> list[NewsPreview]:
    """Return whom new allocations of these pairs would notify, for each template."""
    if not options.backorder_email.on_link or not pairs:
        return []
    allocated = _allocated_pairs(session, {line_id for line_id, _ in pairs})
    return [news for _, news in news_of_changes(session, {"": [pair for pair in pairs if pair not in allocated]})]


def news_of_changes(
    session: Session, changes: Mapping[str, Collection[tuple[int, int]]]
) -> list[tuple[str, NewsPreview]]:
    """Return whom each of several changes would notify by the pairs that it newly allocates, with its label."""
    pairs = {pair for allocated in changes.values() for pair in allocated}
    if not pairs:
        return []
    statuses = _statuses_of(session, {purchase_line_id for _, purchase_line_id in pairs})
    buyers = _buyers(session, {line_id for line_id, _ in pairs})
    templates = _templates_of_statuses(session)
    previews = []
    for label, allocated in changes.items():
        for status_id, template in templates:
            rows = [
                replace(buyers[line_id], purchase_line_id=id_)
                for line_id, id_ in allocated
                if statuses.get(id_) == status_id and line_id in buyers
            ]
            if rows:
                news = _preview(rows, template, Cause.purchase_allocated, status_id=status_id)
                previews.append((label, news))
    return previews


@dataclass(frozen=True)
class _Buyer:
    line_id: int
    order_id: int
    customer_id: int
    email: str
    purchase_line_id: int = 0


def _buyers(session: Session, line_ids: Collection[int]) -> dict[int, _Buyer]:
    rows = (
        select(OrderLine.id, Order.id, Customer.id, Customer.email)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .where(is_one_of(session, OrderLine.id, line_ids))
    )
    return {row[0]: _Buyer(*row) for row in session.execute(rows)}


def _statuses_of(session: Session, purchase_line_ids: Collection[int]) -> dict[int, int | None]:
    """Return the status of each purchase order line, or the one that a first allocation gives it."""
    default = status_by_name(session, options.preorder.default_line_status)
    rows = select(PurchaseOrderLine.id, PurchaseOrderLine.status_id)
    found = session.execute(rows.where(is_one_of(session, PurchaseOrderLine.id, purchase_line_ids)))
    return {id_: status_id or (default.id if default else None) for id_, status_id in found}


def _allocated_pairs(session: Session, line_ids: Collection[int]) -> set[tuple[int, int]]:
    rows = select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id).where(PurchaseAllocation.is_open)
    found = session.execute(rows.where(is_one_of(session, PurchaseAllocation.line_id, line_ids)))
    return {(line_id, purchase_line_id) for line_id, purchase_line_id in found}


def _preview(rows: Sequence[Any], template: Template, cause: Cause, *, status_id: int | None = None) -> NewsPreview:
    """Return the preview of news about these rows of order lines and their customers."""
    usable = {row.customer_id: row for row in reversed(rows) if _is_usable(row.email)}
    others = {row.customer_id for row in rows} - usable.keys()
    if not usable:
        text = (
            say("Nobody is notified: the customers have no email address.")
            if len(others) > 1
            else say("Nobody is notified: the customer has no email address.")
        )
        return NewsPreview(0, len(others), template.name, reason=text)
    first = next(row for row in rows if row.customer_id in usable)
    of_order = [row for row in rows if row.order_id == first.order_id]
    sample = Sample(
        template.id,
        cause,
        first.order_id,
        sorted({row.line_id for row in of_order}),
        sorted({row.purchase_line_id for row in of_order}) if cause is not Cause.date_changed else (),
        status_id,
    )
    return NewsPreview(len(usable), len(others), template.name, sample.path)


def _is_usable(email: str) -> bool:
    try:
        check_address(email)
    except BadAddress:
        return False
    return True


def sample_facts_of(session: Session, sample: Sample) -> tuple[MessageFacts, str] | None:
    """Return what the template of a sample reads, and the customer's address; None where the lines are gone."""
    rows = rows_to_preview(session, sample.order_id, sample.cause, purchase_line_ids=sample.purchase_line_ids)
    rows = [row for row in rows if row.line_id in sample.line_ids]
    if not rows:
        return None
    if sample.cause is Cause.date_changed:
        new = new_promises(line_coverage(session, is_one_of(session, OrderLine.id, sample.line_ids)))
        rows = [
            replace(row, line=replace(row.line, promise_date=new.get(row.line_id, row.line.promise_date)))
            for row in rows
        ]
    status = session.get(PurchaseLineStatus, sample.status_id) if sample.status_id else None
    facts = facts_of(rows)
    return replace(facts, status=status.name if status else facts.status), rows[0].customer_email


def notes_of_import(session: Session) -> list[str]:
    """Return, for each template, whom the news that this run has written so far would notify."""
    rows = (
        select(Template, Customer.id.label("customer_id"), Customer.email, News.order_id, News.line_id)
        .select_from(News)
        .join(Order, Order.id == News.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(Template, Template.id == News.template_id)
        .where(News.is_uncomposed, News.run_id == current_run(session).id(session))
        .order_by(News.id)
    )
    by_template: dict[Template, list[Any]] = {}
    for row in session.execute(rows):
        by_template.setdefault(row.Template, []).append(row)
    return [str(_preview(found, template, Cause.date_changed)) for template, found in by_template.items()]
