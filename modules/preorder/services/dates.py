"""Promise dates: set once by allocation, afterwards only by a person, an import or a sync."""

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
from modules.preorder.models import PurchaseAllocation
from modules.preorder.queries.purchase_allocations import is_open_purchase_allocation
from modules.sales.models import OrderLine
from modules.sales.queries import Scope
from modules.sales.services import promise_first, set_promise_dates


def promise_covered_lines(session: Session, scope: Scope) -> None:
    """Promise a date to lines that have none yet and whose whole open quantity is covered and dated."""
    still_bare = and_(
        queries.in_scope(session, scope),
        OrderLine.promise_date.is_(None),
        OrderLine.quantity > OrderLine.packed + OrderLine.cancelled,
    )
    session.execute(
        update(OrderLine)
        .where(
            still_bare,
            OrderLine.allocated > Decimal(0),
            OrderLine.allocated == OrderLine.quantity - OrderLine.packed - OrderLine.cancelled,
        )
        .values(promise_date=clock.today())
        .execution_options(synchronize_session=False)
    )
    line_ids = [line_id for (line_id,) in read_rows(session, select(OrderLine.id).where(still_bare))]
    if line_ids:
        promise_first(session, queries.first_promises(session, line_ids))


def sync_promises(session: Session, line_ids: Collection[int], *, notify: bool = True, why: str = "") -> int:
    """Give chosen lines the date that their supply now says, plus the buffer; return how many dates changed; a door.

    Raises NoExpectedDate when one has none.
    """
    chosen = is_one_of(session, OrderLine.id, line_ids)
    lock_products(session, list(session.scalars(select(OrderLine.product_id).where(chosen).distinct())))
    dates = queries.new_promises(queries.expectations(session, chosen))
    for line_id in line_ids:
        if line_id not in dates:
            raise NoExpectedDate(line=str(session.get_one(OrderLine, line_id)))
    return set_promise_dates(session, dates, cause="sync", notify=notify, why=why)


def sync_arrivals(session: Session, purchase_line_ids: Collection[int]) -> None:
    """After arrivals changed, give the lines linked to them their new dates, if the option says so.

    A pinned date is left, and so is one whose line has no expected date any more.
    """
    if options.preorder.sync_dates != "auto":
        return
    purchase_allocated = select(PurchaseAllocation.line_id).where(
        is_open_purchase_allocation(), is_one_of(session, PurchaseAllocation.purchase_line_id, purchase_line_ids)
    )
    found = queries.expectations(session, OrderLine.id.in_(purchase_allocated), OrderLine.is_promise_pinned.is_(False))
    set_promise_dates(session, queries.new_promises(found), cause="sync", why="arrival date changed")
