"""What templates read: the facts of news, when a message is composed and again when it leaves."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Date, cast, literal, null, select
from sqlalchemy.orm import Session, aliased

from erp import clock
from erp.db import BigId, UtcDateTime, format_quantity, is_one_of, total
from erp.identity import identity_key
from erp.options import options
from modules.backorder_email.domain.facts import CompanyFacts, CustomerFacts, LineFacts, MessageFacts, OrderFacts
from modules.backorder_email.domain.templates import clean_line
from modules.backorder_email.models import News
from modules.backorder_email.states import Cause
from modules.inventory_lots.models import Product
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries import line_coverage
from modules.procurement.models import PurchaseLineStatus, PurchaseOrder, PurchaseOrderLine
from modules.sales.models import Customer, Order, OrderLine


@dataclass(frozen=True)
class NewsRow:
    """A piece of news with everything that its message says of it."""

    news_id: int
    message_id: int | None
    run_id: int
    cause: Cause
    template_id: int | None
    about: str
    oldest_at: datetime
    line_id: int
    order_id: int
    order_number: str
    ordered_at: datetime
    customer_id: int
    customer_name: str
    customer_email: str
    status: str
    line: LineFacts


@dataclass(frozen=True)
class _Supply:
    """The purchase orders that a line is allocated to, as one."""

    purchase_orders: str
    statuses: str


def news_rows(session: Session, news_ids: Collection[int]) -> list[NewsRow]:
    """Return news by order and position, the sequence in which a message names it."""
    return _read(session, _rows_of_news().where(is_one_of(session, News.id, news_ids)))


def order_to_preview(session: Session, number: str) -> Order | None:
    """Return the order of that number; for an empty one the last with a purchase allocation, or the last."""
    if number:
        return session.scalar(select(Order).where(Order.number_key == identity_key(number)))
    with_allocation = (
        select(Order)
        .join(OrderLine)
        .join(PurchaseAllocation, PurchaseAllocation.line_id == OrderLine.id)
        .order_by(PurchaseAllocation.id.desc())
        .limit(1)
    )
    last = select(Order).where(Order.number.is_not(None)).order_by(Order.id.desc()).limit(1)
    return session.scalars(with_allocation).first() or session.scalars(last).first()


def facts_to_preview(
    session: Session, order_id: int, cause: Cause, about: Mapping[str, str] | None = None
) -> MessageFacts | None:
    """Return what a message of this cause could say about an order; None where the order has no lines.

    It is about the lines that are allocated to purchase orders, or about all where none is.
    """
    found = rows_to_preview(session, order_id, cause)
    rows = [row for row in found if row.line.purchase_order] or found
    return replace(facts_of(rows), about=about or {}) if rows else None


def rows_to_preview(
    session: Session, order_id: int, cause: Cause, *, purchase_line_ids: Collection[int] = ()
) -> list[NewsRow]:
    """Return the news that there would be if the cause applied to all lines of an order.

    With `purchase_line_ids` it is about these purchase order lines, whether they are allocated to the order or not.
    """
    return _read(session, _rows(_possible_news(order_id, cause, purchase_line_ids)), purchase_line_ids)


def _read(session: Session, rows: Any, purchase_line_ids: Collection[int] = ()) -> list[NewsRow]:
    found = list(session.execute(rows))
    dated = {row.line_id for row in found if row.cause is Cause.date_changed}
    supplies = _supplies(session, dated) if dated else {}
    days = _expected_days(session, found, purchase_line_ids)
    found.sort(key=lambda row: (row.order_id, row.position, row.news_id))
    return [_news_row(row, supplies.get(row.line_id), days.get(row.line_id)) for row in found]


def _expected_days(session: Session, rows: Sequence[Any], purchase_line_ids: Collection[int]) -> dict[int, date | None]:
    """Return the expected date of each line of news, as every screen says it; a cancelled one has none.

    What is left of a line that would be allocated to these purchase lines counts as covered by them.
    """
    line_ids = {row.line_id for row in rows if row.cause is not Cause.cancelled}
    if not line_ids:
        return {}
    allocated = {row.line_id for row in rows if row.cause is Cause.purchase_allocated}
    planned = dict.fromkeys(allocated, purchase_line_ids) if purchase_line_ids else None
    found = line_coverage(session, is_one_of(session, OrderLine.id, line_ids), planned=planned)
    return {line_id: coverage.expected for line_id, coverage in found.items()}


@cache
def _rows_of_news() -> Any:
    return _rows(News)


def _possible_news(order_id: int, cause: Cause, purchase_line_ids: Collection[int]) -> Any:
    """Return rows like those of News: the news that there would be if the cause applied to all lines of an order."""
    if purchase_line_ids:
        return _possible_pairs(order_id, cause, purchase_line_ids)
    no_id: Any = cast(null(), BigId)
    has_purchase_line = cause in (Cause.purchase_allocated, Cause.status_changed)
    pairs = (
        select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .where(OrderLine.order_id == order_id, PurchaseAllocation.ended_at.is_(None), literal(has_purchase_line))
        .distinct()
        .subquery()
    )
    columns = {
        "id": OrderLine.id,
        "cause": literal(cause, News.cause.type),
        "line_id": OrderLine.id,
        "order_id": OrderLine.order_id,
        "purchase_line_id": pairs.c.purchase_line_id,
        "old_date": OrderLine.promise_date if cause is Cause.date_changed else cast(null(), Date),
        "quantity": OrderLine.quantity,
        "oldest_at": literal(clock.now(), UtcDateTime()),
        "about": literal(""),
        **dict.fromkeys(("run_id", "message_id", "template_id"), no_id),
    }
    rows = select(*(column.label(name) for name, column in columns.items()))
    of_order = (
        rows.select_from(OrderLine)
        .outerjoin(pairs, pairs.c.line_id == OrderLine.id)
        .where(OrderLine.order_id == order_id)
    )
    return aliased(News, of_order.subquery(), adapt_on_names=True)


def _possible_pairs(order_id: int, cause: Cause, purchase_line_ids: Collection[int]) -> Any:
    """Return rows like those of News, of an order's lines with the purchase order lines of the same products."""
    no_id: Any = cast(null(), BigId)
    columns = {
        "id": OrderLine.id,
        "cause": literal(cause, News.cause.type),
        "line_id": OrderLine.id,
        "order_id": OrderLine.order_id,
        "purchase_line_id": PurchaseOrderLine.id,
        "old_date": cast(null(), Date),
        "quantity": OrderLine.open_quantity,
        "oldest_at": literal(clock.now(), UtcDateTime()),
        "about": literal(""),
        **dict.fromkeys(("run_id", "message_id", "template_id"), no_id),
    }
    rows = (
        select(*(column.label(name) for name, column in columns.items()))
        .select_from(OrderLine)
        .join(PurchaseOrderLine, PurchaseOrderLine.product_id == OrderLine.product_id)
        .where(OrderLine.order_id == order_id, PurchaseOrderLine.id.in_(purchase_line_ids))
    )
    return aliased(News, rows.subquery(), adapt_on_names=True)


