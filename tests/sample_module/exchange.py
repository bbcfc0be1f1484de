"""Wishes as CSV, and a column of the kind `customers`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from erp.exchange import Column, Errors, ExportKind, ImportKind, Row, code, switch, take, text
from modules.sales.models import Customer, Order
from modules.sample_module import services
from modules.sample_module.models import CustomerTerms, Wish

CUSTOMER_COLUMNS = (Column("wishes_first", switch),)
CUSTOMER_MAPS = {"shopify": {"wishes_first": take("Accepts Wishes", values={"true": "yes", "false": "no"})}}


def save_customers(session: Session, rows: Sequence[Row], errors: Errors) -> None:
    """Store whose wishes come first; sales has stored the customers already."""
    codes = select(Customer).where(Customer.code.in_([row["code"] for row in rows]))
    customers = {customer.code: customer for customer in session.scalars(codes)}
    for row in rows:
        services.set_terms(session, customers[row["code"]], wishes_first=bool(row["wishes_first"]))


def customers_out(session: Session) -> Mapping[str, Sequence[bool]]:
    """Return whether a customer's wishes come first, by customer code."""
    rows = select(Customer.code, CustomerTerms.wishes_first).join(CustomerTerms.customer)
    return {code: (wishes_first,) for code, wishes_first in session.execute(rows)}


def _save(session: Session, rows: Sequence[Row], errors: Errors) -> str:
    numbers = select(Order).where(Order.number.in_([row["order"] for row in rows]))
    orders = {order.number: order for order in session.scalars(numbers)}
    for row in rows:
        if row["order"] not in orders:
            errors.add(row, "order", "is not the number of a sales order")
    errors.raise_if_any()
    for row in rows:
        services.make_wish(session, orders[row["order"]], row["text"])
    return f"{len(rows)} wishes."


def _rows(session: Session) -> Iterable[Sequence[Any]]:
    return session.execute(select(Order.number, Wish.text).join(Wish.order).order_by(Wish.id))


WISHES = ImportKind(
    name="wishes",
    title="Wishes",
    permission="sample_module.grant",
    columns=(Column("order", code(40), required=True), Column("text", text(200), required=True)),
    key=("order",),
    apply=_save,
)
WISHES_OUT = ExportKind(
    name="wishes", title="Wishes", permission="sample_module.view", columns=("order", "text"), rows=_rows
)
