"""The run over the whole book at the HTTP interface: previewed without locks, and done as it was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from erp.api import Computed, Field, Kind, Planned, Task, Values
from erp.db import format_quantity
from modules.sales import queries, services
from modules.sales.queries import LinePlan

MOST_SHOWN = 500
_BEFORE_AND_AFTER = ("allocated", "backordered", "on_purchase_orders")
_CHANGE = (
    Field("order", kind=Kind.text),
    Field("position", kind=Kind.whole),
    Field("sku", kind=Kind.text),
    *(Field(f"{name}_{side}", kind=Kind.quantity) for name in _BEFORE_AND_AFTER for side in ("before", "after")),
    Field("exchanged", kind=Kind.quantity),
)


def _preview(session: Session, _values: Values) -> tuple[Values, str]:
    preview = queries.preview_book(session, queries.waiting_product_ids(session))
    changes = queries.line_plans(session, preview.changes, most=MOST_SHOWN)
    return _answer("", len(preview.fingerprints), len(preview.changes), changes), queries.plan_of(preview)


def _run(session: Session, _values: Values, plan: str = "") -> Values | None:
    done = services.allocate_book_at_once(session, plan=plan, most=MOST_SHOWN)
    return None if done is None else _answer(done.summary, done.products, done.lines, done.changes)


def _run_at_once(session: Session, values: Values) -> Values:
    return _run(session, values) or {}


def _answer(summary: str, products: int, lines: int, changes: Sequence[LinePlan]) -> dict[str, Any]:
    return {"summary": summary or None, "products": products, "lines": lines, "changes": list(map(_change, changes))}


def _change(line: LinePlan) -> dict[str, Any]:
    sides = {
        f"{name}_{side}": format_quantity(value)
        for name in _BEFORE_AND_AFTER
        for side, value in zip(("before", "after"), getattr(line, name), strict=True)
    }
    exchanged = format_quantity(line.exchanged)
    return {"order": line.order, "position": line.position, "sku": line.sku, **sides, "exchanged": exchanged}


ALLOCATE_BOOK = Task(
    "allocate-book",
    "Serve all open demand in order of service, in one transaction",
    "sales.allocate",
    (
        Computed("summary", Kind.text),
        Computed("products", Kind.whole),
        Computed("lines", Kind.whole),
        Computed("changes", Kind.objects, fields=_CHANGE),
    ),
    _run_at_once,
    planned=Planned(_preview, _run),
)