def _rows(news: Any) -> Any:
    """Return the select of everything that a message says of news; `news` is the table or rows like it."""
    outstanding = (
        select(total(PurchaseAllocation.outstanding))
        .where(
            PurchaseAllocation.line_id == news.line_id,
            PurchaseAllocation.purchase_line_id == news.purchase_line_id,
            PurchaseAllocation.ended_at.is_(None),
        )
        .correlate(news)
        .scalar_subquery()
    )
    columns = (
        *(
            news.id.label("news_id"),
            news.message_id,
            news.run_id,
            news.cause,
            news.template_id,
            news.about,
            news.line_id,
        ),
        *(news.oldest_at, news.old_date, news.quantity, Order.id.label("order_id"), Order.number, Order.ordered_at),
        *(Customer.id.label("customer_id"), Customer.name.label("customer_name"), Customer.email),
        *(OrderLine.position, OrderLine.promise_date, OrderLine.open_quantity, outstanding.label("outstanding")),
        *(Product.sku, Product.name, Product.unit),
        *(PurchaseOrder.number.label("purchase_order"), PurchaseLineStatus.name.label("status")),
    )
    return (
        select(*columns)
        .select_from(news)
        .join(Order, Order.id == news.order_id)
        .join(Customer, Customer.id == Order.customer_id)
        .join(OrderLine, OrderLine.id == news.line_id)
        .join(Product, Product.id == OrderLine.product_id)
        .outerjoin(PurchaseOrderLine, PurchaseOrderLine.id == news.purchase_line_id)
        .outerjoin(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .outerjoin(PurchaseLineStatus, PurchaseLineStatus.id == PurchaseOrderLine.status_id)
    )


def _supplies(session: Session, line_ids: Collection[int]) -> dict[int, _Supply]:
    rows = (
        select(PurchaseAllocation.line_id, PurchaseOrder.number, PurchaseLineStatus.name)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseOrderLine.order_id)
        .outerjoin(PurchaseLineStatus, PurchaseLineStatus.id == PurchaseOrderLine.status_id)
        .where(PurchaseAllocation.ended_at.is_(None))
        .order_by(PurchaseAllocation.id)
    )
    by_line: dict[int, list[Any]] = {}
    for row in session.execute(rows.where(is_one_of(session, PurchaseAllocation.line_id, line_ids))):
        by_line.setdefault(row.line_id, []).append(row)
    return {line_id: _as_one(allocations) for line_id, allocations in by_line.items()}


