"""What preorder shows on sales orders: what they have on purchase orders, and when they are expected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask import render_template
from markupsafe import Markup, escape
from sqlalchemy.orm import Session
from wtforms import HiddenField

from erp import clock, security
from erp.admin import Badge, ExtraColumn, ExtraField, Panel, document_url
from erp.admin.formatting import badge, day
from erp.admin.numerals import quantity as shown_quantity
from erp.db import format_quantity, is_one_of
from erp.text import named, say
from modules.preorder import queries
from modules.preorder.admin.bars import Drawn, Part, draw
from modules.preorder.admin.order_coverage import coverage_of_order
from modules.preorder.coverage import Coverage, PartKind
from modules.preorder.coverage import Part as CoveragePart
from modules.preorder.domain import CoverageState
from modules.preorder.models import PurchaseAllocation
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
    return Markup(f"<div>{shown_quantity(on_purchase_orders)}</div>{shown}")


def shown_expectation(found: Coverage) -> Markup:
    """Return an expected date, whether the line is late, and the parts of the line where they say more."""
    late = badge(Badge("late", "danger")) if found.is_late else Markup()
    none = escape(say("no date"))
    text = escape(day(found.expected)) or f'<span class="text-muted">{none}</span>'
    parts = f'<div class="small text-muted">{escape(found.describe())}</div>' if _says_more(found) else ""
    # A page has hundreds of these: `Markup.format` would parse its text for each.
    return Markup(f'<div class="text-nowrap">{text}</div>{late}{parts}')


def _says_more(found: Coverage) -> bool:
    return len(found.parts) > 1 or any(part.supply or part.day != found.expected for part in found.parts)


def _expected(session: Session, lines: Sequence[OrderLine]) -> Mapping[int, Any]:
    return {
        line_id: shown_expectation(row)
        for order_id in {line.order_id for line in lines}
        for line_id, row in coverage_of_order(session, order_id).items()
    }


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
    dates = [row.expected for row in coverage_of_order(session, order.id).values()]
    return max((date for date in dates if date), default=None) if all(dates) else None


def _write_nothing(session: Session, order: Order, value: Any) -> None:
    """Store nothing: the field only brings a script."""


# In the form the field shows expected ship dates below the lines; on the order's page, when all of it is expected.
FIELDS = (ExtraField("expected_ship_date", ship_dates_field, _order_expected, _write_nothing, is_written=False),)


TONES_OF_PARTS = {PartKind.incoming: "incoming", PartKind.uncovered: "open"}


def line_bar(line: OrderLine, coverage: Coverage | None) -> list[Drawn]:
    """Return the bar of a sales order line: packed, its parts, and cancelled; of a serial line what is open."""
    unit = line.product.unit
    parts = [_drawn_part(part, unit, clock.today()) for part in coverage.parts] if coverage else []
    uncovered = line.open_quantity - sum((part.quantity for part in parts), Decimal(0))
    # A page has hundreds of these bars: what is not drawn needs no words.
    if line.packed:
        text = say("{packed} {unit} packed", packed=format_quantity(line.packed), unit=unit)
        parts.insert(0, Part(line.packed, "done", "packed", text))
    if uncovered:
        text = say("{uncovered} {unit} not covered", uncovered=format_quantity(uncovered), unit=unit)
        parts.append(Part(uncovered, "open", say("not covered"), text))
    if line.cancelled:
        text = say("{cancelled} {unit} cancelled", cancelled=format_quantity(line.cancelled), unit=unit)
        parts.append(Part(line.cancelled, "gone", "cancelled", text))
    return draw(parts)


def _drawn_part(part: CoveragePart, unit: str, today: date) -> Part:
    quantity = f"{shown_quantity(part.quantity)} {unit}"
    if part.supply is None:
        tone = TONES_OF_PARTS.get(part.kind, "stock")
        text = part.reason if part.kind is PartKind.uncovered else say("in stock")
        source = text if part.kind is PartKind.uncovered else say("allocated in stock")
        reason = say(", {reason}", reason=named(part.reason)) if part.reason and part.reason != source else ""
        return Part(
            part.quantity,
            tone,
            text,
            say("{quantity} {source}{reason}", quantity=quantity, source=source, reason=reason),
        )
    when = (
        say("expected {day}", day=day(part.day))
        if part.day
        else part.reason
        if part.supply.expected_on
        else say("without a date")
    )
    url = document_url("procurement.purchase_order", part.supply.purchase_order_id) or ""
    return Part(
        part.quantity,
        "incoming",
        part.supply.purchase_order,
        say("{quantity} of {supply}, {when}", quantity=quantity, supply=part.supply.name, when=when),
        url,
    )


def _purchase_allocations(session: Session, order: Order) -> Mapping[str, Any] | None:
    if order.state != OrderState.confirmed:
        return None
    # By ids: with a subquery PostgreSQL would join every purchase allocation there is before it looks for these.
    of_order = is_one_of(session, PurchaseAllocation.line_id, [line.id for line in order.lines])
    allocations = queries.purchase_allocations_to(session, of_order)
    found = coverage_of_order(session, order.id)
    bars = [(line, line_bar(line, found.get(line.id))) for line in order.lines if line.is_open]
    return {"purchase_allocations": allocations, "coverage": bars}


PANELS = (Panel("Purchase allocations", "preorder/sales_order.html", _purchase_allocations, "preorder.view"),)
