"""Purchase line statuses as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, switch, whole_number
from erp.text import plural, say
from modules.procurement.domain import StatusData
from modules.procurement.models import PurchaseLineStatus
from modules.procurement.services import save_statuses


def _save(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    defaults = [row for row in rows if row["is_default"]]
    for row in defaults[1:]:
        errors.add(
            row, "is_default", say("is a second default: row {defaults} is the default", defaults=defaults[0].number)
        )
    errors.raise_if_any()
    saved = save_statuses(session, [StatusData(row["name"], row["position"], row["is_default"]) for row in rows])
    return say(
        "{statuses}: {new} new, {changed} changed.",
        statuses=plural(len(rows), "status", "statuses"),
        new=saved.new,
        changed=saved.changed,
    )


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    status = PurchaseLineStatus
    return session.execute(select(status.name, status.position, status.is_default).order_by(status.id))


STATUS_IMPORT = ImportKind(
    name="purchase_line_statuses",
    title="Purchase line statuses",
    permission="procurement.system_data",
    columns=(
        Column("name", code(80), required=True),
        Column("position", whole_number),
        Column("is_default", switch),
    ),
    key=("name",),
    apply=_save,
)

STATUSES = ExportKind(
    name="purchase_line_statuses",
    title="Purchase line statuses",
    permission="procurement.view",
    columns=("name", "position", "is_default"),
    rows=_rows,
)
