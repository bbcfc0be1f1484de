"""When goods are expected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from sqlalchemy.orm import Session

from erp.events import publish
from modules.procurement.events import Arrival, ArrivalChanged
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.services.doors import lock_lines


def set_expected_dates(session: Session, dates: Mapping[int, date | None]) -> int:
    """Say when lines are expected, by line id; None clears a date. A door. Return how many dates changed."""
    return write_dates(session, lock_lines(session, dates), dates)


def write_dates(session: Session, lines: Iterable[PurchaseOrderLine], dates: Mapping[int, date | None]) -> int:
    """Write the dates of locked lines and announce those that differ, all at once."""
    arrivals = []
    for line in lines:
        if line.id in dates and line.expected_on != dates[line.id]:
            arrivals.append(Arrival(line.id, line.expected_on, dates[line.id]))
            line.expected_on = dates[line.id]
    session.flush()
    if arrivals:
        publish(session, ArrivalChanged(tuple(arrivals)))
    return len(arrivals)
