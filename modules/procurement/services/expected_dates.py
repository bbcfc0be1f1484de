"""Expected dates of purchase order lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import bulk_update
from erp.events import publish
from erp.history import Change, record_all
from modules.procurement.events import Arrival, ArrivalChanged
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services.locking import LINE, count_up_versions, lock_lines


def set_expected_dates(session: Session, dates: Mapping[int, date | None]) -> int:
    """Lock the lines and set their expected dates, by line id; None clears a date. Return how many dates changed."""
    lines = lock_lines(session, dates)
    count_up_versions(session, [line for line in lines if line.expected_on != dates[line.id]])
    return write_dates(session, lines, dates)


def write_dates(session: Session, lines: Iterable[PurchaseOrderLine], dates: Mapping[int, date | None]) -> int:
    """Write the dates of locked lines and their history, and publish the changes in one event. Return their number."""
    changed = [line for line in lines if line.id in dates and line.expected_on != dates[line.id]]
    if not changed:
        return 0
    arrivals = tuple(Arrival(line.id, line.expected_on, dates[line.id]) for line in changed)
    record_all(
        session,
        [
            Change(line.history_subject(), "changed", "expected_on", line.expected_on, dates[line.id])
            for line in changed
        ],
    )
    rows = [(line.id, day.isoformat() if (day := dates[line.id]) else None) for line in changed]
    bulk_update(session, LINE, {"expected_on": "{new_date}"}, {"new_date": "date"}, rows)
    for line in changed:
        set_committed_value(line, "expected_on", dates[line.id])
    publish(session, ArrivalChanged(arrivals))
    return len(changed)
