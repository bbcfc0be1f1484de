"""What a person asks first of a purchase order: when its goods come, what is overdue, and what is to be done next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import DatedPart, NextStep, Panel, later_than
from erp.admin.formatting import day
from erp.numbers import format_quantity, plural_quantity
from erp.text import joined, plural, say
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.states import PurchaseState

OVERDUE = "Overdue"


def next_step(order: PurchaseOrder) -> NextStep | None:
    """Return what is to be done next with a purchase order; None where nothing is outstanding."""
    if order.state == PurchaseState.draft:
        return NextStep("order", say("order it, so that its lines count as incoming supply."))
    lines = _open_lines(order)
    if not lines:
        return None
    overdue = [line for line in lines if _is_overdue(line)]
    if overdue:
        some = plural(len(overdue), "line is overdue", "lines are overdue")
        return NextStep("receive", say("{some}. Receive what has come, or give it another expected date.", some=some))
    return NextStep("receive", say("receive the goods when they come."))


def _open_lines(order: PurchaseOrder) -> list[PurchaseOrderLine]:
    return [line for line in order.lines if line.has_outstanding] if order.is_open else []


def _is_overdue(line: PurchaseOrderLine) -> bool:
    return line.expected_on is not None and line.expected_on < clock.today()


def _dated(_session: Session, order: PurchaseOrder) -> Mapping[str, Any] | None:
    lines = _open_lines(order)
    if not lines:
        return None
    groups: dict[str, list[PurchaseOrderLine]] = {}
    last = later_than([line.expected_on for line in lines if not _is_overdue(line)])
    for line in sorted(lines, key=lambda line: line.expected_on or date.max):
        groups.setdefault(_label(line, last), []).append(line)
    return {"parts": [_part(label, group) for label, group in groups.items()]}


def _label(line: PurchaseOrderLine, last: date | None) -> str:
    if line.expected_on is None:
        return "No date"
    if _is_overdue(line):
        return OVERDUE
    return say("After {last}", last=day(last)) if last and line.expected_on > last else day(line.expected_on)


def _part(label: str, lines: Sequence[PurchaseOrderLine]) -> DatedPart:
    units = sum((line.outstanding for line in lines), Decimal(0))
    allocated = sum((line.allocated for line in lines), Decimal(0))
    notes = [say("{allocated} for sales orders", allocated=format_quantity(allocated))] if allocated else []
    first = lines[0].expected_on
    tone = "warning" if first is None else "neutral"
    if first and label == OVERDUE:
        tone, notes = "danger", [say("since {first}", first=day(first)), *notes]
    return DatedPart(
        label, joined((plural(len(lines), "line"), plural_quantity(units, "unit")), ", "), joined(notes, ", "), tone
    )


SUMMARY = Panel("When it comes", "erp/dated_parts.html", _dated, is_summary=True)
