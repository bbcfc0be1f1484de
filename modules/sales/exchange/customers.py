"""Customers in and out, by code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import history
from erp.db import chunks
from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, text
from modules.sales.exchange.words import count
from modules.sales.models import Customer

COLUMNS = (
    Column("code", code(60), required=True),
    Column("name", text(200), required=True),
    Column("email", text(254)),
)


def customers_by_code(session: Session, codes: Iterable[str]) -> dict[str, Customer]:
    """Return the customers of these codes; one that does not exist is left out."""
    found = {}
    for part in chunks(sorted(set(codes)), 5000):
        found.update({row.code: row for row in session.scalars(select(Customer).where(Customer.code.in_(part)))})
    return found


def _apply(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    known = customers_by_code(session, (row["code"] for row in rows))
    new = [row for row in rows if row["code"] not in known]
    changed = sum(_change(known[row["code"]], row) for row in rows if row["code"] in known)
    made = [Customer(code=row["code"], name=row["name"], email=row["email"] or "") for row in new]
    session.add_all(made)
    session.flush()
    history.record_all(session, [history.Change(customer.history_subject(), "created") for customer in made])
    return f"{count(len(rows), 'customer')}: {len(new)} new, {changed} changed."


def _change(customer: Customer, row: Row) -> bool:
    before = (customer.name, customer.email)
    customer.name = row["name"]
    if row.given("email"):
        customer.email = row["email"] or ""
    return before != (customer.name, customer.email)


def _rows(session: Session) -> Iterable[Sequence[object]]:
    return session.execute(select(Customer.code, Customer.name, Customer.email).order_by(Customer.id))


CUSTOMER_IMPORT = ImportKind(
    name="customers", title="Customers", permission="sales.edit", columns=COLUMNS, key=("code",), apply=_apply
)
CUSTOMERS = ExportKind(
    name="customers",
    title="Customers",
    permission="sales.view",
    columns=tuple(column.name for column in COLUMNS),
    rows=_rows,
)
