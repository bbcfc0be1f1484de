"""Writing news in the transaction that makes it, in a constant number of statements."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import insert_missing, is_one_of, total
from erp.events import current_run
from erp.options import options
from modules.backorder_email.models import News, StatusTemplate
from modules.backorder_email.queries.news import known_dates, unsent_messages_of_lines
from modules.backorder_email.queries.templates import (
    name_in_option,
    template_by_name,
    templates_by_kind,
    templates_by_status,
)
from modules.backorder_email.services.reconciliation import reconcile
from modules.backorder_email.states import Cause, DropReason
from modules.preorder.events import PurchaseAllocated, PurchaseAllocationRemoved
from modules.preorder.models import PurchaseAllocation
from modules.procurement.events import LineStatusChanged, StatusChange
from modules.procurement.models import PurchaseOrderLine
from modules.sales.events import AnnouncementsMade, BackorderCancelled, PromiseDateChanged
from modules.sales.models import Backorder, OrderLine

# The first promise date, which allocation sets, is no change of one that the customer knows.
CAUSES_OF_NEW_DATES = ("sync", "import", "edit")

_is_open = PurchaseAllocation.ended_at.is_(None)


def write_allocation_news(session: Session, event: PurchaseAllocated) -> None:
    """Write news of new allocations to purchase order lines whose status has a template.

    An exchange is no news, except to lines whose news of what they exchange is in no message yet: that is dropped.
    """
    if not options.backorder_email.on_link or not templates_by_status(session):
        return
    columns = (
        *(PurchaseAllocation.id.label("source_id"), PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id),
        *(PurchaseAllocation.outstanding.label("quantity"), OrderLine.order_id),
        *(PurchaseOrderLine.status_id, StatusTemplate.template_id),
    )
    rows = (
        select(*columns)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .join(PurchaseOrderLine, PurchaseOrderLine.id == PurchaseAllocation.purchase_line_id)
        .join(StatusTemplate, StatusTemplate.status_id == PurchaseOrderLine.status_id)
        .order_by(PurchaseAllocation.id)
    )
    if event.is_exchange:
        uncomposed = select(News.line_id).where(News.is_uncomposed, News.cause == Cause.purchase_allocated)
        rows = rows.where(PurchaseAllocation.line_id.in_(uncomposed))
    found = _all(session, rows, PurchaseAllocation.id, event.purchase_allocation_ids)
    _write_news(session, [{"cause": Cause.purchase_allocated} | dict(row._mapping) for row in found])


def write_status_news(session: Session, event: LineStatusChanged) -> None:
    """Write news of purchase order lines whose new status has a template, one for each order line allocated to them.

    Unsent messages about the old status are reconciled even where the new one has no template. The default status of
    a first allocation is no change.
    """
    if event.is_default:
        return
    after = {change.line_id: change for change in event.changes}
    columns = (
        *(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id, OrderLine.order_id),
        total(PurchaseAllocation.outstanding).label("quantity"),
    )
    rows = (
        select(*columns)
        .join(OrderLine, OrderLine.id == PurchaseAllocation.line_id)
        .where(_is_open)
        .group_by(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id, OrderLine.order_id)
        .order_by(PurchaseAllocation.purchase_line_id, func.min(PurchaseAllocation.id))
    )
    found = _all(session, rows, PurchaseAllocation.purchase_line_id, after)
    templates = templates_by_status(session) if found and options.backorder_email.on_status else {}
    news = [_status_news(row, after[row.purchase_line_id], templates) for row in found]
    _write_news(session, [row for row in news if row["template_id"]], changed_lines={row.line_id for row in found})


def _status_news(allocation: Any, change: StatusChange, templates: Mapping[int, int]) -> dict[str, Any]:
    return {
        "cause": Cause.status_changed,
        "source_id": change.history_id,
        "status_id": change.new_status_id,
        "template_id": templates.get(change.new_status_id or 0),
        **allocation._mapping,
    }


def write_date_news(session: Session, event: PromiseDateChanged) -> None:
    """Write news of changed promise dates of lines on purchase orders, unless the clerk chose not to notify."""
    if not event.notify or event.cause not in CAUSES_OF_NEW_DATES or not name_in_option(Cause.date_changed):
        return
    after = {change.line_id: change for change in event.changes}
    on_purchase_orders = select(PurchaseAllocation.line_id).where(_is_open)
    rows = select(OrderLine.id, OrderLine.order_id, OrderLine.open_quantity).where(OrderLine.id.in_(on_purchase_orders))
    found = _all(session, rows.order_by(OrderLine.id), OrderLine.id, after)
    known = known_dates(session, [row.id for row in found])
    common = {"cause": Cause.date_changed, "template_id": _template_in_option(session, Cause.date_changed)}
    news = [
        {
            "source_id": after[row.id].history_id,
            "line_id": row.id,
            "order_id": row.order_id,
            "old_date": known.get(row.id, after[row.id].old),
            "new_date": after[row.id].new,
            "quantity": row.open_quantity,
        }
        for row in found
    ]
    _write_news(session, [common | row for row in news])


def write_cancellation_news(session: Session, event: BackorderCancelled) -> None:
    """Write news of backorders that were cancelled because they waited too long, of each part once."""
    if event.cause != "sla" or not name_in_option(Cause.cancelled):
        return
    changes = {change.backorder_id: change for change in event.changes}
    columns = (Backorder.id, Backorder.line_id, OrderLine.order_id)
    rows = select(*columns).join(OrderLine, OrderLine.id == Backorder.line_id).order_by(Backorder.id)
    common = {"cause": Cause.cancelled, "template_id": _template_in_option(session, Cause.cancelled)}
    news = [
        {
            "source_id": changes[row.id].history_id,
            "line_id": row.line_id,
            "order_id": row.order_id,
            "quantity": changes[row.id].quantity,
        }
        for row in _all(session, rows, Backorder.id, changes)
    ]
    _write_news(session, [common | row for row in news])


def write_announced_news(session: Session, event: AnnouncementsMade) -> None:
    """Write news of what other modules announce, of the kinds for which there is a template."""
    templates = templates_by_kind(session, {each.kind for each in event.announcements})
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "cause": Cause.announced,
            "kind": each.kind,
            "source_id": each.source_id,
            "line_id": line_id,
            "order_id": each.order_id,
            "template_id": templates[each.kind],
            "quantity": quantity,
            "about": json.dumps(dict(each.values), ensure_ascii=False, sort_keys=True),
            "created_at": now,
            "oldest_at": now,
        }
        for each in event.announcements
        if each.kind in templates
        for line_id, quantity in each.quantities.items()
    ]
    if rows:
        current_run(session).is_awaited = True
        run_id = current_run(session).id(session)
        insert_missing(session, News, [row | {"run_id": run_id} for row in rows])


def _template_in_option(session: Session, cause: Cause) -> int | None:
    template = template_by_name(session, name_in_option(cause))
    return template.id if template else None


def drop_news_of_removed_allocations(session: Session, event: PurchaseAllocationRemoved) -> None:
    """Drop the news of removed allocations that is in no message yet, and reconcile the messages that have some."""
    line_ids = {line_id for line_id, _ in event.pairs}
    removed = cache(partial(_not_allocated_again, session, event.pairs))  # often nobody asks
    rows = select(News.id, News.line_id, News.purchase_line_id).where(News.is_uncomposed)
    if news := _all(session, rows, News.line_id, line_ids):
        _drop_uncomposed(session, news, removed())
    # Read only now: what was composed meanwhile is among them.
    if message_ids := unsent_messages_of_lines(session, line_ids):
        reconcile(session, message_ids, removed_pairs=removed())


def _not_allocated_again(session: Session, pairs: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
    rows = select(PurchaseAllocation.line_id, PurchaseAllocation.purchase_line_id).where(_is_open)
    found = _all(session, rows, PurchaseAllocation.line_id, {line_id for line_id, _ in pairs})
    return set(pairs) - {(line_id, purchase_line_id) for line_id, purchase_line_id in found}


def _drop_uncomposed(session: Session, news: Sequence[Any], pairs: Collection[tuple[int, int]]) -> None:
    ids = [row.id for row in news if (row.line_id, row.purchase_line_id) in pairs]
    # Checked again here: another transaction may have composed it while this one waited for the row.
    drop = update(News).where(is_one_of(session, News.id, ids), News.is_uncomposed).values(dropped=DropReason.removed)
    session.execute(drop.execution_options(synchronize_session=False))
    session.expire_all()


def _all(session: Session, rows: Any, key: Any, ids: Iterable[int]) -> list[Any]:
    """Return the rows whose `key` is among `ids`."""
    return list(session.execute(rows.where(is_one_of(session, key, ids))).all())


def _write_news(session: Session, news: Sequence[dict[str, Any]], *, changed_lines: Collection[int] = ()) -> None:
    """Write news that is not there yet, and reconcile the unsent messages of its lines and of `changed_lines`."""
    line_ids: set[int] = set()
    if news:
        now = clock.now()
        current_run(session).is_awaited = True
        common = {"run_id": current_run(session).id(session), "created_at": now, "oldest_at": now}
        blank = {"purchase_line_id": None, "status_id": None, "old_date": None, "new_date": None}
        rows = [blank | row | common for row in news]
        line_ids = set(insert_missing(session, News, rows, returning=News.line_id))
    message_ids = unsent_messages_of_lines(session, line_ids.union(changed_lines))
    reconcile(session, message_ids, lines_with_newer_news=line_ids)
