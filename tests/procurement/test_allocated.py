"""The counter `allocated` of purchase order lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from erp.numbers import to_raw
from modules.inventory_lots.services import lock_products
from modules.procurement.services import add_allocated, release_allocated
from tests.support.inventory_lots import make_product
from tests.support.procurement import make_purchase_order


def test_allocated_quantities_are_added_and_released_under_the_product_lock(session: Session) -> None:
    product = make_product(session)
    line = make_purchase_order(session, [(product, 10)]).lines[0]
    session.commit()
    with pytest.raises(RuntimeError, match="must be locked"):
        add_allocated(session, [(line.id, to_raw(1))])
    session.rollback()
    lock_products(session, [product.id])
    add_allocated(session, [(line.id, to_raw(4)), (line.id, to_raw(2))])
    assert line.allocated == 6
    release_allocated(session, [(line.id, to_raw(5))])
    assert line.allocated == 1
    add_allocated(session, [])


def test_allocating_takes_the_same_number_of_statements_for_one_line_and_for_many(
    session: Session, count_statements: Callable[..., Any]
) -> None:
    product = make_product(session)
    lines = make_purchase_order(session, [(product, 10)] * 100).lines
    amounts = [(line.id, to_raw(1)) for line in lines]
    session.commit()
    lock_products(session, [product.id])
    with count_statements() as one:
        add_allocated(session, amounts[:1])
        session.flush()
    with count_statements() as many:
        add_allocated(session, amounts)
        session.flush()
    assert len(one) == len(many)
