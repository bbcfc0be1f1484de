"""The hint on the order form: what it asks, and its answer in words."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from erp import clock
from erp.admin.fields import as_id, check_year, read_quantity
from erp.admin.formatting import day
from erp.db import format_quantity
from erp.options import options
from modules.preorder.coverage import Coverage
from modules.preorder.queries import AskedLine, AskedOrder, Hint

MOST_LINES = 1000


def read_order(text: str) -> AskedOrder | None:
    """Return the order that a form describes in JSON; None where it is none."""
    try:
        asked: Any = json.loads(text)
        lines = [_read_line(line) for line in asked["lines"]]
        priority = int(asked.get("priority") or 0)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if len(lines) > MOST_LINES or abs(priority) > 2**31:
        return None
    ordered_at = _read_instant(str(asked.get("ordered_at") or "")) or clock.now()
    return AskedOrder(lines, ordered_at, priority, asked.get("shipping_policy") == "complete")


def _read_line(line: Any) -> AskedLine:
    """Return a line; one that cannot be read yet asks for a product that does not exist."""
    requested_on = str(line.get("requested_on") or "")
    try:
        quantity = read_quantity(str(line["quantity"]).strip())
        day = date.fromisoformat(requested_on) if requested_on else None
    except ValueError:
        return AskedLine(0, Decimal(1))
    return AskedLine(as_id(line["product"]) or 0, quantity, day)


def _read_instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
        check_year(found)
        return clock.from_local(found)
    except ValueError:
        return None


def hint_text(hint: Hint | None) -> str:
    """Return a hint in words."""
    if hint is None:
        return ""
    if hint.refusal:
        return str(hint.refusal)
    if hint.served_from:
        return f"Scheduled: served from {day(hint.served_from)} on."
    if hint.coverage is None:
        return f"Packed by serial number: {format_quantity(hint.serials)} usable in stock."
    sentences = [_expected(hint.coverage)]
    if hint.by_hand:
        sentences.append(f"You could allocate {' or '.join(hint.by_hand)}.")
    if hint.reserved_for:
        when = f"from {day(hint.promised_by_atp)} on" if hint.promised_by_atp else "for no day"
        sentences.append(f"ATP promises it {when}: it reserves for {', '.join(hint.reserved_for)}.")
    text = " ".join(sentences)
    return text if options.sales.allocate_on_confirm else f"When next run: {text}"


def _expected(found: Coverage) -> str:
    parts = f" ({found.describe()})" if len(found.parts) > 1 or found.purchase_allocated else ""
    if found.expected is None and not found.missing:
        return f"Waits for the other lines, because the order ships complete{parts}."
    if found.expected is None:
        return f"Not covered{parts}." if not parts else f"Not all of it is covered{parts}."
    return "Available today." if found.expected == found.today else f"Expected to ship on {day(found.expected)}{parts}."
