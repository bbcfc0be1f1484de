"""Writing news in the transaction that makes it, whatever the number of lines it is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from erp import clock
from erp.db import is_one_of
from erp.events import current_run
from erp.options import options
from modules.backorder_email.models import News, StatusTemplate
from modules.backorder_email.queries.news import pending_about, unsent_dates
from modules.backorder_email.queries.templates import named_by_option, template_by_name, templates_by_status
from modules.backorder_email.services.superseding import put_right
from modules.backorder_email.states import Cause, DropReason
from modules.preorder.models import PurchaseAllocation
from modules.procurement.events import StatusChange
from modules.procurement.models import PurchaseOrderLine
from modules.sales.events import BackorderChange, PromiseChange
from modules.sales.models import Backorder, OrderLine


def write_allocation_news(session: Session, purchase_allocation_ids: Collection[int]) -> None:
    """Write news of new links to purchase order lines whose status has a template."""
    if not options.backorder_email.on_link or not templates_by_status(session):
        return
    columns = (
        *(
            PurchaseAllocation.id.label("source_id"),
            PurchaseAllocation.line_id,
            OrderLine.order_id,
            PurchaseAllocation.purchase_line_id,
        ),
        *(PurchaseOrderLine.status_id, StatusTemplate.template_id, PurchaseAllocation.outstanding.label("quantity")),
    )
    rows = (
        select(*columns)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(StatusTemplate, StatusTemplate.status_id == PurchaseOrderLine.status_id)
        .order_by(PurchaseAllocation.id)
    )
    found = _all(session, rows, PurchaseAllocation.id, purchase_allocation_ids)
    _write_news(session, [{"cause": Cause.purchase_allocated} | dict(row._mapping) for row in found])


def write_status_news(session: Session, changes: Sequence[StatusChange]) -> None:
    """Write news for the lines linked to purchase order lines whose new status has a template.

    What is pending and tells of the old status is put right even where the new one has none.
    """
    after = {change.line_id: change for change in changes}
    columns = (
        PurchaseAllocation.line_id,
        OrderLine.order_id,
        PurchaseAllocation.purchase_line_id,
        PurchaseAllocation.outstanding.label("quantity"),
    )
    rows = (
        select(*columns)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .where(PurchaseAllocation.ended_at.is_(None))
        .order_by(PurchaseAllocation.purchase_line_id, PurchaseAllocation.id)
    )
    purchase_allocated = _all(session, rows, PurchaseAllocation.purchase_line_id, after)
    templates = templates_by_status(session) if purchase_allocated and options.backorder_email.on_status else {}
    news = [_of_status(row, after[row.purchase_line_id], templates) for row in purchase_allocated]
    _write_news(
        session, [row for row in news if row["template_id"]], touched={row.line_id for row in purchase_allocated}
    )


def _of_status(purchase_allocation: Any, change: StatusChange, templates: dict[int, int]) -> dict[str, Any]:
    return {
        "cause": Cause.status_changed,
        "source_id": change.history_id,
        "status_id": change.new_status_id,
        "template_id": templates.get(change.new_status_id or 0),
        **purchase_allocation._mapping,
    }


def write_date_news(session: Session, changes: Sequence[PromiseChange]) -> None:
    """Write news of changed promise dates of linked lines, from the date that the customer knows."""
    if not named_by_option(Cause.date_changed):
        return
    after = {change.line_id: change for change in changes}
    purchase_allocated = select(PurchaseAllocation.line_id).where(PurchaseAllocation.ended_at.is_(None))
    rows = select(OrderLine.id, OrderLine.order_id, OrderLine.open_quantity).where(OrderLine.id.in_(purchase_allocated))
    found = _all(session, rows.order_by(OrderLine.id), OrderLine.id, after)
    known = unsent_dates(session, [row.id for row in found])
    template = template_by_name(session, named_by_option(Cause.date_changed))
    news = [
        {
            "cause": Cause.date_changed,
            "source_id": after[row.id].history_id,
            "line_id": row.id,
            "order_id": row.order_id,
            "template_id": template.id if template else None,
            "old_date": known.get(row.id, after[row.id].old),
            "new_date": after[row.id].new,
            "quantity": row.open_quantity,
        }
        for row in found
    ]
    _write_news(session, news)


def write_cancellation_news(session: Session, changes: Sequence[BackorderChange]) -> None:
    """Write news of backorders that were given up after their days, of each part once."""
    if not named_by_option(Cause.cancelled):
        return
    given_up = {change.backorder_id: change for change in changes}
    columns = (Backorder.id, Backorder.line_id, OrderLine.order_id)
    rows = select(*columns).join(OrderLine, OrderLine.id == Backorder.line_id).order_by(Backorder.id)
    template = template_by_name(session, named_by_option(Cause.cancelled))
    news = [
        {
            "cause": Cause.cancelled,
            "source_id": given_up[row.id].history_id,
            "line_id": row.line_id,
            "order_id": row.order_id,
            "template_id": template.id if template else None,
            "quantity": given_up[row.id].quantity,
        }
        for row in _all(session, rows, Backorder.id, given_up)
    ]
    _write_news(session, news)


def drop_news_of_purchase_allocations(session: Session, pairs: Collection[tuple[int, int]]) -> None:
    """Drop what has not left about (line, purchase line) pairs whose links were undone."""
    line_ids = {line_id for line_id, _ in pairs}
    open_purchase_allocations = select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id).where(
        PurchaseAllocation.ended_at.is_(None)
    )
    allocated_again = {
        (line, purchase)
        for line, purchase in _all(session, open_purchase_allocations, PurchaseAllocation.line_id, line_ids)
    }
    undone = set(pairs) - allocated_again
    by_line: dict[int, set[int]] = {}
    for line_id, purchase_line_id in undone:
        by_line.setdefault(line_id, set()).add(purchase_line_id)
    _drop_uncomposed(session, undone)
    put_right(session, pending_about(session, by_line), undone=undone)


def _drop_uncomposed(session: Session, pairs: Collection[tuple[int, int]]) -> None:
    rows = select(News.id, News.line_id, News.purchase_line_id).where(News.message_id.is_(None), News.dropped.is_(None))
    found = _all(session, rows, News.line_id, {line_id for line_id, _ in pairs})
    ids = [row.id for row in found if (row.line_id, row.purchase_line_id) in pairs]
    # Asked again here: another transaction may have composed it while this one waited for the row.
    still_waits = News.message_id.is_(None) & News.dropped.is_(None)
    drop = update(News).where(is_one_of(session, News.id, ids), still_waits).values(dropped=DropReason.removed)
    session.execute(drop.execution_options(synchronize_session=False))
    session.expire_all()


def _all(session: Session, rows: Any, key: Any, ids: Iterable[int]) -> list[Any]:
    """Return the rows whose `key` is among `ids`."""
    return list(session.execute(rows.where(is_one_of(session, key, ids))).all())


def _write_news(session: Session, news: Sequence[dict[str, Any]], *, touched: Collection[int] = ()) -> None:
    """Write news and put right what is pending about the same lines. News that is there already is left alone."""
    notified: set[int] = set()
    if news:
        common = {"run_id": current_run(session).id(session), "created_at": clock.now()}
        blank = {"purchase_line_id": None, "status_id": None, "old_date": None, "new_date": None}
        notified = set(session.scalars(_insert(session), [blank | row | common for row in news]))
    put_right(session, pending_about(session, notified.union(touched)), notified_again=notified)


def _insert(session: Session) -> ReturningInsert[tuple[int]]:
    kind = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    table = News.__table__
    insert: Insert = kind.insert(table).on_conflict_do_nothing()
    return insert.returning(table.c.line_id)