def _as_one(allocations: Sequence[Any]) -> _Supply:
    return _Supply(
        purchase_orders=_joined(allocation.number for allocation in allocations),
        statuses=_joined(allocation.name for allocation in allocations),
    )


def _joined(names: Iterable[str | None]) -> str:
    """Return several names as one text, each once, in order."""
    return ", ".join(dict.fromkeys(name for name in names if name))


def _news_row(row: Any, supply: _Supply | None, expected_on: date | None) -> NewsRow:
    return NewsRow(
        news_id=row.news_id,
        message_id=row.message_id,
        run_id=row.run_id,
        cause=row.cause,
        template_id=row.template_id,
        about=row.about,
        oldest_at=row.oldest_at,
        line_id=row.line_id,
        order_id=row.order_id,
        order_number=row.number or "",
        ordered_at=row.ordered_at,
        customer_id=row.customer_id,
        customer_name=row.customer_name,
        customer_email=row.email,
        status=row.status or (supply.statuses if supply else ""),
        line=LineFacts(
            sku=clean_line(row.sku),
            name=clean_line(row.name),
            quantity=Decimal(format_quantity(_quantity(row))),
            unit=clean_line(row.unit),
            promise_date=row.promise_date,
            old_promise_date=row.old_date,
            purchase_order=clean_line(row.purchase_order or (supply.purchase_orders if supply else "")),
            expected_on=expected_on,
        ),
    )


def _quantity(row: Any) -> Decimal:
    """Return what is allocated to the purchase order now, what waits for a date, or what was cancelled."""
    current = row.open_quantity if row.cause is Cause.date_changed else row.outstanding
    quantity: Decimal = current or row.quantity
    return quantity


def facts_of(rows: Sequence[NewsRow]) -> MessageFacts:
    """Return what the template of one message can read."""
    first = rows[0]
    return MessageFacts(
        OrderFacts(clean_line(first.order_number), clock.local(first.ordered_at)),
        CustomerFacts(clean_line(first.customer_name)),
        CompanyFacts(clean_line(options.erp.company_name)),
        first.cause.value,
        clean_line(_joined(row.status for row in rows)),
        tuple(row.line for row in rows),
        {name: clean_line(value) for name, value in json.loads(first.about or "{}").items()},
    )
