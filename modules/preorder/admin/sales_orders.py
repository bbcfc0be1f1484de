"""What preorder shows on sales orders: how far they are linked, when they are expected, and what is on its way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup
from sqlalchemy.orm import Session

from erp.admin import Badge, ExtraColumn, ExtraField, Panel, document_url
from erp.admin.formatting import badge, day
from erp.db import format_quantity
from modules.preorder import queries
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.domain import CoverageState, is_late
from modules.preorder.forms import ship_dates_field
from modules.sales.models import Backorder, Order, OrderLine
from modules.sales.states import BackorderState, OrderState

TONES = {CoverageState.covered: "success", CoverageState.part_covered: "warning", CoverageState.not_covered: "neutral"}


def shown_coverage(value: CoverageState) -> Badge:
    """Return how far something is linked as a coloured word."""
    return Badge(value, TONES[value])


def _coverage_of_orders(session: Session, orders: Sequence[Order]) -> Mapping[int, Any]:
    found = queries.coverage_of_orders(session, [order.id for order in orders])
    return {order_id: shown_coverage(value) for order_id, value in found.items()}


def _purchase_allocated(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    purchase_allocated = queries.purchase_allocated(session, [line.id for line in lines])
    return {
        line.id: Markup("<div>{}</div>{}").format(
            format_quantity(purchase_allocated.get(line.id, Decimal(0))),
            badge(shown_coverage(found)) if (found := queries.coverage_of_line(line, purchase_allocated)) else "",
        )
        for line in lines
    }


def shown_expectation(found: queries.Expectation) -> Markup:
    """Return an expected date, and whether it breaks the promise."""
    late = badge(Badge("late", "danger")) if is_late(found.expected, found.promised) else Markup()
    text = day(found.expected) or Markup('<span class="text-muted">no date</span>')
    return Markup('<div class="text-nowrap">{}</div>{}').format(text, late)


def _expected(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    found = queries.expectations(session, OrderLine.id.in_([line.id for line in lines]))
    return {line_id: shown_expectation(row) for line_id, row in found.items()}


LINE_COLUMNS = (
    ExtraColumn("purchase_allocated", "Linked", _purchase_allocated),
    ExtraColumn("expected", "Expected", _expected),
)


def _covered_backorders(session: Session, backorders: Sequence[Backorder]) -> Mapping[int, Any]:
    waiting = {row.id: row.line_id for row in backorders if row.state == BackorderState.open}
    purchase_allocated = queries.purchase_allocated(session, list(waiting.values()))
    return {id_: purchase_allocated.get(line_id, Decimal(0)) for id_, line_id in waiting.items()}


BACKORDER_COLUMNS = (ExtraColumn("purchase_allocated", "Linked", _covered_backorders),)
COLUMNS = (ExtraColumn("linkage", "Supply", _coverage_of_orders),)


def _order_expected(session: Session, order: Order | None) -> Any:
    """Return when all that is open of an order can be there."""
    if order is None or order.state != OrderState.confirmed:
        return None
    dates = [row.expected for row in queries.expectations(session, OrderLine.order_id == order.id).values()]
    return max((date for date in dates if date), default=None) if all(dates) else None


def _nothing_to_keep(session: Session, order: Order, value: Any) -> None:
    """The field only brings a script along."""


# Brings expected ship dates below the lines of the form; on the order's page it says when all of it is expected.
FIELDS = (ExtraField("expected_ship_date", ship_dates_field, _order_expected, _nothing_to_keep),)


def line_bar(line: OrderLine, purchase_allocations: Sequence[Any]) -> list[Drawn]:
    """Return the bar of a sales order line: packed, in stock, each link with its date, and what nothing covers."""
    unit = line.product.unit
    incoming = [
        Part(
            row.outstanding,
            "purchase_allocated",
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
    purchase_allocations = queries.purchase_allocations_to(session, queries.of_lines(OrderLine.order_id == order.id))
    by_line: dict[int, list[Any]] = {}
    for row in purchase_allocations:
        by_line.setdefault(row.line_id, []).append(row)
    bars = [(line, line_bar(line, by_line.get(line.id, []))) for line in order.lines if line.open_quantity]
    return {"purchase_allocations": purchase_allocations, "coverage": bars}


PANELS = (Panel("Purchase allocations", "preorder/purchase_allocations.html", _purchase_allocations, "preorder.view"),)
