"""Promise dates: set once by allocation, afterwards only by an edit, an import or a sync."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from erp.db import is_one_of
from erp.options import options
from modules.inventory_lots.events import GoodsArrived, StockChanged
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.coverage import Coverage
from modules.preorder.errors import NoExpectedDate
from modules.preorder.models import PurchaseAllocation
from modules.preorder.services.purchase_allocations import count_postponed
from modules.procurement.events import ArrivalChanged
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import promise_first, set_promise_dates


def promise_covered_lines(session: Session, *conditions: ColumnElement[bool]) -> None:
    """Promise a date to the open lines that have none yet and can be expected now.

    They are the lines that meet `conditions`, and the other lines of those of their orders that ship complete. The
    caller holds the locks of the products that changed.
    """
    session.flush()
    line_ids = queries.lines_to_promise(session, *conditions)
    if line_ids:
        found = queries.line_coverage(session, is_one_of(session, OrderLine.id, line_ids))
        promise_first(session, queries.new_promises(found))


def promise_in_scope(session: Session, scope: Scope) -> None:
    """Promise dates to lines of a scope that have none, as `promise_covered_lines` does."""
    promise_first(session, queries.promises_in_scope(session, scope))


def promise_products(session: Session, event: StockChanged) -> None:
    """Promise dates to lines of products of which stock may leave that did not."""
    promise_in_scope(session, Scope(event.product_ids))


def promise_what_arrived(session: Session, event: GoodsArrived) -> None:
    """Promise dates to lines of products of which stock came, unless sales has served them and said so."""
    if not options.sales.allocate_on_arrival:
        promise_in_scope(session, Scope(event.product_ids))


def sync_promises(session: Session, line_ids: Collection[int], *, notify: bool = True, why: str = "") -> int:
    """Promise chosen lines their expected date plus the buffer; return how many dates changed.

    Locks the products. Raises NoExpectedDate when a line has none.
    """
    chosen = is_one_of(session, OrderLine.id, line_ids)
    lock_products(session, list(session.scalars(select(OrderLine.product_id).where(chosen).distinct())))
    dates = queries.new_promises(queries.line_coverage(session, chosen))
    for line_id in line_ids:
        if line_id not in dates:
            raise NoExpectedDate(line=str(session.get_one(OrderLine, line_id)))
    return set_promise_dates(session, dates, cause="sync", notify=notify, why=why)


def follow_arrivals(session: Session, event: ArrivalChanged) -> None:
    """Promise dates to lines that can be expected now; sync the others, where `sync_dates` is `auto`.

    A sync leaves pinned dates and those of lines without an expected date. Lines of an order that ships complete follow
    what any of them waits for.
    """
    count_postponed(session, event.arrivals)
    moved = is_one_of(session, PurchaseAllocation.purchase_line_id, [each.line_id for each in event.arrivals])
    waiting = OrderLine.id.in_(select(PurchaseAllocation.line_id).where(PurchaseAllocation.is_open, moved))
    promise_covered_lines(session, waiting)
    if options.preorder.sync_dates != "auto":
        return
    found = queries.lines_to_sync(session, [each.line_id for each in event.arrivals])
    set_promise_dates(session, queries.new_promises(found), cause="sync", why="arrival date changed")


def expectations(session: Session, line_ids: Collection[int]) -> dict[int, Coverage]:
    """Return the coverage of lines before something moves, for `sync_moved`; nothing unless `sync_dates` is `auto`.

    Lines of an order that ships complete follow what any of them waits for.
    """
    if options.preorder.sync_dates != "auto":
        return {}
    moving = is_one_of(session, OrderLine.id, line_ids)
    return queries.line_coverage(session, OrderLine.id.in_(select(queries.with_siblings(moving).c.id)))


def sync_moved(session: Session, before: Mapping[int, Coverage], *, why: str) -> None:
    """Sync the lines whose expected date has changed since; pinned, undated and unpromised ones keep theirs."""
    if not before:
        return
    after = queries.line_coverage(session, is_one_of(session, OrderLine.id, before))
    set_promise_dates(session, queries.synced_dates(before, after), cause="sync", why=why)
