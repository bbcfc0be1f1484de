"""Filters of the lists of procurement by what is computed: what is overdue, due, and expected next."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Select, case, func, select

from erp import clock
from erp.admin import DerivedFilter, QuickFilter, WorkQueue, compared, yes_or_no
from erp.admin.filters import of_day
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import OPEN_STATES

_LINE = PurchaseOrderLine


def _is_open() -> ColumnElement[bool]:
    return PurchaseOrder.state.in_(OPEN_STATES)


def _has_overdue_line() -> ColumnElement[bool]:
    return _overdue().where(_LINE.order_id == PurchaseOrder.id, _is_open()).correlate(PurchaseOrder).exists()


def _overdue() -> Select[int]:
    """Select the orders of the lines that are overdue, which an index of expected dates finds."""
    return select(_LINE.order_id).where(_LINE.has_outstanding, _LINE.expected_on < clock.today())


def _next_expected() -> ColumnElement[object]:
    earliest = select(func.min(case((_LINE.has_outstanding, _LINE.expected_on))))
    return earliest.where(_LINE.order_id == PurchaseOrder.id).correlate(PurchaseOrder).scalar_subquery()


def _lines() -> ColumnElement[int]:
    rows = select(func.count(_LINE.id)).where(_LINE.order_id == PurchaseOrder.id)
    return rows.correlate(PurchaseOrder).scalar_subquery()


ORDER_FILTERS = (
    yes_or_no("Overdue", _has_overdue_line, among=_is_open, candidates=_overdue),
    *of_day("Next expected", _next_expected),
    *compared("Lines", _lines),
)
ORDER_QUICK_FILTERS = (
    QuickFilter("Draft", "state_is", "draft"),
    QuickFilter("Ordered", "state_is", "ordered"),
    QuickFilter("Partly received", "state_is", "partly_received"),
    QuickFilter("Overdue", "overdue_is", "yes"),
    QuickFilter("Received", "state_is", "received"),
    QuickFilter("Cancelled", "state_is", "cancelled"),
)
LINE_FILTERS = (
    *compared("Outstanding", lambda: _LINE.outstanding),
    DerivedFilter(
        "Due",
        {
            "overdue": lambda: _LINE.expected_on < clock.today(),
            "today": lambda: _LINE.expected_on == clock.today(),
            "later": lambda: _LINE.expected_on > clock.today(),
            "without_date": lambda: _LINE.expected_on.is_(None),
        },
    ),
)
QUEUES = (
    WorkQueue("Receipts due", "procurement.incoming", "procurement.receive", "due_is", "today"),
    WorkQueue("Overdue purchase lines", "procurement.incoming", "procurement.edit", "due_is", "overdue"),
)
LINE_QUICK_FILTERS = (
    QuickFilter("Overdue", "due_is", "overdue"),
    QuickFilter("Due today", "due_is", "today"),
    QuickFilter("Later", "due_is", "later"),
    QuickFilter("Without a date", "due_is", "without_date"),
)
