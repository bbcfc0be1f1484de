"""Purchase order lines as supply: which, in which order, how much."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session

from erp.numbers import to_raw
from modules.procurement.queries import unallocated_supply
from modules.procurement.states import PurchaseState
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order


def supply(session: Session, *products: Any) -> list[tuple[int, int, int, date | None]]:
    rows = unallocated_supply(session, [product.id for product in products])
    return [tuple(row) for row in session.execute(rows)]


def line_ids(session: Session, *products: Any) -> list[int]:
    return [row[0] for row in supply(session, *products)]


def test_lines_serve_by_expected_date_then_order_date_then_age_and_without_a_date_last(session: Session) -> None:
    product = make_product(session)
    june, july = date(2026, 6, 1), date(2026, 7, 1)
    undated = make_purchase_order(session, [(product, 1)]).lines[0]
    late = make_purchase_order(session, [(product, 1, july)]).lines[0]
    ordered_later = make_purchase_order(session, [(product, 1, june)], ordered_on=date(2026, 2, 1)).lines[0]
    ordered_earlier = make_purchase_order(session, [(product, 1, june)], ordered_on=date(2026, 1, 1)).lines[0]
    younger = make_purchase_order(session, [(product, 1, june)], ordered_on=date(2026, 1, 1)).lines[0]
    expected = [ordered_earlier, younger, ordered_later, late, undated]
    assert line_ids(session, product) == [line.id for line in expected]


def test_products_come_one_after_the_other(session: Session) -> None:
    first, second = make_product(session), make_product(session)
    order = make_purchase_order(session, [(second, 1, date(2026, 1, 1)), (first, 1, date(2026, 2, 1))])
    assert line_ids(session, first, second) == [order.lines[1].id, order.lines[0].id]


@pytest.mark.parametrize("state", list(PurchaseState))
def test_only_orders_that_are_open_are_supply(session: Session, state: PurchaseState) -> None:
    product = make_product(session)
    make_purchase_order(session, [(product, 1)], state=state)
    is_open = state in (PurchaseState.ordered, PurchaseState.partly_received)
    assert bool(line_ids(session, product)) is is_open


def test_supply_is_what_is_outstanding_and_not_allocated(session: Session) -> None:
    product = make_product(session)
    lines = [
        {"product": product, "quantity": 10, "received": Decimal(2), "cancelled": Decimal(1), "allocated": Decimal(3)},
        {"product": product, "quantity": 10, "received": Decimal(12)},
        {"product": product, "quantity": 10, "allocated": Decimal(10)},
    ]
    order = make_purchase_order(session, lines)
    assert supply(session, product) == [(order.lines[0].id, product.id, to_raw(4), None)]
