"""Promise dates: set once by allocation, afterwards only by an edit, an import or a sync."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session

from erp import clock
from erp.db import is_one_of, read_rows
from erp.options import options
from modules.inventory_lots.services import lock_products
from modules.preorder import queries
from modules.preorder.errors import NoExpectedDate
from modules.procurement.events import ArrivalChanged
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import promise_first, set_promise_dates


def promise_covered_lines(session: Session, scope: Scope) -> None:
    """Promise a date to lines that have none yet and whose whole open quantity is covered and dated."""
    unpromised = and_(queries.in_scope(session, scope), OrderLine.promise_date.is_(None), queries.has_open_quantity())
    session.execute(
        update(OrderLine)
        .where(
            unpromised,
            OrderLine.allocated > Decimal(0),
            OrderLine.allocated == OrderLine.open_quantity,
        )
        .values(promise_date=clock.today())
        .execution_options(synchronize_session=False)
    )
    line_ids = [line_id for (line_id,) in read_rows(session, select(OrderLine.id).where(unpromised))]
    if line_ids:
        promise_first(session, queries.first_promises(session, line_ids))


def sync_promises(session: Session, line_ids: Collection[int], *, notify: bool = True, why: str = "") -> int:
    """Promise chosen lines their expected date plus the buffer; return how many dates changed.

    Locks the products. Raises NoExpectedDate when a line has none.
    """
    chosen = is_one_of(session, OrderLine.id, line_ids)
    lock_products(session, list(session.scalars(select(OrderLine.product_id).where(chosen).distinct())))
    dates = queries.new_promises(queries.expectations(session, chosen))
    for line_id in line_ids:
        if line_id not in dates:
            raise NoExpectedDate(line=str(session.get_one(OrderLine, line_id)))
    return set_promise_dates(session, dates, cause="sync", notify=notify, why=why)


def sync_arrivals(session: Session, event: ArrivalChanged) -> None:
    """Sync the lines that have purchase allocations of the changed arrivals, where `sync_dates` is `auto`.

    Pinned dates are left, and so are those of lines without an expected date.
    """
    if options.preorder.sync_dates != "auto":
        return
    found = queries.lines_to_sync(session, [each.line_id for each in event.arrivals])
    set_promise_dates(session, queries.new_promises(found), cause="sync", why="arrival date changed")
