"""Filters by what purchase orders cover, and by what is late, for lists of sales and of preorder."""

from __future__ import annotations

from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, case, select

from erp.admin import DerivedFilter, QuickFilter, compared, yes_or_no
from erp.admin.filters import of_day
from modules.inventory_lots.models import Product
from modules.preorder import queries
from modules.preorder.domain import CoverageState
from modules.preorder.models import ProductPreorder
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.states import BackorderKind


def _is_confirmed() -> ColumnElement[bool]:
    return Order.state == "confirmed"


ORDER_FILTERS = (
    DerivedFilter(
        "Coverage",
        {state.value: partial(queries.has_coverage, state) for state in CoverageState},
        among=_is_confirmed,
    ),
    yes_or_no("Late", queries.has_late_line, among=_is_confirmed, candidates=queries.may_have_late_line),
)
ORDER_QUICK_FILTERS = (
    QuickFilter("Not covered", "coverage_is", "not_covered"),
    QuickFilter("Late", "late_is", "yes"),
)
BACKORDER_FILTERS = tuple(
    compared(
        "On purchase orders",
        lambda: case((Backorder.is_open, queries.purchase_allocated_to(Backorder.line_id)), else_=None),
    )
)
LINE_FILTERS = tuple(compared("On purchase orders", lambda: OrderLine.incoming))
OPEN_FILTERS = tuple(compared("Open", lambda: OrderLine.open_quantity))
NOT_COVERED_FILTERS = tuple(compared("Not covered", lambda: OrderLine.uncovered))


def _is_of_kind(kind: BackorderKind) -> ColumnElement[bool]:
    rows = select(Backorder.id).where(Backorder.line_id == OrderLine.id, Backorder.is_open, Backorder.kind == kind)
    return rows.correlate(OrderLine).exists()


def _preorders() -> Select[int]:
    """Select the ids of the lines that may have a preorder row: there are few, and an index has them."""
    return select(OrderLine.id).where(OrderLine.is_preorder.is_(True), OrderLine.is_open)


KIND_FILTERS = (
    DerivedFilter(
        "Kind",
        {kind.value: partial(_is_of_kind, kind) for kind in BackorderKind},
        candidates={BackorderKind.preorder.value: _preorders},
    ),
)


def _of_terms(column: Any) -> ColumnElement[Any]:
    return select(column).where(ProductPreorder.product_id == Product.id).correlate(Product).scalar_subquery()


DEMAND_FILTERS = (
    *of_day("Launch", lambda: _of_terms(ProductPreorder.launch_date)),
    *compared("Limit", lambda: _of_terms(ProductPreorder.preorder_limit)),
)
