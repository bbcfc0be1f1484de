"""Late lines: expected after they were promised, promised and not expected, or requested and never promised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from flask_admin.model.base import ViewArgs
from sqlalchemy import and_, not_
from sqlalchemy.orm import Session
from typing_extensions import override

from erp import clock
from erp.admin import ExtraColumn, of_each
from erp.admin.access import screen_session
from erp.text import joined, named
from modules.preorder import queries
from modules.preorder.admin.filters import OPEN_FILTERS
from modules.preorder.admin.many_lines import LINE_LIST_ACTIONS
from modules.preorder.admin.order_lines import OrderLineScreen
from modules.preorder.coverage import Coverage
from modules.sales.models import OrderLine


def _coverage(session: Session, lines: Sequence[OrderLine]) -> dict[int, Coverage]:
    return queries.line_coverage(session, OrderLine.id.in_([line.id for line in lines]))


def _expected(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {line_id: found.expected for line_id, found in _coverage(session, lines).items()}


def _days_late(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {
        line_id: (found.expected - found.promised).days
        for line_id, found in _coverage(session, lines).items()
        if found.expected and found.promised
    }


def _decided_by(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {
        line_id: joined((part.supply.name, named(part.reason)))
        for line_id, found in _coverage(session, lines).items()
        if (part := found.deciding) and part.supply
    }


class LateLineScreen(OrderLineScreen):
    """Late lines; those that are late only because supply is overdue stand above, under their purchase order line."""

    view_name = "preorder.late"
    title = "Late lines"
    noun = "late line"
    url = "/preorder/late"
    icon = "fa-exclamation-triangle"
    column_list = ("order.number", "order.customer", "product", "requested_on", "promise_date")
    column_sortable_list = ("promise_date",)
    column_default_sort = ("promise_date", False)
    column_filters = (
        *("promise_date", "requested_on", "order.number", "order.customer.name", "product.sku", "product.name"),
        *OPEN_FILTERS,
    )
    list_actions = LINE_LIST_ACTIONS
    is_computed = True
    computed_columns = (
        ExtraColumn("open", "Open", of_each(lambda line: line.open_quantity)),
        ExtraColumn("expected", "Expected", _expected),
        ExtraColumn("days_late", "Days late", _days_late),
        ExtraColumn("decided_by", "Decided by", _decided_by),
    )
    list_template = "preorder/late_lines.html"

    @property
    def empty_message(self) -> str:  # type: ignore[override]
        """Return what holds of all promises when no line is listed."""
        session = screen_session()
        if self.overdue_supply[0]:
            return "No other line is late."
        if queries.has_open_serial_lines(session, OrderLine.promise_date.is_not(None)):
            return "No line is late. Serial numbers have no expected date: look after their promises yourself."
        return "Every promise will be kept."

    @property
    def overdue_supply(self) -> tuple[list[queries.OverdueSupply], bool]:
        """Return the overdue purchase order lines that make lines late, read once for a page."""
        if "preorder_overdue_supply" not in g:
            g.preorder_overdue_supply = queries.overdue_supply(screen_session(), clock.today())
        return g.preorder_overdue_supply  # type: ignore[no-any-return]

    @override
    def condition(self) -> Any:
        today = clock.today()
        return and_(queries.is_late_line(today), not_(queries.is_late_by_overdue_supply(today)))

    @override
    def candidates(self, _args: ViewArgs) -> Any:
        return queries.may_be_late(clock.today())
