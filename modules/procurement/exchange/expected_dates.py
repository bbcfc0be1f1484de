"""Expected dates of purchase order lines as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, day, whole_number
from modules.procurement import queries
from modules.procurement.exchange.receipts import find_line
from modules.procurement.exchange.words import count
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.services import set_expected_dates
from modules.procurement.states import PurchaseState


def _save(session: Session, rows: list[Row], errors: Errors) -> str:
    line_ids = queries.line_ids_by_place(session, [row["number"] for row in rows])
    numbers = {number for number, _ in line_ids}
    for row in rows:
        find_line(row, line_ids, numbers, errors)
    errors.raise_if_any()
    dates = {line_ids[row["number"], row["line"]]: row["expected_on"] for row in rows}
    changed = set_expected_dates(session, dates)
    return f"{count(len(rows), 'expected date')}: {changed} changed."


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    order, line = PurchaseOrder, PurchaseOrderLine
    lines = (
        select(order.number, line.position, line.expected_on)
        .join(line.order)
        .where(order.state.not_in((PurchaseState.draft, PurchaseState.cancelled)))
        .order_by(order.id, line.position)
    )
    return session.execute(lines).yield_per(5000)


EXPECTED_DATE_IMPORT = ImportKind(
    name="expected_dates",
    title="Expected dates of purchase orders",
    permission="procurement.edit",
    columns=(
        Column("number", code(40), required=True),
        Column("line", whole_number, required=True),
        Column("expected_on", day, required=True, can_be_empty=True),
    ),
    key=("number", "line"),
    apply=_save,
)

EXPECTED_DATES = ExportKind(
    name="expected_dates",
    title="Expected dates of purchase orders",
    permission="procurement.view",
    columns=("number", "line", "expected_on"),
    rows=_rows,
)
