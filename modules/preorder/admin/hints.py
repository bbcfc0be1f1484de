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
from erp.text import joined, say
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
        return say("Scheduled: served from {served_from} on.", served_from=day(hint.served_from))
    if hint.coverage is None:
        return say("Packed by serial number: {serials} usable in stock.", serials=format_quantity(hint.serials))
    sentences = [_expected(hint.coverage)]
    if hint.by_hand:
        sentences.append(say("You could allocate {by_hand}.", by_hand=joined(hint.by_hand, say(" or "))))
    if hint.reserved_for:
        when = (
            say("from {promised_by_atp} on", promised_by_atp=day(hint.promised_by_atp))
            if hint.promised_by_atp
            else say("for no day")
        )
        sentences.append(
            say(
                "ATP promises it {when}: it reserves for {reserved_for}.",
                when=when,
                reserved_for=joined(hint.reserved_for, ", "),
            )
        )
    text = joined(sentences)
    return text if options.sales.allocate_on_confirm else say("When next run: {text}", text=text)


def _expected(found: Coverage) -> str:
    parts = say(" ({parts})", parts=found.describe()) if len(found.parts) > 1 or found.purchase_allocated else ""
    if found.expected is None and not found.missing:
        return say("Waits for the other lines, because the order ships complete{parts}.", parts=parts)
    if found.expected is None:
        return (
            say("Not covered{parts}.", parts=parts)
            if not parts
            else say("Not all of it is covered{parts}.", parts=parts)
        )
    return (
        say("Available today.")
        if found.expected == found.today
        else say("Expected to ship on {expected}{parts}.", expected=day(found.expected), parts=parts)
    )
