"""Edits of many rows at once, with their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Table
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from erp.db import bulk_update
from erp.history import Change, record_all
from modules.inventory_lots.models import Lot, Product

Edit = tuple[Any, Mapping[str, Any]]


def edit_many(session: Session, model: type[Product | Lot], types: Mapping[str, str], edits: Sequence[Edit]) -> None:
    """Give each row the values beside it: two statements for any number of rows.

    `types` names the fields, the same for all, with their PostgreSQL types. The history gets what each of them was.
    """
    changes = [
        Change(row.history_subject(), "changed", field, getattr(row, field), values[field])
        for row, values in edits
        for field in types
        if getattr(row, field) != values[field]
    ]
    record_all(session, changes)
    table = cast(Table, model.__table__)
    sets = {field: f"{{new_{field}}}" for field in types} | {"row_version": f"{table.name}.row_version + 1"}
    rows = [(row.id, *(values[field] for field in types)) for row, values in edits]
    bulk_update(session, table, sets, {f"new_{field}": kind for field, kind in types.items()}, rows)
    for row, values in edits:
        # What is known of the row is brought up to date by hand, so that nobody has to read it again.
        for field in types:
            set_committed_value(row, field, values[field])
        set_committed_value(row, "row_version", row.row_version + 1)
