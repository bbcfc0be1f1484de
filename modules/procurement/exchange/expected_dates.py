"""Expected dates of purchase order lines as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, day, whole_number
from erp.text import plural, say
from modules.procurement.exchange.lines import find_lines
from modules.procurement.models import PurchaseOrder, PurchaseOrderLine
from modules.procurement.queries import booked_lines
from modules.procurement.services import set_expected_dates


def _save(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    line_ids = find_lines(session, rows, errors)
    errors.raise_if_any()
    dates = {line_ids[row["number"], row["line"]]: row["expected_on"] for row in rows}
    changed = set_expected_dates(session, dates)
    return say(
        "{expected_dates}: {changed} changed.", expected_dates=plural(len(rows), "expected date"), changed=changed
    )


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    line = PurchaseOrderLine
    rows = select(PurchaseOrder.number, line.position, line.expected_on)
    return session.execute(booked_lines(rows)).yield_per(5000)


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
