"""Customers in and out, by code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
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
    codes = [row["code"] for row in rows]
    known = customers_by_code(session, codes)
    new = [row for row in rows if row["code"] not in known]
    _insert(session, new)
    customers = customers_by_code(session, codes)
    changed = sum(_change(customers[row["code"]], row) for row in rows)
    session.flush()
    history.record_all(session, [history.Change(customers[row["code"]].history_subject(), "created") for row in new])
    return f"{count(len(rows), 'customer')}: {len(new)} new, {changed} changed."


def _insert(session: Session, new: Sequence[Row]) -> None:
    # Two files may bring the same customer at once: the second then changes what the first made.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    values = [{"code": row["code"], "name": row["name"], "email": row["email"] or "", "row_version": 1} for row in new]
    for part in chunks(values, 5000):
        session.execute(insert(Customer).on_conflict_do_nothing(), list(part))


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
