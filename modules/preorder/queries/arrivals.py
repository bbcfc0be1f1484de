"""When incoming supply counts as arriving, and in which order it serves demand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, literal, null, or_, true

from erp import clock
from erp.options import options
from modules.preorder.coverage import Arrivals
from modules.procurement.models import PurchaseOrderLine
from modules.procurement.queries import is_supply, supply_order


def arrivals_now() -> Arrivals:
    """Return the rules of arrival dates, seen from today."""
    return Arrivals(clock.today(), options.preorder.overdue_supply_days, options.preorder.past_due_supply_days)


def is_overdue_too_long(expected_on: date | None) -> bool:
    """Return whether supply is overdue by more days than `[preorder] past_due_supply_days` allows."""
    return arrivals_now().is_too_overdue(expected_on)


def when_expected(expected_on: date | None) -> str:
    """Return when supply is expected, in words."""
    return arrivals_now().describe(expected_on)


def arrival_column() -> ColumnElement[date | None]:
    """Return in SQL the arrival date of a purchase order line."""
    rules, expected_on = arrivals_now(), PurchaseOrderLine.expected_on
    late = literal(rules.today + timedelta(rules.overdue_days), Date())
    overdue = (expected_on < rules.today, late)
    if rules.past_due_days is None:
        return case(overdue, else_=expected_on)
    return case((expected_on < _oldest(rules), null()), overdue, else_=expected_on)


def _oldest(rules: Arrivals) -> date:
    return rules.today - timedelta(rules.past_due_days or 0)


def is_promised_supply() -> ColumnElement[bool]:
    """Return the condition that a purchase order line, joined to its order, is open and not overdue for too long."""
    return and_(is_supply(), is_in_time())


def is_in_time() -> ColumnElement[bool]:
    """Return the condition that a purchase order line is not overdue for too long."""
    rules, expected_on = arrivals_now(), PurchaseOrderLine.expected_on
    if rules.past_due_days is None:
        return true()
    return or_(expected_on.is_(None), expected_on >= _oldest(rules))


def arrival_order() -> tuple[Any, ...]:
    """Return the order in which purchase order lines of a product serve demand: by arrival date, none last."""
    arrival = arrival_column()
    return (arrival.is_(None), arrival, *supply_order())


def latest_arrival_first() -> tuple[Any, ...]:
    """Return the exact reverse of the order in which purchase order lines serve demand."""
    return tuple(column.desc() for column in arrival_order())
