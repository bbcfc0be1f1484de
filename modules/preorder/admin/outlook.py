"""What a person asks first of a sales order: what can leave on which day, and what is late."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from erp import clock
from erp.admin import DatedPart, Panel, later_than
from erp.admin.formatting import day
from erp.numbers import plural_quantity
from erp.text import joined, plural, say
from modules.preorder.admin.order_coverage import coverage_of_order
from modules.preorder.coverage import Coverage, Part, PartKind
from modules.sales.models import Order
from modules.sales.states import OrderState

MOST_NAMED = 4


def _outlook(session: Session, order: Order) -> Mapping[str, Any] | None:
    if order.state != OrderState.confirmed:
        return None
    found = coverage_of_order(session, order.id)
    positions = {line.id: line.position for line in order.lines}
    parts = list(_dated_parts(found))
    late = [(positions[line_id], coverage) for line_id, coverage in found.items() if coverage.is_late]
    if late:
        parts.append(_late(sorted(late, key=lambda each: each[0])))
    return {"parts": parts} if parts else None


def _dated_parts(found: Mapping[int, Coverage]) -> Iterator[DatedPart]:
    """Return what can leave on each day, the first day first, and last what has no day."""
    today = clock.today()
    parts = [(line_id, part) for line_id, coverage in found.items() for part in coverage.parts]
    last = later_than(part.day for _, part in parts if part.day and part.day > today)
    groups: dict[tuple[str, str], list[tuple[int, Part]]] = {}
    for line_id, part in sorted(parts, key=lambda each: each[1].day or date.max):
        groups.setdefault(_label(part.day, today, last), []).append((line_id, part))
    return (_part(label, tone, group) for (label, tone), group in groups.items())


def _label(day_: date | None, today: date, last: date | None) -> tuple[str, str]:
    if day_ is None:
        return "No date", "warning"
    if day_ <= today:
        return "Now", "success"
    return say("After {last}", last=day(last)) if last and day_ > last else day(day_), "info"


def _part(label: str, tone: str, parts: Sequence[tuple[int, Part]]) -> DatedPart:
    lines = len({line_id for line_id, _ in parts})
    units = sum((part.quantity for _, part in parts), Decimal(0))
    return DatedPart(
        label, joined((plural(lines, "line"), plural_quantity(units, "unit")), ", "), _sources(parts), tone
    )


def _sources(parts: Iterable[tuple[int, Part]]) -> str:
    """Return where the parts come from, or why they have no day."""
    names = dict.fromkeys(_source(part) for _, part in parts)
    shown = [name for name in names if name][:MOST_NAMED]
    more = len(names) - len(shown)
    return joined(shown, ", ") + (say(" and {more} more", more=more) if more and shown else "")


def _source(part: Part) -> str:
    if part.supply is not None:
        return say("from {purchase_order}", purchase_order=part.supply.purchase_order)
    return part.reason if part.kind in (PartKind.uncovered, PartKind.blocked) and part.reason else say("in stock")


def _late(lines: Sequence[tuple[int, Coverage]]) -> DatedPart:
    named = [
        say("line {position}{coverage}", position=position, coverage=_promise(coverage))
        for position, coverage in lines[:MOST_NAMED]
    ]
    more = len(lines) - len(named)
    note = joined(named, ", ") + (say(" and {more} more", more=more) if more else "")
    return DatedPart("Late", plural(len(lines), "line"), note, "danger")


def _promise(coverage: Coverage) -> str:
    expected = say("expected {expected}", expected=day(coverage.expected)) if coverage.expected else say("no date")
    return (
        say(": promised {promised}, {expected}", promised=day(coverage.promised), expected=expected)
        if coverage.promised
        else say(": {expected}", expected=expected)
    )


SUMMARY = Panel("When it can leave", "erp/dated_parts.html", _outlook, "preorder.view", is_summary=True)
