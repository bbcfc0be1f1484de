"""Suppliers as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.contacts import ADDRESS_PARTS, ContactData, save_contacts
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, email_address, text
from erp.text import plural, say
from modules.procurement.models import Supplier

COLUMNS = (
    Column("code", code(60), required=True),
    Column("name", text(200), required=True),
    Column("email", email_address),
    *(Column(name, text(length)) for name, length in ADDRESS_PARTS.items()),
)


def _save(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    errors.raise_if_any()
    saved = save_contacts(session, Supplier, [_contact(row) for row in rows])
    return say(
        "{suppliers}: {new} new, {changed} changed.",
        suppliers=plural(len(rows), "supplier"),
        new=saved.new,
        changed=saved.changed,
    )


def _contact(row: Row) -> ContactData:
    address = {name: row[name] or "" for name in ADDRESS_PARTS if row.given(name)}
    return ContactData(row["code"], row["name"], _email(row), address)


def _email(row: Row) -> str | None:
    """Return the address, an empty text for an empty cell, or None where the file has no such column."""
    return row["email"] or "" if row.given("email") else None


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    columns = [getattr(Supplier, column.name) for column in COLUMNS]
    return session.execute(select(*columns).order_by(Supplier.id)).yield_per(5000)


SUPPLIER_IMPORT = ImportKind(
    name="suppliers",
    title="Suppliers",
    permission="procurement.edit",
    columns=COLUMNS,
    key=("code",),
    apply=_save,
    screen="procurement.supplier",
)

SUPPLIERS = ExportKind(
    name="suppliers",
    title="Suppliers",
    permission="procurement.view",
    columns=tuple(column.name for column in COLUMNS),
    rows=_rows,
)
