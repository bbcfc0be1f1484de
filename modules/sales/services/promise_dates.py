"""Promise dates of order lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp import history
from erp.db import bulk_update, is_one_of
from erp.events import publish
from modules.sales.events import PromiseChange, PromiseDateChanged
from modules.sales.hooks import promise_days
from modules.sales.models import OrderLine
from modules.sales.planning import Plan


def set_promise_dates(
    session: Session,
    dates: Mapping[int, date | None],
    *,
    cause: str,
    pin: bool = False,
    why: str = "",
    notify: bool = True,
) -> int:
    """Set the promise dates of lines by id, write each change into the history and announce them all at once.

    `cause` is `allocation`, `edit`, `sync` or `import`; `pin` keeps the dates from automatic syncs. Returns how many
    dates changed.
    """
    lines = session.scalars(
        select(OrderLine)
        .where(is_one_of(session, OrderLine.id, dates))
        .options(joinedload(OrderLine.order))
        .order_by(OrderLine.id)
    ).all()
    changed = [line for line in lines if line.promise_date != dates[line.id]]
    entry_ids = history.record_with_ids(
        session,
        [
            history.Change(line.history_subject(), "changed", "promise_date", line.promise_date, dates[line.id], why)
            for line in changed
        ],
    )
    facts = tuple(
        PromiseChange(line.id, line.promise_date, dates[line.id], entry_id)
        for line, entry_id in zip(changed, entry_ids, strict=True)
    )
    sets = {"promise_date": "{day}"} | ({"is_promise_pinned": "true"} if pin else {})
    rows = [(line.id, dates[line.id]) for line in (lines if pin else changed)]
    bulk_update(session, OrderLine.__table__, sets, {"day": "date"}, rows)  # type: ignore[arg-type]
    session.expire_all()
    if facts:
        publish(session, PromiseDateChanged(facts, cause, notify))
    return len(facts)


def first_promises(session: Session, plans: Sequence[Plan]) -> tuple[dict[int, date], bool]:
    """Return the first promise dates that follow from plans, by line, and whether these are all that follow."""
    arrivals = {arrival for planned in plans for arrival in planned.complete.values()}
    days = {arrival: day for answer in promise_days(session, arrivals) for arrival, day in answer.items()}
    dates = {
        line_id: days[arrival] for planned in plans for line_id, arrival in planned.complete.items() if arrival in days
    }
    return dates, all(planned.promises_all for planned in plans) and arrivals <= days.keys()


def promise_first(session: Session, dates: Mapping[int, date]) -> None:
    """Give lines without a promise date, by id, their first one.

    This is no change of a promise, so it is not announced.
    """
    if not dates:
        return
    rows = sorted(dates.items())
    bulk_update(session, OrderLine.__table__, {"promise_date": "{day}"}, {"day": "date"}, rows)  # type: ignore[arg-type]
    session.expire_all()
