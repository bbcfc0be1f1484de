"""What happens to returns by themselves: reminders, and the module's own end."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.history import Change, record_all
from erp.options import options
from erp.text import say
from modules.inventory_lots.services import lock_products
from modules.returns import queries
from modules.returns.errors import ReturnsOpen
from modules.returns.models import Return
from modules.returns.states import RETURN, ReturnState


def remind(session: Session) -> int:
    """Mark the open returns that have waited longer than the option says; return how many are newly marked."""
    before = clock.now() - timedelta(days=options.returns.remind_after_days)
    rows = queries.waiting_returns(before).where(Return.reminded_at.is_(None))
    waiting = list(session.scalars(rows.with_for_update(skip_locked=True)))
    for document in waiting:
        document.reminded_at = clock.now()
    what = {ReturnState.draft: say("its goods"), ReturnState.received: "inspection"}
    record_all(
        session,
        [Change(each.history_subject(), "waits too long", "state", new=f"for {what[each.state]}") for each in waiting],
    )
    session.flush()
    return len(waiting)


def release_or_refuse(session: Session, *, release: bool) -> None:
    """Raise ReturnsOpen while returns are open; with `release` cancel the drafts, and leave received goods as they are.

    These lie in quarantine, and can be inspected when the module is on again.
    """
    counts = queries.counts_by_state(session)
    if counts and not release:
        raise ReturnsOpen(drafts=counts.get(ReturnState.draft, 0), received=counts.get(ReturnState.received, 0))
    lock_products(session, queries.products_of_open(session))
    drafts = select(Return).where(Return.state == ReturnState.draft).order_by(Return.id).with_for_update()
    for document in session.scalars(drafts, execution_options={"populate_existing": True}):
        document.state = RETURN.next(document.state, "cancel")
    session.flush()
