"""What preorder shows on sales orders: what they have on purchase orders, and when they are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import render_template
from markupsafe import Markup
from sqlalchemy.orm import Session
from wtforms import HiddenField

from erp import security
from erp.admin import Badge, ExtraColumn, ExtraField, Panel, document_url
from erp.admin.formatting import badge, day
from erp.db import format_quantity
from modules.preorder import queries
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.domain import CoverageState, is_late
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.states import BackorderState, OrderState

TONES = {CoverageState.covered: "success", CoverageState.part_covered: "warning", CoverageState.not_covered: "neutral"}


def shown_coverage(value: CoverageState) -> Badge:
    """Return a coverage state as a coloured word."""
    return Badge(value, TONES[value])


def _coverage_of_orders(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    found = queries.coverage_of_orders(session, [order.id for order in orders])
    return {order_id: shown_coverage(value) for order_id, value in found.items()}


def _on_purchase_orders(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    allocated = queries.purchase_allocated(session, [line.id for line in lines])
    return {line.id: _shown_quantity(line, allocated.get(line.id, Decimal(0))) for line in lines}


def _shown_quantity(line: OrderLine, on_purchase_orders: Decimal) -> Markup:
    state = queries.coverage_of_line(line, on_purchase_orders)
    shown = badge(shown_coverage(state)) if state else ""
    return Markup("<div>{}</div>{}").format(format_quantity(on_purchase_orders), shown)


def shown_expectation(found: queries.Expectation) -> Markup:
    """Return an expected date, and whether it is later than the promise date."""
    late = badge(Badge("late", "danger")) if is_late(found.expected, found.promised) else Markup()
    text = day(found.expected) or Markup('<span class="text-muted">no date</span>')
    return Markup('<div class="text-nowrap">{}</div>{}').format(text, late)


def _expected(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    found = queries.expectations(session, OrderLine.id.in_([line.id for line in lines]))
    return {line_id: shown_expectation(row) for line_id, row in found.items()}


LINE_COLUMNS = (
    ExtraColumn("purchase_allocated", "On purchase orders", _on_purchase_orders),
    ExtraColumn("expected", "Expected", _expected),
)


def _backorders_on_purchase_orders(session: Session, backorders: Sequence[Backorder]) -> Mapping[int, Any]:
    waiting = {row.id: row.line_id for row in backorders if row.state == BackorderState.open}
    allocated = queries.purchase_allocated(session, list(waiting.values()))
    return {id_: allocated.get(line_id, Decimal(0)) for id_, line_id in waiting.items()}


BACKORDER_COLUMNS = (ExtraColumn("purchase_allocated", "On purchase orders", _backorders_on_purchase_orders),)
COLUMNS = (ExtraColumn("coverage", "Coverage", _coverage_of_orders),)


class ShipDatesWidget:
    """Shows nothing: its script writes below each line when its quantity can be there."""

    def __call__(self, field: Any, **kwargs: Any) -> Markup:
        """Return the script."""
        return Markup(render_template("preorder/ship_dates.html", nonce=security.nonce()))


def ship_dates_field() -> Any:
    """Return the field that brings expected ship dates into the form of a sales order."""
    return HiddenField("Expected", widget=ShipDatesWidget())


def _order_expected(session: Session, order: Order | None) -> Any:
    """Return when all that is open of an order can be there; None where a line has no expected date."""
    if order is None or order.state != OrderState.confirmed:
        return None
    dates = [row.expected for row in queries.expectations(session, OrderLine.order_id == order.id).values()]
    return max((date for date in dates if date), default=None) if all(dates) else None


def _write_nothing(session: Session, order: Order, value: Any) -> None:
    """Store nothing: the field only brings a script."""


# In the form the field shows expected ship dates below the lines; on the order's page, when all of it is expected.
FIELDS = (ExtraField("expected_ship_date", ship_dates_field, _order_expected, _write_nothing, is_written=False),)


def line_bar(line: OrderLine, purchase_allocations: Sequence[Any]) -> list[Drawn]:
    """Return the bar of a sales order line: packed, in stock, on each purchase order, and not covered."""
    unit = line.product.unit
    incoming = [
        Part(
            row.outstanding,
            "incoming",
            row.purchase_order,
            f"{format_quantity(row.outstanding)} {unit} of {row.purchase_order}/{row.purchase_position}, "
            + (f"expected {day(row.expected_on)}" if row.expected_on else "without a date"),
            document_url("procurement.purchase_order", row.purchase_order_id) or "",
        )
        for row in purchase_allocations
    ]
    open_need = line.need - sum((row.outstanding for row in purchase_allocations), Decimal(0))
    return draw(
        [
            Part(line.packed, "done", "packed", f"{format_quantity(line.packed)} {unit} packed"),
            Part(line.allocated, "stock", "in stock", f"{format_quantity(line.allocated)} {unit} allocated in stock"),
            *incoming,
            Part(open_need, "open", "not covered", f"{format_quantity(open_need)} {unit} not covered"),
            Part(line.cancelled, "gone", "cancelled", f"{format_quantity(line.cancelled)} {unit} cancelled"),
        ]
    )


def _purchase_allocations(session: Session, order: Order) -> Mapping[str, Any] | None:
    if order.state != OrderState.confirmed:
        return None
    allocations = queries.purchase_allocations_to(session, queries.of_lines(OrderLine.order_id == order.id))
    by_line: dict[int, list[Any]] = {}
    for row in allocations:
        by_line.setdefault(row.line_id, []).append(row)
    bars = [(line, line_bar(line, by_line.get(line.id, []))) for line in order.lines if line.open_quantity]
    return {"purchase_allocations": allocations, "coverage": bars}


PANELS = (Panel("Purchase allocations", "preorder/sales_order.html", _purchase_allocations, "preorder.view"),)
