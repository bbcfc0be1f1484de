"""Ready sales documents and files for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from erp import clock
from erp.exchange import ImportRefused, export_csv, import_csv
from modules.inventory_lots.models import Product
from modules.sales import services
from modules.sales.models import Backorder, Customer, Order, OrderLine, Pack
from modules.sales.services import NewLine, NewOrder
from tests.support.inventory_lots import make_product
from tests.support.numbering import next_number

FIRST_DAY = datetime(2026, 11, 1, 9, tzinfo=UTC)


def make_customer(session: Session, **overrides: Any) -> Customer:
    """Return a customer with a code and an address of its own."""
    code = f"C{next_number('customer'):04d}"
    customer = Customer(
        **{"code": code, "name": f"Customer {code}", "email": f"{code.lower()}@customers.example"} | overrides
    )
    session.add(customer)
    session.flush()
    return customer


def make_packs(session: Session, order_id: int, serials: Mapping[int, Sequence[str]] | None = None) -> list[Pack]:
    """Pack what is allocated of an order; return the packs that were made."""
    ids = [pack.id for pack in services.pack_order(session, order_id, serials)]
    return list(session.scalars(select(Pack).where(Pack.id.in_(ids)).order_by(Pack.id)))


def make_draft(
    session: Session, lines: Iterable[tuple[Product, Decimal | int | str]] | None = None, **overrides: Any
) -> Order:
    """Return a draft with a line for each (product, quantity), ordered an hour after the one made before. Commits.

    All lines are requested for the same day, if any.
    """
    customer, requested_on = overrides.pop("customer", None), overrides.pop("requested_on", None)
    customer = customer or make_customer(session)
    ordered_at = FIRST_DAY + timedelta(hours=next_number("order"))
    order = Order(**{"customer": customer, "ordered_at": ordered_at} | overrides)
    wanted = [(make_product(session), 1)] if lines is None else lines
    for position, (product, quantity) in enumerate(wanted, start=1):
        line = OrderLine(position=position, product=product, quantity=Decimal(quantity), requested_on=requested_on)
        order.lines.append(line)
    session.add(order)
    session.commit()
    return order


def make_order(
    session: Session, lines: Iterable[tuple[Product, Decimal | int | str]] | None = None, **overrides: Any
) -> Order:
    """Return a confirmed order; whether it is allocated is up to the option. Commits."""
    order = make_draft(session, lines, **overrides)
    services.confirm(session, order.id)
    session.commit()
    return order


def allocate(session: Session, *products: Product) -> None:
    """Run products as a run of the whole book does. Commits."""
    session.commit()
    services.allocate_products(session, [product.id for product in products])
    session.commit()


def open_backorder(session: Session, line_id: int) -> Backorder | None:
    """Return a line's open backorder row, if it has one."""
    return session.scalar(select(Backorder).where(Backorder.line_id == line_id, Backorder.is_open))


def load(session: Session, kind: str, *rows: str, after: Sequence[str] = ()) -> str:
    """Import the rows of a file and return the summary. Commits."""
    summary = import_csv(session, kind, "\n".join(rows).encode(), after=after)
    session.commit()
    return summary


def errors_of(session: Session, kind: str, *rows: str) -> list[tuple[int, str, str]]:
    """Import a file that must be refused; return (row, column, message) of each error."""
    with pytest.raises(ImportRefused) as refused:
        load(session, kind, *rows)
    session.rollback()
    return [(error.row, error.column, error.message) for error in refused.value.errors]


def dump(session: Session, kind: str) -> list[str]:
    """Export a file and return its rows, the header first."""
    return "".join(export_csv(session, kind)).splitlines()


def make_queue(session: Session, product: Product, orders: int) -> None:
    """Confirm many orders of one product at once, and allocate it."""
    ordered_at, customer_id, lines = clock.now(), make_customer(session).id, [NewLine(product.id, Decimal(2))]
    services.create_confirmed(
        session, [NewOrder(f"MANY-{number}", customer_id, ordered_at, lines) for number in range(orders)]
    )
    allocate(session, product)
