"""Ready sales documents for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from sqlalchemy.orm import Session

from modules.inventory_lots.models import Product
from modules.sales import services
from modules.sales.models import Customer, Order, OrderLine
from tests.support.inventory_lots import make_product

_numbers = count(1)
FIRST_DAY = datetime(2026, 11, 1, 9, tzinfo=UTC)


def make_customer(session: Session, **overrides: Any) -> Customer:
    """Return a customer with a code and an address of their own."""
    code = f"C{next(_numbers):04d}"
    customer = Customer(
        **{"code": code, "name": f"Customer {code}", "email": f"{code.lower()}@customers.example"} | overrides
    )
    session.add(customer)
    session.flush()
    return customer


def make_draft(
    session: Session, lines: Iterable[tuple[Product, Decimal | int | str]] | None = None, **overrides: Any
) -> Order:
    """Return a draft with a line for each (product, quantity), ordered an hour after the one made before. Commits."""
    customer = overrides.pop("customer", None) or make_customer(session)
    ordered_at = FIRST_DAY + timedelta(hours=next(_numbers))
    order = Order(**{"customer": customer, "ordered_at": ordered_at} | overrides)
    wanted = [(make_product(session), 1)] if lines is None else lines
    for position, (product, quantity) in enumerate(wanted, start=1):
        order.lines.append(OrderLine(position=position, product=product, quantity=Decimal(quantity)))
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
