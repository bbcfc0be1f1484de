"""Promise dates of order lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from erp import history
from erp.db import bulk_update, is_one_of, to_raw
from erp.events import publish
from modules.sales.events import PromiseChange, PromiseDateChanged
from modules.sales.hooks import stock_promises
from modules.sales.models import OrderLine
from modules.sales.planning import Plan
from modules.sales.states import ShippingPolicy


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


def first_promises(
    session: Session, changed: Iterable[OrderLine], granted: Mapping[int, int], plans: Iterable[Plan]
) -> dict[int, date] | None:
    """Return the first promise dates that follow from plans, by line; None where more than stock decides about them.

    Stock decides where each line that is `granted` raw quantities is among those that `changed`, gets all that is open
    of it and leaves alone.
    """
    lines = {line.id: line for line in changed}
    if any(plan.given_back or plan.taken or plan.exchanged for plan in plans):
        return None
    if not all(line_id in lines and _is_covered(lines[line_id], quantity) for line_id, quantity in granted.items()):
        return None
    unpromised = [lines[line_id] for line_id in granted if lines[line_id].promise_date is None]
    answers = stock_promises(session, unpromised) if unpromised else []
    return {line_id: day for answer in answers for line_id, day in answer.items()}


def _is_covered(line: OrderLine, quantity: int) -> bool:
    """Return whether a raw quantity of stock is all that is open of a line, which waits for nothing else."""
    leaves_alone = line.order.shipping_policy is ShippingPolicy.partial and not line.is_preorder
    return leaves_alone and not line.allocated and to_raw(line.open_quantity) == quantity


def promise_first(session: Session, dates: Mapping[int, date]) -> None:
    """Give lines without a promise date, by id, their first one.

    This is no change of a promise, so it is not announced.
    """
    rows = sorted(dates.items())
    bulk_update(session, OrderLine.__table__, {"promise_date": "{day}"}, {"day": "date"}, rows)  # type: ignore[arg-type]
    session.expire_all()
