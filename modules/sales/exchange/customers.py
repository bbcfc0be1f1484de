"""Customers in and out, by code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.contacts import ADDRESS_PARTS, ContactData
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, email_address, text
from erp.text import plural, say
from modules.sales import services
from modules.sales.exchange.maps import CUSTOMER_MAPS
from modules.sales.models import Customer

COLUMNS = (
    Column("code", code(60), required=True),
    Column("name", text(200), required=True),
    Column("email", email_address),
    *(Column(name, text(length)) for name, length in ADDRESS_PARTS.items()),
)


def _apply(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    saved = services.save_customers(session, [_contact(row) for row in rows])
    return say(
        "{customers}: {new} new, {changed} changed.",
        customers=plural(len(rows), "customer"),
        new=saved.new,
        changed=saved.changed,
    )


def _contact(row: Row) -> ContactData:
    address = {name: row[name] or "" for name in ADDRESS_PARTS if row.given(name)}
    return ContactData(row["code"], row["name"], (row["email"] or "") if row.given("email") else None, address)


def _rows(session: Session) -> Iterable[Sequence[object]]:
    return session.execute(select(*(getattr(Customer, column.name) for column in COLUMNS)).order_by(Customer.id))


CUSTOMER_IMPORT = ImportKind(
    name="customers",
    title="Customers",
    permission="sales.edit",
    columns=COLUMNS,
    key=("code",),
    apply=_apply,
    maps=CUSTOMER_MAPS,
    screen="sales.customer",
)
CUSTOMERS = ExportKind(
    name="customers",
    title="Customers",
    permission="sales.view",
    columns=tuple(column.name for column in COLUMNS),
    rows=_rows,
)
